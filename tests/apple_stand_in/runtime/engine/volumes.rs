//! The engine's volumes, as far as they are the stand-in's.

use serde_json::Value;

use super::cli::{CONFIGURATION, Engine, Kind};
use crate::runtime::failure::Failure;

/// A volume on the engine.
#[derive(Clone, Debug)]
pub(crate) struct Volume {
    /// Its name.
    pub(crate) name: String,
    /// Apple's configuration.
    pub(crate) configuration: Value,
}

fn read(item: &Value) -> Option<Volume> {
    let digits = item.get("Labels")?.get(CONFIGURATION)?.as_str()?;
    Some(Volume {
        name: item.get("Name")?.as_str()?.to_owned(),
        configuration: serde_json::from_slice(&unhex(digits)?).ok()?,
    })
}

/// Writes a configuration in hexadecimal digits: podman reads a volume's label as comma-separated
/// values, in which JSON does not fit.
pub(crate) fn hex(configuration: &Value) -> String {
    let bytes = configuration.to_string().into_bytes();
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let starts = (0..digits.len()).step_by(2);
    starts
        .map(|start| u8::from_str_radix(digits.get(start..start + 2)?, 16).ok())
        .collect()
}

/// Inspects volumes by their names; what is missing, or not the stand-in's, is left out.
pub(crate) fn inspect_volumes(engine: Engine, names: &[String]) -> Result<Vec<Volume>, Failure> {
    let groups: Vec<&[String]> = match engine.kind {
        Kind::Docker if names.is_empty() => Vec::new(),
        Kind::Docker => vec![names],
        // podman inspects nothing at all when one of several is missing.
        Kind::Podman => names.chunks(1).collect(),
    };
    let mut volumes = Vec::new();
    for group in groups {
        let mut words = vec!["volume", "inspect"];
        words.extend(group.iter().map(String::as_str));
        volumes.extend(engine.ask(&words)?.items().iter().filter_map(read));
    }
    Ok(volumes)
}

/// Lists the stand-in's volumes.
pub(crate) fn volumes(engine: Engine) -> Result<Vec<Volume>, Failure> {
    let filter = engine.filter();
    let words = ["volume", "ls", "--quiet", "--filter", &filter];
    let names = engine.ask(&words)?.success()?;
    let names: Vec<String> = names.lines().map(str::to_owned).collect();
    inspect_volumes(engine, &names)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_configuration_survives_its_digits() {
        let configuration = json!({"name": "a,\"b", "size": 1});
        let text = configuration.to_string();
        assert_eq!(unhex(&hex(&configuration)), Some(text.into_bytes()));
        assert_eq!(unhex("0g"), None);
        assert_eq!(unhex("0"), None);
    }
}
