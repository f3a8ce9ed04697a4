//! Folding: bottles from left to right, the agent on top, and `extends` below each.

use std::path::PathBuf;

use proptest::prelude::*;

use super::Fixture;
use crate::manifest::layer::{Layer, LayerRoute};
use crate::manifest::place::{Place, Placed};
use crate::manifest::value::EnvSource;

fn hosts(fixture: &Fixture) -> Vec<String> {
    let routes = fixture.resolve().egress.routes;
    routes
        .iter()
        .map(|route| route.route.host.to_string())
        .collect()
}

fn route(host: &str) -> String {
    format!("[[egress.routes]]\nhost = \"{host}\"\n")
}

#[test]
fn the_later_scalar_wins_and_tables_merge_by_key() {
    let fixture = Fixture::new(
        "bottle = [\"a\", \"b\"]\nworkdir = \"/agent\"\n[env]\nC = \"agent\"\n[resources]\npids = 99\n",
    )
    .bottle(
        "a",
        "workdir = \"/a\"\n[env]\nA = \"a\"\nB = \"a\"\nC = \"a\"\n[resources]\ncpus = 1\nmemory = \"1GiB\"\n",
    )
    .bottle(
        "b",
        "[env]\nB = \"b\"\nC = \"b\"\n[resources]\ncpus = 2.5\n[egress]\nlog = \"none\"\n",
    );
    let resolved = fixture.resolve();
    assert_eq!(resolved.workdir, "/agent");
    let env: Vec<(&str, &EnvSource)> = resolved
        .env
        .iter()
        .map(|(name, source)| (name.as_str(), source))
        .collect();
    let literal = |text: &str| EnvSource::Literal(text.to_owned());
    assert_eq!(
        env,
        [
            ("A", &literal("a")),
            ("B", &literal("b")),
            ("C", &literal("agent"))
        ]
    );
    assert_eq!(resolved.resources.cpus, Some(2.5));
    assert_eq!(resolved.resources.memory, Some(1 << 30));
    assert_eq!(resolved.resources.pids, Some(99));
    assert_eq!(resolved.egress.log, bottle_contract::config::LogLevel::None);
}

#[test]
fn routes_concatenate_in_the_order_of_folding() {
    let fixture = Fixture::new(&format!("bottle = [\"a\", \"b\"]\n{}", route("agent.test")))
        .bottle("a", &format!("extends = \"base\"\n{}", route("a.test")))
        .bottle("b", &route("b.test"))
        .bottle("base", &route("base.test"));
    assert_eq!(
        hosts(&fixture),
        ["base.test", "a.test", "b.test", "agent.test"]
    );
}

#[test]
fn what_two_bottles_inherit_from_one_stands_there_once() {
    let fixture = Fixture::new("bottle = \"top\"\n")
        .bottle(
            "top",
            &format!("extends = [\"left\", \"right\"]\n{}", route("top.test")),
        )
        .bottle(
            "left",
            &format!("extends = \"base\"\n{}", route("left.test")),
        )
        .bottle(
            "right",
            &format!("extends = \"base\"\n{}", route("right.test")),
        )
        .bottle("base", &route("base.test"));
    assert_eq!(
        hosts(&fixture),
        ["base.test", "left.test", "right.test", "top.test"]
    );
    let side_by_side = Fixture::new("bottle = [\"left\", \"right\"]\n")
        .bottle("left", "extends = \"base\"\n")
        .bottle("right", "extends = \"base\"\n")
        .bottle("base", &route("base.test"));
    assert_eq!(hosts(&side_by_side), ["base.test"]);
    // Two routes that say the same at two places are two routes.
    let twice = Fixture::new(&format!("bottle = \"base\"\n{}", route("base.test")))
        .bottle("base", &route("base.test"));
    assert_eq!(hosts(&twice), ["base.test", "base.test"]);
}

#[test]
fn parents_that_disagree_are_refused_unless_the_child_decides() {
    let parents = |child: &str, right: &str| {
        Fixture::new("bottle = \"child\"\n")
            .bottle(
                "child",
                &format!("extends = [\"left\", \"right\"]\n{child}"),
            )
            .bottle("left", "[egress]\nlog = \"none\"\n")
            .bottle("right", right)
    };
    let disagree = "workdir = \"/x\"\n[egress]\nlog = \"decisions\"\n";
    assert_eq!(
        parents("", disagree).error(),
        "bottles/right.toml:3:7: `left` and `right`, which `child` extends, disagree about \
         `egress.log` (the other value stands at bottles/left.toml:2:7); set `egress.log` in `child`"
    );
    let decided = parents("[egress]\nlog = \"decisions\"\n", disagree).resolve();
    assert_eq!(
        decided.egress.log,
        bottle_contract::config::LogLevel::Decisions
    );
    let agree = parents("", "[egress]\nlog = \"none\"\n").resolve();
    assert_eq!(agree.egress.log, bottle_contract::config::LogLevel::None);
}

#[test]
fn a_diamond_whose_sides_disagree_is_refused() {
    let fixture = Fixture::new("bottle = \"top\"\n")
        .bottle("top", "extends = [\"left\", \"right\"]\n")
        .bottle("left", "extends = \"base\"\n[resources]\npids = 100\n")
        .bottle("right", "extends = \"base\"\n")
        .bottle("base", "[resources]\npids = 200\n");
    assert_eq!(
        fixture.error(),
        "bottles/base.toml:2:8: `left` and `right`, which `top` extends, disagree about \
         `resources.pids` (the other value stands at bottles/left.toml:3:8); set `resources.pids` in \
         `top`"
    );
}

#[test]
fn a_cycle_names_its_chain() {
    let itself = Fixture::new("bottle = \"a\"\n").bottle("a", "extends = \"a\"\n");
    assert_eq!(
        itself.error(),
        "bottles/a.toml:1:11: the bottle `a` extends itself (a -> a); remove one of these `extends`"
    );
    let longer = Fixture::new("bottle = \"top\"\n")
        .bottle("top", "extends = \"a\"\n")
        .bottle("a", "extends = [\"b\"]\n")
        .bottle("b", "extends = [\"c\"]\n")
        .bottle("c", "extends = [\"a\"]\n");
    assert_eq!(
        longer.error(),
        "bottles/c.toml:1:12: the bottle `a` extends itself (a -> b -> c -> a); remove one of these \
         `extends`"
    );
}

#[test]
fn a_list_names_each_bottle_once_and_not_too_many() {
    let twice = Fixture::new("bottle = [\"a\", \"a\"]\n").bottle("a", "");
    assert_eq!(
        twice.error(),
        "agent.toml:1:10: `a` stands in the list twice"
    );
    let chain = |length: usize| {
        let fixture = Fixture::new("bottle = \"b0\"\n");
        let fixture = (0..length).fold(fixture, |fixture, index| {
            let next = format!("extends = \"b{}\"\n", index + 1);
            fixture.bottle(&format!("b{index}"), &next)
        });
        fixture.bottle(&format!("b{length}"), "workdir = \"/last\"")
    };
    assert_eq!(chain(63).resolve().workdir, "/last");
    let error = chain(64).error();
    assert!(error.contains("more than 64 bottle files"), "{error}");
}

#[test]
fn the_users_bottle_goes_before_the_built_in_one() {
    let built_in = Fixture::new("bottle = \"claude\"\n");
    assert_eq!(hosts(&built_in), ["api.anthropic.com"]);
    let own = Fixture::new("bottle = \"claude\"\n").bottle("claude", &route("mine.test"));
    assert_eq!(hosts(&own), ["mine.test"]);
}

#[test]
fn the_image_is_replaced_as_a_whole_and_its_settings_by_key() {
    let fixture = Fixture::new("bottle = \"a\"\n[image]\nreference = \"mine\"\n").bottle(
        "a",
        "[image]\ndockerfile = \"gone\"\nargs = { A = \"b\" }\nuser = \"1000\"\nread-only = true\n",
    );
    let resolved = fixture.resolve();
    assert_eq!(
        resolved.image,
        Some(crate::manifest::ImageSource::Reference("mine".to_owned()))
    );
    assert_eq!(resolved.user.unwrap().to_string(), "1000");
    assert!(resolved.read_only);
}

fn layer() -> impl Strategy<Value = Layer> {
    let place = (0usize..4).prop_map(|line| Place {
        file: PathBuf::from("x.toml"),
        line,
        column: 1,
    });
    let text = prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned);
    let workdir = prop::option::of((text.clone(), place.clone()));
    let env = prop::collection::vec((text.clone(), text, place.clone()), 0..3);
    let routes = prop::collection::vec(place.clone(), 0..4);
    (workdir, env, routes, prop::option::of(place)).prop_map(|(workdir, env, routes, workspace)| {
        let route = |place: Place| Placed {
            value: LayerRoute {
                route: bottle_contract::policy::Route {
                    host: format!("h{}.test", place.line).parse().unwrap(),
                    ports: vec![443],
                    methods: None,
                    paths: None,
                    address: None,
                    auth: None,
                    git: bottle_contract::policy::GitAccess::None,
                    dlp: bottle_contract::dlp::RouteDlp::default(),
                },
                auth: None,
            },
            place,
        };
        let mut places = routes;
        places.sort();
        places.dedup();
        Layer {
            workdir: workdir.map(|(value, place)| Placed { value, place }),
            workspace,
            env: env
                .into_iter()
                .map(|(name, value, place)| {
                    let value = EnvSource::Literal(value);
                    (name.parse().unwrap(), Placed { value, place })
                })
                .collect(),
            routes: places.into_iter().map(route).collect(),
            ..Layer::default()
        }
    })
}

proptest! {
    #[test]
    fn folding_is_associative_and_an_empty_layer_changes_nothing(a in layer(), b in layer(), c in layer()) {
        let left = a.clone().fold(b.clone()).fold(c.clone());
        let right = a.clone().fold(b.fold(c));
        prop_assert_eq!(left, right);
        prop_assert_eq!(Layer::default().fold(a.clone()), a.clone());
        prop_assert_eq!(a.clone().fold(Layer::default()), a.clone());
        prop_assert_eq!(a.clone().fold(a.clone()), a);
    }
}
