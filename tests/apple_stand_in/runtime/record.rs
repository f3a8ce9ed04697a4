//! The record of what was asked: one line for each invocation, for tests to read.

use std::fs::File;
use std::io::Write as _;

/// Appends the words to the file that `APPLE_STAND_IN_LOG` names, as a JSON array on a line.
///
/// The line goes out in one write to a file that is only appended to, so concurrent invocations do
/// not mix.
pub fn record(words: &[String]) {
    let Some(path) = std::env::var_os("APPLE_STAND_IN_LOG").filter(|path| !path.is_empty()) else {
        return;
    };
    let line = format!("{}\n", serde_json::Value::from(words.to_vec()));
    let written = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(line.as_bytes()));
    if let Err(error) = written {
        super::output::log(&format!(
            "the stand-in cannot record in `{}`: {error}",
            path.display()
        ));
    }
}
