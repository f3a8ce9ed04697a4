//! What is allowed but hardly meant; beside each, the same without the fault.

use super::Fixture;
use crate::manifest::lint;

fn warnings(fixture: &Fixture) -> Vec<String> {
    let loaded = fixture.load().unwrap();
    let warnings = lint(&loaded);
    warnings
        .iter()
        .map(|warning| fixture.plain(&warning.to_string()))
        .collect()
}

fn check(agent: &str, expected: &[&str]) {
    assert_eq!(warnings(&Fixture::new(agent)), expected, "{agent}");
}

fn check_routes(routes: &[&str], expected: &[&str]) {
    let text: String = routes
        .iter()
        .flat_map(|route| ["[[egress.routes]]\n", route, "\n"])
        .collect();
    check(&text, expected);
}

const AUTH: &str = "auth = { scheme = \"bearer\", secret = { host = \"T\" } }";

#[test]
fn a_route_that_is_never_used() {
    let never = |first: &str, second: &str| {
        check_routes(
            &[first, second],
            &[
                "agent.toml:3:1: this route is never used: the one at agent.toml:1:1 comes first and \
               covers all of it",
            ],
        );
    };
    let used = |first: &str, second: &str| check_routes(&[first, second], &[]);
    never("host = \"a.test\"", "host = \"a.test\"");
    never("host = \"*.test.com\"", "host = \"a.test.com\"");
    never("host = \"*.test.com\"", "host = \"*.a.test.com\"");
    used("host = \"a.test.com\"", "host = \"*.test.com\"");
    used("host = \"*.test.com\"", "host = \"test.com\"");
}

#[test]
fn a_route_is_compared_in_all_its_parts() {
    let check = |first: &str, second: &str, covered: bool| {
        let text = format!(
            "[egress]\nroutes = [\n{{ host = \"a.test\"{first} }},\n{{ host = \"a.test\"{second} }},\n]\n"
        );
        let found = warnings(&Fixture::new(&text));
        let never = found.iter().any(|text| text.contains("never used"));
        assert_eq!(never, covered, "{text}{found:?}");
    };
    check("", ", port = 80", true);
    check(", port = 443", "", false);
    check("", ", methods = [\"GET\"]", true);
    check(
        ", methods = [\"GET\", \"PUT\"]",
        ", methods = [\"PUT\"]",
        true,
    );
    check(", methods = [\"GET\"]", "", false);
    check(", methods = [\"GET\"]", ", methods = [\"PUT\"]", false);
    check("", ", paths = [\"/a\"]", true);
    check(", paths = [\"/**\"]", "", false);
    check(", paths = [\"/a\"]", ", paths = [\"/a\"]", true);
    check("", ", git = \"fetch\"", false);
    check(", git = \"fetch\"", "", true);
    let auth = format!(", {AUTH}");
    check(&format!("{auth}, port = 8080"), ", port = 8080", false);
    check(&format!("{auth}, port = 443"), ", port = 443", true);
}

#[test]
fn a_credential_that_goes_too_far() {
    let place = "agent.toml:1:1:";
    check_routes(
        &[&format!("host = \"*.example.com\"\n{AUTH}")],
        &[&format!(
            "{place} the credential goes to every host below `example.com`; name the hosts that need it"
        )],
    );
    check_routes(
        &[&format!("host = \"a.test\"\nport = 80\n{AUTH}")],
        &[&format!(
            "{place} port 80 sends the credential in the clear; leave it out"
        )],
    );
    check_routes(&[&format!("host = \"a.test\"\n{AUTH}")], &[]);
    check_routes(&["host = \"*.example.com\""], &[]);
}

#[test]
fn a_host_that_is_hardly_meant() {
    let place = "agent.toml:1:1:";
    check_routes(
        &["host = \"*.example.com\"\naddress = \"10.0.0.7\""],
        &[&format!(
            "{place} every host below `example.com` goes to one address"
        )],
    );
    check_routes(
        &["host = \"*.com\""],
        &[&format!("{place} `*.com` is a whole top-level domain")],
    );
    check_routes(
        &["host = \"10.0.0.7\""],
        &[&format!(
            "{place} 10.0.0.7 is not public, so the route permits nothing; add \
             `address = \"10.0.0.7\"` if you mean it"
        )],
    );
    check_routes(
        &["host = \"10.0.0.7\"\naddress = \"10.0.0.8\""],
        &[&format!(
            "{place} the host is the address 10.0.0.7, but 10.0.0.8 is dialled"
        )],
    );
    check_routes(&["host = \"10.0.0.7\"\naddress = \"10.0.0.7\""], &[]);
    check_routes(&["host = \"a.test\"\naddress = \"10.0.0.7\""], &[]);
}

#[test]
fn a_list_that_permits_nothing_and_a_method_in_lower_case() {
    let place = "agent.toml:1:1:";
    check_routes(
        &["host = \"a.test\"\nmethods = []\npaths = []"],
        &[
            &format!("{place} `methods` is empty, so the route permits nothing"),
            &format!("{place} `paths` is empty, so the route permits nothing"),
        ],
    );
    check_routes(
        &["host = \"a.test\"\nmethods = [\"get\", \"PUT\", \"own\"]"],
        &[&format!(
            "{place} methods are case-sensitive: `get` is not `GET`"
        )],
    );
}

#[test]
fn a_mount_that_the_agent_can_write() {
    check(
        "[workspace]\nmode = \"mount\"\n",
        &[
            "agent.toml:2:8: with `mount` the agent changes the files of the host, hooks and scripts \
           that you run later included",
        ],
    );
    check("[workspace]\nmode = \"mount-ro\"\n", &[]);
}

#[test]
fn a_variable_that_two_bottles_set() {
    let make = |agent: &str, second: &str| {
        Fixture::new(&format!("bottle = [\"a\", \"b\"]\n{agent}"))
            .bottle("a", "[env]\nX = \"1\"\n")
            .bottle("b", &format!("[env]\nX = \"{second}\"\n"))
    };
    assert_eq!(
        warnings(&make("", "2")),
        ["bottles/b.toml:2:1: `X` replaces the value that stands at bottles/a.toml:2:1"]
    );
    assert!(warnings(&make("", "1")).is_empty());
    // Whoever folds them says which it is.
    assert!(warnings(&make("[env]\nX = \"3\"\n", "2")).is_empty());
}

#[test]
fn more_routes_than_anybody_reads() {
    let routes = |count: usize| {
        let routes =
            (0..count).map(|index| format!("[[egress.routes]]\nhost = \"h{index}.test\"\n"));
        routes.collect::<Vec<_>>().concat()
    };
    check(
        &routes(257),
        &["agent.toml:513:1: there are 257 routes; few people read so many"],
    );
    check(&routes(256), &[]);
}
