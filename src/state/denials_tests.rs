//! Counting denials: what is counted, and how much is read for it.

use tempfile::TempDir;

use super::*;
use crate::state::StateDir;

const DENY: &str = r#"{"seq":1,"event":"decision","id":1,"verdict":"deny","host":"a.test"}"#;
/// A path that an agent chose to look like a denial.
const ALLOW: &str =
    r#"{"seq":2,"event":"decision","id":2,"verdict":"allow","path":"/\"verdict\":\"deny\""}"#;
const LOTS: u64 = 1 << 30;

fn bottle(folder: &TempDir, number: usize) -> BottleDir {
    let letter = char::from(b'a' + u8::try_from(number % 26).unwrap());
    let id = format!("b{number}-{}", letter.to_string().repeat(6));
    let dir = StateDir::new(folder.path()).bottle(&id.parse().unwrap());
    fs::create_dir_all(dir.audit_dir()).unwrap();
    dir
}

fn write(dir: &BottleDir, name: &str, text: &str) {
    write_atomic(&dir.audit_dir().join(name), text.as_bytes()).unwrap();
}

fn count(dir: &BottleDir, bytes: u64) -> (u64, Reach, u64) {
    let mut budget = Budget::new(bytes);
    let denials = count_denials(dir, &mut budget).unwrap();
    (denials.count, denials.reach, bytes - budget.left())
}

#[test]
fn denials_are_counted_over_all_files_and_nothing_that_looks_like_one() {
    let folder = tempfile::tempdir().unwrap();
    let dir = bottle(&folder, 0);
    assert_eq!(count(&dir, LOTS), (0, Reach::Whole, 0), "no log yet");
    write(&dir, NEWEST, &format!("{DENY}\n{ALLOW}\n{DENY}"));
    assert_eq!(count(&dir, LOTS).0, 1, "half a line is not counted yet");
    write(&dir, &numbered(1), &format!("{DENY}\n{ALLOW}\n{DENY}\n"));
    write(&dir, NEWEST, &format!("{ALLOW}\n{DENY}\n"));
    assert_eq!(count(&dir, LOTS).0, 3);
}

#[test]
fn a_hundred_logs_are_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = format!("{DENY}\n{ALLOW}\n").repeat(1000);
    let dirs: Vec<BottleDir> = (0..100).map(|number| bottle(&folder, number)).collect();
    for dir in &dirs {
        write(dir, NEWEST, &log);
    }
    let mut budget = Budget::new(LOTS);
    for dir in &dirs {
        assert_eq!(count_denials(dir, &mut budget).unwrap().count, 1000);
    }
    assert_eq!(LOTS - budget.left(), 100 * length(log.as_bytes()));
    // What came since is all that is read the next time.
    for dir in &dirs {
        write(dir, NEWEST, &format!("{log}{DENY}\n"));
    }
    let mut budget = Budget::new(LOTS);
    for dir in &dirs {
        assert_eq!(count_denials(dir, &mut budget).unwrap().count, 1001);
    }
    assert_eq!(LOTS - budget.left(), 100 * (length(DENY.as_bytes()) + 1));
}

#[test]
fn a_bound_is_kept_and_the_rest_is_counted_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let dir = bottle(&folder, 0);
    let log = format!("{DENY}\n").repeat(10_000);
    write(&dir, NEWEST, &log);
    let bound = 256 << 10;
    let (first, reach, read) = count(&dir, bound);
    assert_eq!((reach, read), (Reach::Part, bound));
    let (second, reach, read) = count(&dir, bound);
    assert!(first < second, "{first} {second}");
    assert!(read <= bound);
    assert_eq!(reach, Reach::Part);
    assert_eq!(count(&dir, LOTS).0, 10_000);
}

#[test]
fn another_log_in_its_place_is_counted_from_its_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let dir = bottle(&folder, 0);
    write(&dir, NEWEST, &format!("{DENY}\n").repeat(2000));
    assert_eq!(count(&dir, LOTS).0, 2000);
    write(&dir, NEWEST, &format!("{DENY}\n"));
    assert_eq!(count(&dir, LOTS).0, 1);
}

#[test]
fn a_file_that_was_renamed_is_not_counted_twice() {
    let folder = tempfile::tempdir().unwrap();
    let dir = bottle(&folder, 0);
    let log = format!("{DENY}\n").repeat(2000);
    write(&dir, NEWEST, &log);
    assert_eq!(count(&dir, LOTS).0, 2000);
    write(&dir, &numbered(1), &format!("{log}{DENY}\n"));
    write(&dir, NEWEST, &format!("{DENY}\n"));
    assert_eq!(count(&dir, LOTS).0, 2002);
}

#[test]
fn when_the_time_is_over_a_little_of_each_log_is_still_read() {
    let folder = tempfile::tempdir().unwrap();
    let (short, long) = (bottle(&folder, 0), bottle(&folder, 1));
    write(&short, NEWEST, &format!("{DENY}\n"));
    write(&long, NEWEST, &format!("{DENY}\n").repeat(2000));
    let mut budget = Budget::new(LOTS).within(Duration::ZERO);
    let counted = [&long, &short].map(|dir| count_denials(dir, &mut budget).unwrap());
    assert_eq!(counted[0].reach, Reach::Part);
    assert!(counted[0].count > 0, "{counted:?}");
    assert_eq!((counted[1].count, counted[1].reach), (1, Reach::Whole));
    assert!(LOTS - budget.left() <= 2 * LEAST);
    // The control: with time enough, all of it is counted.
    let mut budget = Budget::new(LOTS).within(Duration::from_hours(1));
    let counted = count_denials(&long, &mut budget).unwrap();
    assert_eq!((counted.count, counted.reach), (2000, Reach::Whole));
}
