//! How an engine's own client is asked what it holds: docker's words, or Apple's.

use serde_json::Value;

use super::engine::Engine;
use super::namespaces;

/// Whose words a client understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    /// docker's, which are podman's too.
    Docker,
    /// Apple's.
    Apple,
    /// Nobody's: there is no engine, only processes.
    Nobody,
}

impl Engine {
    /// Lists all containers and networks that have this text in their names or labels.
    #[track_caller]
    pub(crate) fn holds(&self, text: &str) -> Vec<String> {
        match self.client {
            Client::Docker => self.lines_with(text),
            Client::Apple => self
                .everything()
                .iter()
                .filter(|found| found.to_string().contains(text))
                .map(|found| found["id"].as_str().unwrap().to_owned())
                .collect(),
            Client::Nobody => namespaces::processes(text),
        }
    }

    /// Returns how many resources a bottle is made of, as `bottle` lists them.
    pub(crate) fn resources(&self) -> usize {
        match self.client {
            Client::Docker | Client::Apple => 4,
            Client::Nobody => 2,
        }
    }

    /// Tells whether there are containers, which others than `bottle` can look into.
    pub(crate) fn has_containers(&self) -> bool {
        self.client != Client::Nobody
    }

    fn lines_with(&self, text: &str) -> Vec<String> {
        let mut found = self.ask(&["ps", "-a", "--format", "{{.Names}} {{.Labels}}"]);
        found += &self.ask(&["network", "ls", "--format", "{{.Name}} {{.Labels}}"]);
        let first = |line: &str| {
            line.split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        let lines = found.lines().filter(|line| line.contains(text));
        lines.map(first).collect()
    }

    /// Every container and network, as Apple's client describes them.
    fn everything(&self) -> Vec<Value> {
        let list =
            |words: &[&str]| -> Vec<Value> { serde_json::from_str(&self.ask(words)).unwrap() };
        let mut found = list(&["list", "--all", "--format=json"]);
        found.extend(list(&["network", "list", "--format=json"]));
        found
    }

    /// Describes a container, in the engine's own shape.
    #[track_caller]
    pub(crate) fn container(&self, name: &str) -> Value {
        self.described(
            match self.client {
                Client::Docker => &["container", "inspect"],
                Client::Apple => &["inspect"],
                Client::Nobody => panic!("there are no containers"),
            },
            name,
        )
    }

    #[track_caller]
    fn described(&self, words: &[&str], name: &str) -> Value {
        let text = self.ask(&[words, &[name]].concat());
        let mut list: Vec<Value> = serde_json::from_str(&text).unwrap();
        list.remove(0)
    }

    /// Returns the address of a container on a network.
    #[track_caller]
    pub(crate) fn address(&self, container: &str, network: &str) -> String {
        if self.client == Client::Nobody {
            return "127.0.0.1".to_owned();
        }
        let found = self.container(container);
        match self.client {
            Client::Docker => {
                let address = &found["NetworkSettings"]["Networks"][network]["IPAddress"];
                address.as_str().expect("an address").to_owned()
            }
            Client::Apple => {
                let attached = found["status"]["networks"].as_array().unwrap();
                let there = attached.iter().find(|one| one["network"] == network);
                let address = there.unwrap()["ipv4Address"].as_str().unwrap();
                address.split('/').next().unwrap().to_owned()
            }
            Client::Nobody => panic!("there are no containers"),
        }
    }

    /// Returns the gateways that the engine names for a network, whether they exist or not.
    #[track_caller]
    pub(crate) fn gateways(&self, network: &str) -> Vec<String> {
        let found = self.described(&["network", "inspect"], network);
        let subnets = [&found["IPAM"]["Config"], &found["subnets"]];
        subnets
            .into_iter()
            .filter_map(Value::as_array)
            .flatten()
            .flat_map(|subnet| [&subnet["Gateway"], &subnet["gateway"]])
            .chain([&found["status"]["ipv4Gateway"]])
            .filter_map(|gateway| gateway.as_str().map(str::to_owned))
            .collect()
    }

    /// Returns a label of a container.
    #[track_caller]
    pub(crate) fn label(&self, container: &str, key: &str) -> String {
        let found = self.container(container);
        let labels = match self.client {
            Client::Docker => &found["Config"]["Labels"],
            Client::Apple => &found["configuration"]["labels"],
            Client::Nobody => panic!("there are no containers"),
        };
        labels[key].as_str().expect("a label").to_owned()
    }

    /// Returns the status of a container that has ended, where the engine tells.
    #[track_caller]
    pub(crate) fn exit_code(&self, container: &str) -> Option<i64> {
        if self.client == Client::Nobody {
            return None;
        }
        self.container(container)["State"]["ExitCode"].as_i64()
    }

    /// Returns the bound on a container's processes that the engine enforces.
    #[track_caller]
    pub(crate) fn bound_on_processes(&self, container: &str) -> Option<i64> {
        if self.client == Client::Nobody {
            return None;
        }
        self.container(container)["HostConfig"]["PidsLimit"].as_i64()
    }

    /// Tells whether a program runs in a container, by its command line.
    pub(crate) fn runs(&self, container: &str, command: &str) -> bool {
        let script = "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; echo; done";
        let words: &[&str] = match self.client {
            Client::Docker => &["top", container],
            Client::Apple => &["exec", container, "sh", "-c", script],
            Client::Nobody => return namespaces::runs(container, command),
        };
        let listed = self.call(words).run().stdout;
        listed
            .lines()
            .any(|line| line.contains(command) && !line.contains("/proc/"))
    }

    /// Removes containers and networks by force, whatever state they are in.
    pub(crate) fn sweep(&self, names: &[String]) {
        if self.client == Client::Nobody {
            namespaces::sweep(names);
            return;
        }
        for name in names {
            let _gone = self.call(&["rm", "--force", name]).run();
        }
        for name in names {
            let _gone = self.call(&["network", "rm", name]).run();
        }
    }
}
