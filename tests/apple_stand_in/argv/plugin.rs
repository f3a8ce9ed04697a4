//! What is said of a word that names no command: it may be a plugin, and there is none.

/// Where Apple's CLI looks for a plugin.
const FOLDERS: [&str; 2] = [
    "/usr/local/libexec/container-plugins",
    "/usr/local/libexec/container/plugins",
];

/// Whether Apple's service runs: without it, no plugin can be looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// It answers.
    Up,
    /// It does not.
    Down,
}

/// Returns what is said of a plugin that is not there.
pub(crate) fn missing(word: &str, service: Service) -> String {
    let places = FOLDERS.map(|folder| format!("  - {folder}/{word}"));
    let places = places.join("\n");
    match service {
        Service::Up => format!(
            "Plugin 'container-{word}' not found.\n\n\
             - If system services are not running, start them with: container system start\n\
             - If the plugin isn't installed, ensure it exists under:\n\n\
             Check to see that the plugin exists under:\n{places}\n"
        ),
        Service::Down => format!(
            "Plugins are unavailable. Start the container system services and retry:\n\n    \
             container system start\n\n\
             Check to see that the plugin exists under:\n{places}\n"
        ),
    }
}
