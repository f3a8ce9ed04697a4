//! What only holds for Apple's engine, seen through its stand-in: who is chosen, what is said to it
//! in which order, and what happens when it is down.

use std::fs;

use crate::harness::{
    Call, DEADLINE, HELLO, Names, Origin, Outcome, Room, macos_container, run, until,
};

/// Runs a scenario on the stand-in; on a Mac there is none.
fn on_the_stand_in(scenario: fn(&Room)) {
    if cfg!(target_os = "macos") {
        eprintln!("skipped: it is about the stand-in, and this is a Mac");
        return;
    }
    run(macos_container(), scenario);
}

/// The calls that the stand-in got since the scenario began, in order.
fn calls(room: &Room) -> Vec<Vec<String>> {
    let log = fs::read_to_string(room.engine_log()).unwrap_or_default();
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn at(calls: &[Vec<String>], what: &str, matches: impl Fn(&[String]) -> bool) -> usize {
    calls
        .iter()
        .position(|words| matches(words))
        .unwrap_or_else(|| panic!("nobody said {what}: {calls:?}"))
}

#[test]
fn it_is_taken_by_itself_on_its_own_system() {
    on_the_stand_in(|room| {
        let origin = Origin::tls();
        room.agent_with_route(&origin, "");
        let url = origin.url("/hello");
        let words = ["run", "--trust", "agent.toml", "--", "curl", "-fsS", &url];
        let ran = room.bottle(&words).run();
        ran.says("backend: macos-container 1.2.2 (the default on this system)");
        assert_eq!(ran.ok(), HELLO);
        assert_eq!(origin.requests().len(), 1);
        // The control: on another system the same engines are there, and it is not looked at.
        let elsewhere = room.bottle(&words).env("BOTTLE_HOST", "linux x86_64").run();
        assert!(!elsewhere.stderr.contains("macos-container"), "{elsewhere}");
        // What is named wins, and one that is named and does not fit is an error.
        let named = [
            "run",
            "--trust",
            "--backend",
            "macos-container",
            "agent.toml",
        ];
        room.bottle(&named)
            .env("BOTTLE_HOST", "macos 15.6 arm64")
            .run()
            .says("macOS 15.6 is too old")
            .code(125);
    });
}

#[test]
fn an_engine_that_is_down_is_one_clear_sentence_and_no_other_is_taken() {
    on_the_stand_in(|room| {
        room.agent("");
        for words in [
            &["run", "--trust", "agent.toml", "--", "true"][..],
            &[
                "run",
                "--trust",
                "--backend",
                "macos-container",
                "agent.toml",
                "--",
                "true",
            ],
        ] {
            let refused = room.bottle(words).env("APPLE_STAND_IN_DOWN", "1").run();
            refused
                .says("the service of Apple's `container` is not running")
                .code(125);
            refused.says("hint: container system start");
            assert_eq!(refused.stderr.lines().count(), 2, "{refused}");
            assert_eq!(refused.stdout, "");
        }
        assert_eq!(room.states(), Vec::<String>::new());
        // Other verbs say it too, and do not fail by it.
        room.bottle(&["ls", "--all"])
            .env("APPLE_STAND_IN_DOWN", "1")
            .run()
            .says("macos-container could not be asked")
            .code(0);
        // The control: with it running, the same works.
        room.run(&["true"]).code(0);
    });
}

#[test]
fn networks_come_first_and_the_sidecar_is_the_first_on_the_inner_one() {
    on_the_stand_in(|room| {
        room.agent("");
        room.run(&["true"]).code(0);
        let calls = calls(room);
        let is = |words: &[String], first: &[&str], role: &str| {
            let begins = words.iter().zip(first).all(|(word, first)| word == first);
            begins && words.iter().any(|word| word.ends_with(role))
        };
        let network = |role: &'static str| {
            at(&calls, "network create", |words| {
                is(words, &["network", "create"], role)
            })
        };
        let create = |role: &'static str| {
            at(&calls, "create", |words| {
                let name = format!("-{role}");
                words[0] == "create"
                    && words
                        .iter()
                        .any(|word| word.starts_with("--name=") && word.ends_with(&name))
            })
        };
        let start = |role: &'static str| at(&calls, "start", |words| is(words, &["start"], role));
        let networks = network("-internal").max(network("-egress"));
        assert!(networks < create("sidecar").min(create("agent")));
        assert!(start("-sidecar") < start("-agent"));
        let sidecar = &calls[create("sidecar")];
        let on: Vec<&String> = sidecar
            .iter()
            .filter(|word| word.starts_with("--network="))
            .collect();
        assert!(
            on[0].ends_with("-egress") && on[1].ends_with("-internal"),
            "{on:?}"
        );
        assert!(calls[create("agent")].contains(&"--no-dns".to_owned()));
        // The addresses are read after the start, since they change with each.
        let looked = calls
            .iter()
            .position(|words| is(words, &["inspect"], "-sidecar"));
        assert!(looked.unwrap() > start("-sidecar"));
    });
}

#[test]
fn what_goes_wrong_in_a_call_is_refused_as_apples_own_would() {
    on_the_stand_in(|room| {
        let id = format!("bottle-{}-aaaaaa-agent", room.name);
        let image = room.engine.image;
        let create = [
            "create",
            "--name",
            &id,
            "--label=dev.bottle.role=agent",
            image,
            "sleep",
            "600",
        ];
        let call = |words: &[&str]| room.engine.call(words).run();
        // A value with an `=`, an option that there is not, one that has no value.
        let mut label = create;
        label[3] = "--label=dev.bottle.role=agent=other";
        let mut unknown = create;
        unknown[3] = "--hostname=agent";
        let mut memory = create;
        memory[3] = "--memory=100m";
        for (words, status) in [(label, 1), (unknown, 64), (memory, 1)] {
            let refused = call(&words);
            assert_eq!(refused.code, status, "{refused}");
            refused.says("Error: ");
        }
        assert_eq!(room.engine.holds(&room.name), Vec::<String>::new());
        // The control: the words as they are meant.
        call(&create).code(0);
        call(&["start", &id]).code(0);
        call(&["exec", &id, "true"]).code(0);
        // Behind the container, `--` is the program.
        call(&["exec", &id, "--", "true"])
            .says("failed to find target executable")
            .code(1);
        call(&["exec", &id, "--tty", "true"]).code(1);
        call(&["exec", "--tty", &id, "true"]).code(1);
        call(&["delete", &id])
            .says("is running and can not be deleted")
            .code(1);
        call(&["delete", "--force", &id]).code(0);
        call(&["inspect", "--format=json", &id]).code(64);
    });
}

#[test]
fn a_change_of_any_call_is_refused() {
    on_the_stand_in(|room| {
        room.agent("read-only = true");
        let id = room.detach(&["sleep", "600"]);
        room.exec(&id, &["true"]).code(0);
        let calls = calls(room);
        assert!(calls.len() > 12, "{calls:?}");
        let refused = |words: &[String], status: &[i32]| {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let call = room.engine.call(&words).run();
            assert!(status.contains(&call.code), "{words:?}: {call}");
            call
        };
        for words in calls.iter().filter(|words| words.len() > 1) {
            // An option that there is not, and the first two words the other way round.
            let mut unknown = words.clone();
            unknown.insert(1, "--no-such-option".to_owned());
            refused(&unknown, &[64, 1]).says("Error: ");
            let mut swapped = words.clone();
            swapped.swap(0, 1);
            refused(&swapped, &[64, 1]).says("Error: ");
        }
        // A label whose value holds an `=`, of a container that is to be made anew.
        for words in calls.iter().filter(|words| words[0] == "create") {
            let mut labelled = words.clone();
            for word in &mut labelled {
                if word.starts_with("--label=") {
                    word.push_str("=more");
                }
                if word.starts_with("--name=") {
                    word.push_str("-again");
                }
            }
            refused(&labelled, &[1]).says("invalid label format");
        }
        // Behind the container, `--` is the program.
        let execs = calls.iter().filter(|words| words[0] == "exec");
        let mut tried = 0;
        for words in execs {
            let at = words.iter().position(|word| word.starts_with("bottle-"));
            let mut dashed = words.clone();
            dashed.insert(at.unwrap() + 1, "--".to_owned());
            refused(&dashed, &[1]).says("failed to find target executable");
            tried += 1;
        }
        assert!(tried >= 3, "{calls:?}");
        room.stop(&id);
    });
}

#[test]
fn each_age_of_its_json_carries_a_whole_bottle() {
    on_the_stand_in(|room| {
        room.agent("");
        for version in ["1.0.0", "1.1.0", "1.5.0"] {
            let call = room.run_call(&[], &["echo", "hello"]);
            let ran = call.env("APPLE_STAND_IN_VERSION", version).run();
            ran.says(&format!("backend: macos-container {version}"));
            assert_eq!(ran.ok(), "hello\n", "{version}");
        }
        let call = room.run_call(&[], &["echo", "hello"]);
        call.env("APPLE_STAND_IN_VERSION", "0.12.3")
            .run()
            .says("version 0.12.3 of Apple's `container` is too old")
            .code(125);
    });
}

#[test]
fn an_agents_own_dockerfile_is_built_on_the_shared_builder() {
    on_the_stand_in(|room| {
        room.write(
            "Dockerfile",
            &format!("FROM {}\nENV FROM_THE_BUILD=yes\n", room.engine.image),
        );
        room.write(
            "agent.toml",
            &format!(
                "name = \"{}\"\n[image]\ndockerfile = \"Dockerfile\"\n",
                room.name
            ),
        );
        let printed = room.run(&["sh", "-c", "echo $FROM_THE_BUILD"]).ok();
        assert_eq!(printed, "yes\n");
        let calls = calls(room);
        let build = at(&calls, "build", |words| words[0] == "build");
        let looked = at(&calls, "builder status", |words| {
            words.starts_with(&["builder".to_owned(), "status".to_owned()])
        });
        assert!(looked < build);
        for words in calls.iter().filter(|words| words[0] == "build") {
            let forbidden = ["--dns", "--cpus", "--memory", "-c", "-m"];
            assert!(
                !words
                    .iter()
                    .any(|word| forbidden.iter().any(|no| word.starts_with(no))),
                "{words:?}"
            );
        }
        // Its containers and the builder's are not one another's business.
        let listed = room.bottle(&["clean", "--dry-run", "--json"]).run().ok();
        assert!(!listed.contains("buildkit"), "{listed}");
    });
}

/// A Mac of its own, whose builder is nobody else's.
struct Builder<'a> {
    room: &'a Room,
    state: String,
    resolver: String,
}

impl Builder<'_> {
    fn call(&self, words: &[&str]) -> Call {
        let call = self.room.engine.call(words);
        call.env("APPLE_STAND_IN_STATE", &self.state)
    }

    /// Gives it a resolver that nobody is at.
    fn break_it(&self) {
        self.call(&["builder", "stop"]).run().code(0);
        let start = ["builder", "start", "--dns=127.0.0.9"];
        self.call(&start).run().code(0);
    }

    /// Runs an agent whose image has one step.
    fn run(&self, step: &str) -> Outcome {
        let room = self.room;
        let text = format!("FROM {}\nRUN {step}\n", room.engine.image);
        room.write("Dockerfile", &text);
        let text = "[image]\ndockerfile = \"Dockerfile\"\n";
        room.write("agent.toml", &format!("name = \"{}\"\n{text}", room.name));
        let _old = fs::remove_file(room.engine_log());
        room.run_call(&[], &["echo", "built"])
            .env("APPLE_STAND_IN_STATE", &self.state)
            .env("BOTTLE_MACOS_CONTAINER_DNS", &self.resolver)
            .run()
    }

    /// What the last run did to the builder.
    fn done(&self) -> Vec<String> {
        calls(self.room)
            .iter()
            .filter(|words| words[0] == "builder" && words[1] != "status")
            .map(|words| words[1..].join(" "))
            .collect()
    }
}

#[test]
fn a_builder_without_names_is_started_anew_and_a_good_one_is_kept() {
    on_the_stand_in(|room| {
        let Some(names) = Names::serve(&room.name) else {
            eprintln!("left out: the port of DNS is taken on this machine, or not ours to take");
            return;
        };
        let builder = Builder {
            room,
            state: room.path("mac").display().to_string(),
            resolver: names.address(),
        };
        // A step that was built before, also by an earlier run, would come from the cache.
        let needs_names = |count: u32| format!("getent hosts n{count}.{}.example.com", room.name);
        let start = format!("start --dns={}", builder.resolver);

        // One that is not running is started with the resolver, and then kept.
        assert_eq!(builder.run(&needs_names(1)).ok(), "built\n");
        assert_eq!(builder.done(), std::slice::from_ref(&start));
        assert_eq!(builder.run(&needs_names(2)).ok(), "built\n");
        assert_eq!(builder.done(), Vec::<String>::new());

        // A build that fails for another reason is no reason to touch it.
        builder.run("false").code(125);
        assert_eq!(builder.done(), Vec::<String>::new());

        // One whose steps find no names is left alone while somebody builds on it.
        builder.break_it();
        let other = format!("FROM {}\nRUN sleep 20 # {}\n", room.engine.image, room.name);
        let file = room.write("other/Dockerfile", &other);
        let folder = file.parent().unwrap().to_str().unwrap().to_owned();
        let build = ["build", "--quiet", "--tag", &room.name, &folder];
        let building = builder.call(&build).start();
        let refused = builder.run(&needs_names(3));
        refused.says("other build(s) run on it").code(125);
        assert_eq!(builder.done(), Vec::<String>::new());
        building.wait(DEADLINE).code(0);

        // Nobody builds any more: it is said, and done. Other tests' builds are somebody's, too.
        let anew = until("nobody builds", DEADLINE, || {
            let ran = builder.run(&needs_names(4));
            (!ran.stderr.contains("other build(s)")).then_some(ran)
        });
        anew.says("the shared builder finds no names; it is started anew");
        assert_eq!(anew.ok(), "built\n");
        assert_eq!(builder.done(), ["stop".to_owned(), start]);
        builder
            .call(&["builder", "delete", "--force"])
            .run()
            .code(0);
        room.engine.ask(&["image", "rm", "--force", &room.name]);
    });
}
