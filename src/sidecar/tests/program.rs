//! The program itself: its two roles, and its end.

#![cfg(test)]

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

const PROGRAM: &str = env!("CARGO_BIN_EXE_bottle-sidecar");
const DEADLINE: Duration = Duration::from_secs(30);

fn start(role: &str, socket: &Path) -> Child {
    Command::new(PROGRAM)
        .arg(role)
        .arg("--control")
        .arg(socket)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

async fn end(child: Child) -> Output {
    timeout(DEADLINE, child.wait_with_output())
        .await
        .expect("it does not end")
        .unwrap()
}

fn signal(child: &Child, signal: rustix::process::Signal) {
    let id = i32::try_from(child.id().unwrap()).unwrap();
    let pid = rustix::process::Pid::from_raw(id).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

#[tokio::test]
async fn it_is_asked_through_ctl_and_ends_at_once_when_told_to() {
    for wanted in [rustix::process::Signal::TERM, rustix::process::Signal::INT] {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("control.sock");
        // Started first: it waits for the socket.
        let mut ctl = start("ctl", &socket);
        let serve = start("serve", &socket);
        let mut stdin = ctl.stdin.take().unwrap();
        let mut lines = BufReader::new(ctl.stdout.take().unwrap()).lines();
        stdin.write_all(b"{\"request\":\"ready\"}\n").await.unwrap();
        // The reply comes while the input is still open.
        let reply = timeout(DEADLINE, lines.next_line()).await.unwrap().unwrap();
        assert!(reply.unwrap().contains("not configured yet"));
        stdin.write_all(b"{\"request\":\"stats\"}").await.unwrap();
        drop(stdin);
        let reply = timeout(DEADLINE, lines.next_line()).await.unwrap().unwrap();
        assert!(reply.unwrap().contains("\"reply\":\"error\""));
        assert!(end(ctl).await.status.success());

        signal(&serve, wanted);
        let output = end(serve).await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}

#[tokio::test]
async fn a_socket_that_an_earlier_process_left_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("control.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let _serve = start("serve", &socket);
    let mut ctl = start("ctl", &socket);
    let mut stdin = ctl.stdin.take().unwrap();
    stdin.write_all(b"{\"request\":\"ca\"}\n").await.unwrap();
    drop(stdin);
    let output = end(ctl).await;
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("not configured yet"));
}

#[tokio::test]
async fn a_role_that_is_none_is_refused() {
    for args in [&[][..], &["guard"], &["serve", "--port", "1"]] {
        let child = Command::new(PROGRAM)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = end(child).await;
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("usage: bottle-sidecar"));
    }
}
