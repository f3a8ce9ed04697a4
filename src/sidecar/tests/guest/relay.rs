//! `guest exec` between a command and pipes: nothing is lost, and nothing that is left behind holds it.

use std::fs::File;
use std::io::Read as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::exec::prepared;
use crate::room::{guest_in_room, room};

/// Runs a shell script in a room, with the guest's call in `$GUEST`, and returns what the script wrote.
///
/// The shell is process 1, so that what the guest leaves behind lives on.
#[track_caller]
fn script(script: &str) -> Option<String> {
    let script = format!("GUEST='chroot . /.bottle/guest exec --'\n{script}");
    let ended = guest_in_room(&prepared("{}", &script), &["exec", "true"], b"")?;
    Some(ended.fine().text().to_owned())
}

/// Runs a command that leaves `sleep` behind on its output, and returns what came through, and how long it took.
fn left_behind(call: &str, seconds: u64) -> Option<(String, Duration)> {
    let begin = Instant::now();
    let text = script(&format!(
        r"{{
            code=0
            {call} sh -c 'sleep {seconds} & echo $!; echo err >&2; exit 42' 2> err || code=$?
            echo $code > code
        }} | cat > out
        if kill -0 $(cat out) 2> /dev/null; then echo lives; else echo is gone; fi
        cat code err"
    ))?;
    Some((text, begin.elapsed()))
}

#[test]
fn what_a_command_leaves_behind_does_not_hold_its_end() {
    let Some((text, time)) = left_behind("$GUEST", 60) else {
        return;
    };
    assert_eq!(text, "lives\n42\nerr\n");
    assert!(time < Duration::from_secs(3), "{time:?}");
    // Without the guest the reader waits for the one that was left behind.
    let (text, time) = left_behind("", 4).unwrap();
    assert_eq!(text, "is gone\n42\nerr\n");
    assert!(time >= Duration::from_secs(4), "{time:?}");
}

#[test]
fn what_writes_for_ever_does_not_hold_the_end_either() {
    let begin = Instant::now();
    let Some(text) = script(
        "{ code=0; $GUEST sh -c 'yes & exit 3' || code=$?; echo $code > code; } | cat > /dev/null; cat code",
    ) else {
        return;
    };
    assert_eq!(text, "3\n");
    assert!(begin.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_filter_that_is_not_waited_for_may_finish() {
    let Some(text) = script("$GUEST sh -c '(sleep 0.2; echo late) & echo early' | cat") else {
        return;
    };
    assert_eq!(text, "early\nlate\n");
}

#[test]
fn long_output_comes_whole_and_in_order() {
    let Some(text) = script("$GUEST seq 1 14000000 | cksum; seq 1 14000000 | cksum") else {
        return;
    };
    let sums: Vec<&str> = text.lines().collect();
    assert_eq!(sums[0], sums[1]);
    // More than a hundred megabytes.
    assert!(sums[0].split(' ').next_back().unwrap().len() >= 9, "{text}");
}

#[test]
fn the_last_words_come_whole_to_a_slow_reader() {
    let Some(text) = script(
        "$GUEST sh -c 'seq 1 9000; touch /ended' | { until [ -e ended ]; do sleep 0.01; done; sleep 1.5; cksum; }
        seq 1 9000 | cksum",
    ) else {
        return;
    };
    let sums: Vec<&str> = text.lines().collect();
    assert_eq!(sums[0], sums[1]);
}

#[test]
fn both_outputs_are_kept_apart() {
    let Some(text) = script(
        "mkfifo out err
        cksum < out > sum.out & cksum < err > sum.err &
        $GUEST sh -c 'seq 1 200000 >&2 & seq 200001 500000; wait' > out 2> err
        wait
        cat sum.out sum.err
        seq 200001 500000 | cksum; seq 1 200000 | cksum",
    ) else {
        return;
    };
    let sums: Vec<&str> = text.lines().collect();
    assert_eq!(sums[..2], sums[2..]);
    assert_ne!(sums[0], sums[1]);
}

#[test]
fn two_outputs_on_one_pipe_stay_in_order() {
    let both = "for i in 1 2 3 4 5 6 7 8 9; do echo $i; echo $i >&2; done";
    let Some(text) = script(&format!("$GUEST sh -c '{both}' 2>&1 | cat")) else {
        return;
    };
    assert_eq!(
        text,
        "1\n1\n2\n2\n3\n3\n4\n4\n5\n5\n6\n6\n7\n7\n8\n8\n9\n9\n"
    );
}

#[test]
fn input_comes_whole() {
    let input: Vec<u8> = (0..20_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let Some(ended) = guest_in_room(&prepared("{}", ""), &["exec", "cat"], &input) else {
        return;
    };
    assert!(ended.fine().stdout == input);
}

#[test]
fn a_signal_is_passed_on_once_and_the_command_decides() {
    let Some(text) = script(
        r#"mkfifo pipe; touch log
        cat pipe > log &
        $GUEST sh -c '
            for signal in TERM INT HUP QUIT USR1 USR2 WINCH; do trap "echo $signal" $signal; done
            echo ready
            until [ -e /stop ]; do sleep 0.01; done
            exit 7' > pipe &
        guest=$!
        lines() { until [ $(wc -l < log) -ge $1 ]; do sleep 0.01; done; }
        lines 1
        count=1
        for signal in TERM INT HUP QUIT USR1 USR2 WINCH; do
            kill -$signal $guest
            count=$((count+1))
            lines $count
        done
        touch stop
        code=0; wait $guest || code=$?
        echo $code; cat log"#,
    ) else {
        return;
    };
    assert_eq!(text, "7\nready\nTERM\nINT\nHUP\nQUIT\nUSR1\nUSR2\nWINCH\n");
}

#[test]
fn a_command_that_a_signal_kills_ends_as_in_a_shell() {
    let Some(text) = script(
        r#"for signal in KILL TERM SEGV; do
            { code=0; $GUEST sh -c "kill -$signal \$\$" || code=$?; echo $code > code; } | cat
            cat code
        done
        mkfifo pipe
        $GUEST sh -c 'echo ready; exec sleep 60' > pipe &
        guest=$!
        { read ready; echo $ready; kill -TERM $guest; cat; } < pipe
        code=0; wait $guest || code=$?; echo $code"#,
    ) else {
        return;
    };
    assert_eq!(text, "137\n143\n139\nready\n143\n");
}

#[test]
fn a_reader_that_goes_breaks_the_commands_pipe() {
    // The shell notes how its child ended: by SIGPIPE.
    let Some(text) = script("$GUEST sh -c 'yes; echo $? > /how' | head -n 1; cat how") else {
        return;
    };
    assert_eq!(text, "y\n141\n");
}

#[test]
fn both_ends_see_when_the_command_closes_a_stream() {
    // Each side waits for the other, for ten seconds at most.
    let until = "n=1000; until [ -e /seen ] || [ $n = 0 ]; do n=$((n-1)); sleep 0.01; done; echo $n > /left";
    for call in [
        format!("$GUEST sh -c 'exec >&-; {until}' | {{ cat; touch seen; }}"),
        format!(
            "{{ yes || true; touch seen; }} 2> /dev/null | $GUEST sh -c 'exec <&-; {until}' | cat"
        ),
    ] {
        let Some(text) = script(&format!("{call}; cat left")) else {
            return;
        };
        assert_ne!(text, "0\n", "{call}");
    }
}

#[test]
fn on_a_terminal_the_command_takes_the_guests_place() {
    let show = [
        "exec",
        "sh",
        "-c",
        "echo pid $$; grep NoNewPrivs /proc/self/status",
    ];
    let Some(mut command) = room(&prepared("{}", ""), &show) else {
        return;
    };
    let control = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&control).unwrap();
    unlockpt(&control).unwrap();
    let path = ptsname(&control, Vec::new()).unwrap();
    let terminal = File::options()
        .read(true)
        .write(true)
        .open(path.to_str().unwrap())
        .unwrap();
    let stream = || Stdio::from(terminal.try_clone().unwrap());
    let mut child = command
        .stdin(stream())
        .stdout(stream())
        .stderr(stream())
        .spawn()
        .unwrap();
    assert!(child.wait().unwrap().success());
    let mut buffer = [0; 1024];
    let length = File::from(control).read(&mut buffer).unwrap();
    let text = std::str::from_utf8(&buffer[..length]).unwrap();
    assert_eq!(text, "pid 1\r\nNoNewPrivs:\t1\r\n");
    // On a pipe the guest stays, and is process 1 itself.
    let ended = guest_in_room(&prepared("{}", ""), &show, b"")
        .unwrap()
        .fine();
    let (pid, rest) = ended.text().split_once('\n').unwrap();
    assert_ne!(pid, "pid 1");
    assert_eq!(rest, "NoNewPrivs:\t1\n");
}
