//! What a backend stamps into an agent's environment, against what a manifest may set.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use bottle_contract::id::{BottleId, SUFFIX_LEN};
use bottle_contract::labels::Labels;
use bottle_contract::secret::Secret;

use super::prepare::{Answers, Parts, prepare};
use crate::backends::LaunchRequest;
use crate::backends::environment::stamped;
use crate::error::Result;
use crate::manifest::{EnvName, Folders, Overrides, load_agent};

struct Nobody;

impl Answers for Nobody {
    fn host(&self, _variable: &str) -> Result<Option<String>> {
        Ok(None)
    }

    fn ask(&self, prompt: &str) -> Result<Secret> {
        Ok(Secret::new(prompt.to_owned()))
    }
}

/// A request with all that leads to a variable of bottle's own, and one of the manifest's.
fn request() -> LaunchRequest {
    let manifest =
        "prompt = \"Do it.\"\n[image]\nreference = \"a\"\n[env]\nLOG_LEVEL = \"debug\"\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.toml");
    let mut file = File::create(&path).unwrap();
    file.write_all(manifest.as_bytes()).unwrap();
    let folders = Folders {
        bottles: folder.path().join("bottles"),
    };
    let loaded = load_agent(&path, &folders).unwrap();
    let resolved = loaded.resolve(&Overrides::default()).unwrap();
    let labels = Labels {
        id: BottleId::new(&resolved.name, [0; SUFFIX_LEN]),
        version: String::new(),
        owner: String::new(),
        manifest: String::new(),
    };
    let parts = Parts {
        labels,
        binary: PathBuf::new(),
        audit_dir: PathBuf::new(),
        owner: (1000, 1000),
        resolver: None,
        subnets: None,
        timeout: None,
    };
    prepare(&resolved, parts, &Nobody).unwrap()
}

#[test]
fn a_manifest_sets_no_variable_that_bottle_stamps() {
    let request = request();
    let env = stamped(&request, "10.0.0.2:3128".parse().unwrap());
    assert!(env.len() > 20, "{:?}", env.keys());
    for name in env.keys() {
        let own = request.env.contains_key(name);
        assert_eq!(name.parse::<EnvName>().is_ok(), own, "{name}");
    }
    assert!(env.contains_key("LOG_LEVEL") && env.contains_key("BOTTLE_PROMPT_FILE"));
}
