//! What goes to which stream, and in what form.

use crate::world::{BOTTLE, Fake, World};

const ESCAPE: char = '\u{1b}';
const BROKEN: &str = "[egres]\n";

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let world = World::new();
    let run = |writer: std::io::PipeWriter| {
        duct::cmd(BOTTLE, ["schema"])
            .full_env(world.vars())
            .dir(world.path("work"))
            .stdin_null()
            .stdout_file(writer)
            .stderr_capture()
            .unchecked()
            .run()
            .unwrap()
    };
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = run(writer);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    // It must not look like success: the text did not get out.
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn without_a_terminal_there_is_no_colour() {
    let world = || World::with_agent(BROKEN).engine("docker", Fake::Answers);
    for args in [
        &["check"][..],
        &["doctor"],
        &["ls"],
        &["--help"],
        &["run", "--nonsense"],
    ] {
        for world in [world(), world().var("TERM", "xterm-256color")] {
            let ran = world.bottle(args);
            assert!(!ran.raw_out.contains(ESCAPE), "{ran:?}");
            assert!(!ran.raw_err.contains(ESCAPE), "{ran:?}");
        }
    }
}

#[test]
fn colour_is_there_when_it_is_forced_and_not_when_it_is_unwanted() {
    let world = World::with_agent(BROKEN).var("CLICOLOR_FORCE", "1");
    let forced = world.bottle(&["check"]).ends_with(1);
    assert!(forced.raw_err.contains(ESCAPE), "{forced:?}");
    let world = world.var("NO_COLOR", "1");
    let unwanted = world.bottle(&["check"]).ends_with(1);
    assert!(!unwanted.raw_err.contains(ESCAPE), "{unwanted:?}");
}

#[test]
fn errors_go_to_standard_error_and_data_to_standard_output() {
    let wrong = World::with_agent(BROKEN).bottle(&["check"]).ends_with(1);
    assert_eq!(wrong.raw_out, "");
    assert!(wrong.raw_err.starts_with("error: "), "{wrong:?}");
    let right = World::new().bottle(&["schema"]).ends_with(0);
    assert_eq!(right.raw_err, "");
    assert!(right.raw_out.starts_with('{'), "{right:?}");
}

#[test]
fn without_a_home_folder_it_says_which_variable_is_missing() {
    let home = || World::with_agent("command = [\"true\"]\n");
    home().bottle(&["check"]).ends_with(0);
    let world = home().var("HOME", "").var("XDG_CONFIG_HOME", "");
    let ran = world.bottle(&["check"]).ends_with(1);
    assert!(ran.err().contains("`HOME` is not set"), "{ran:?}");
    assert!(ran.err().contains("\nhint: "), "{ran:?}");
}
