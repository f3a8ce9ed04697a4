//! The filter of system calls that `guest exec` lays on a command.

use crate::exec::prepared;
use crate::program::Ended;
use crate::room::guest_in_room;

/// Makes each call of a list, and prints its name with the number of the error.
const CALLS: &str = r#"
my $error = sub { my $number = shift; my $made = syscall($number, @_); $made == -1 ? $! + 0 : 0 };
while (my $name = shift @ARGV) {
    my @numbers = map { $_ + 0 } split /,/, shift @ARGV;
    my $pid = fork // die;
    if (!$pid) { print "$name ", $error->(@numbers), "\n"; exit 0 }
    waitpid $pid, 0;
}
"#;

/// Calls that are denied, with arguments that do nothing where they are not: their pointers are null,
/// and their descriptors are none.
fn denied() -> Vec<(&'static str, String)> {
    let call = |number: i64, rest: &str| format!("{number}{rest}");
    vec![
        ("keyctl", call(libc::SYS_keyctl, ",0,-3,0")),
        ("bpf", call(libc::SYS_bpf, ",0,0,0")),
        ("perf", call(libc::SYS_perf_event_open, ",0,0,-1,-1,0")),
        ("io_uring", call(libc::SYS_io_uring_setup, ",0,0")),
        ("userfaultfd", call(libc::SYS_userfaultfd, ",1")),
        ("mount", call(libc::SYS_mount, ",0,0,0,0,0")),
        ("fsopen", call(libc::SYS_fsopen, ",0,0")),
        ("setns", call(libc::SYS_setns, ",-1,0")),
        ("user-namespace", call(libc::SYS_unshare, ",268435456")),
        ("vsock", call(libc::SYS_socket, ",40,1,0")),
        ("tiocsti", call(libc::SYS_ioctl, ",0,21522,0")),
    ]
}

/// Calls that are like the denied ones, and are allowed.
fn allowed() -> Vec<(&'static str, String)> {
    let call = |number: i64, rest: &str| format!("{number}{rest}");
    vec![
        ("getppid", call(libc::SYS_getppid, "")),
        ("files", call(libc::SYS_unshare, ",1024")),
        ("unix", call(libc::SYS_socket, ",1,1,0")),
        ("inet", call(libc::SYS_socket, ",2,1,0")),
        ("netlink", call(libc::SYS_socket, ",16,3,0")),
        ("personality", call(libc::SYS_personality, ",4294967295")),
    ]
}

/// Makes the calls in the room as it is and under `guest exec`, and returns the lines of both.
fn both(calls: &[(&str, String)]) -> Option<[Vec<String>; 2]> {
    let mut words = vec!["perl", "-e", CALLS];
    for (name, numbers) in calls {
        words.extend([*name, numbers.as_str()]);
    }
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let prepare = prepared("{}", &format!("{}; echo ---", quoted.join(" ")));
    let mut exec = vec!["exec"];
    exec.extend(words);
    let ended = guest_in_room(&prepare, &exec, b"")?.fine();
    let (free, bound) = ended.text().split_once("---\n").unwrap();
    Some([free, bound].map(|text| text.lines().map(str::to_owned).collect()))
}

#[test]
fn what_an_agent_does_not_need_is_denied() {
    let calls = denied();
    let Some([free, bound]) = both(&calls) else {
        return;
    };
    let expected: Vec<String> = calls.iter().map(|(name, _)| format!("{name} 1")).collect();
    assert_eq!(bound, expected);
    let others = free.iter().filter(|line| !expected.contains(line)).count();
    assert!(others > 0, "this machine denies all of it by itself");
}

#[test]
fn what_ordinary_programs_need_is_not_denied() {
    let calls = allowed();
    let Some([free, bound]) = both(&calls) else {
        return;
    };
    let expected: Vec<String> = calls.iter().map(|(name, _)| format!("{name} 0")).collect();
    assert_eq!((&free, &bound), (&expected, &expected));
}

#[test]
fn the_newest_way_to_make_a_process_is_hidden_so_that_the_older_one_is_taken() {
    let calls = [("clone3", format!("{},0,0", libc::SYS_clone3))];
    let Some([free, bound]) = both(&calls) else {
        return;
    };
    assert_eq!(bound, [format!("clone3 {}", libc::ENOSYS)]);
    assert_ne!(free, bound);
}

/// Runs a script under `guest exec`; `None` where there is no room, or no such program.
fn script(program: &str, script: &str) -> Option<Ended> {
    if !["/usr/bin", "/bin"]
        .iter()
        .any(|folder| std::path::Path::new(folder).join(program).exists())
    {
        eprintln!("skipped: `{program}` is not installed");
        return None;
    }
    let prepare = prepared(
        r#"{"HOME":"/work","PATH":"/usr/bin:/bin"}"#,
        "mkdir -p tmp; touch dev/urandom; mount --bind /dev/urandom dev/urandom",
    );
    guest_in_room(&prepare, &["exec", "sh", "-ec", script], b"")
}

#[test]
fn the_programs_of_a_working_day_still_work() {
    for (program, text, expected) in [
        (
            "git",
            "git init -q . && git -c user.name=a -c user.email=a commit -q --allow-empty -m first && git log --format=%s",
            "first\n",
        ),
        (
            "python3",
            "python3 -c 'import threading, subprocess, socket; socket.socket(); t = threading.Thread(target=id, args=(1,)); t.start(); t.join(); print(subprocess.run([\"true\"]).returncode)'",
            "0\n",
        ),
        (
            "node",
            "node -e 'require(\"fs\").writeFileSync(\"a\", \"b\"); require(\"child_process\").exec(\"cat a\", (e, out) => console.log(e, out))'",
            "null b\n",
        ),
        (
            "gcc",
            "echo 'int main(void) { return 0; }' > a.c; gcc a.c && ./a.out && echo built",
            "built\n",
        ),
        ("tar", "echo x > a; tar cf - a | tar tf -", "a\n"),
        ("apt-get", "apt-get --version | head -c 3", "apt"),
        (
            "strace",
            "strace -f -o trace echo traced && grep -c exited trace",
            "traced\n1\n",
        ),
    ] {
        let Some(ended) = script(program, text) else {
            continue;
        };
        assert_eq!((ended.code, ended.text()), (Some(0), expected), "{ended:?}");
    }
}
