//! git over HTTPS: a clone from a server of ours, through the sidecar.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use bottle_contract::audit::Outcome;
use bottle_contract::policy::{GitAccess, Route};
use bottle_contract::verdict::Reason;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::program::{Surroundings, installed};
use crate::origin::Body;
use crate::world::{World, route, within};

/// Answers as git's own server does: each request is one run of its program.
async fn backend(folder: &Path, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let header = |name: &str| {
        let value = head.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap()).to_owned()
    };
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", folder)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", head.uri.path())
        .env("QUERY_STRING", head.uri.query().unwrap_or_default())
        .env("REQUEST_METHOD", head.method.as_str())
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .env("REMOTE_USER", "somebody")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It may answer without having read everything.
    drop(stdin.write_all(&body).await);
    drop(stdin);
    let output = within(child.wait_with_output()).await.unwrap().stdout;
    response(&output)
}

/// Reads what such a program answers: header lines, an empty line, a body.
fn response(output: &[u8]) -> Response<Body> {
    let end = output
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let mut response = Response::builder();
    for line in std::str::from_utf8(&output[..end]).unwrap().lines() {
        let (name, value) = line.split_once(": ").unwrap();
        response = match name {
            "Status" => response.status(&value[..3]),
            _ => response.header(name, value),
        };
    }
    let body = Bytes::copy_from_slice(&output[end + 4..]);
    response.body(Full::new(body).boxed()).unwrap()
}

/// Runs git in the surroundings, and returns what it said.
async fn git(around: &Surroundings, args: &[&str]) -> Result<String, String> {
    let own = ["-c", "user.name=a", "-c", "user.email=a@api.test"];
    let words: Vec<&str> = own.iter().chain(args).copied().collect();
    let ended = around.run("git", &words).await;
    match ended.code {
        Some(0) => Ok(ended.stdout),
        Some(_) | None => Err(ended.stderr),
    }
}

/// Makes a repository with one commit, bare, that may be pushed to.
async fn repository(around: &Surroundings) {
    std::fs::create_dir(around.path("work")).unwrap();
    around.file("work/file", &vec![b'f'; 2_000_000]);
    for words in [
        &["init", "-q", "-b", "main", "work"][..],
        &["-C", "work", "add", "file"],
        &["-C", "work", "commit", "-qm", "one"],
        &["clone", "-q", "--bare", "work", "served/repo.git"],
        &[
            "-C",
            "served/repo.git",
            "config",
            "http.receivepack",
            "true",
        ],
    ] {
        git(around, words).await.unwrap();
    }
}

#[tokio::test]
async fn a_clone_arrives_whole_and_a_push_reaches_nobody() {
    let fetch = Route {
        git: GitAccess::Fetch,
        ..route("git.test")
    };
    let world = World::start(&[fetch, route("plain.test")]).await;
    if !installed(&world, "git", "git", &["--version"]).await {
        return;
    }
    let around = Surroundings::of(&world);
    repository(&around).await;
    let origin = world.tls_origin(&["git.test", "plain.test"]).await;
    let (folder, seen) = (around.path("served"), Arc::new(Mutex::new(Vec::new())));
    let kept = Arc::clone(&seen);
    origin.answer(move |request| {
        kept.lock().unwrap().push(request.uri().to_string());
        let folder = folder.clone();
        async move { backend(&folder, request).await }
    });

    git(
        &around,
        &["clone", "-q", "https://git.test/repo.git", "cloned"],
    )
    .await
    .unwrap();
    let cloned = std::fs::read(around.path("cloned/file")).unwrap();
    assert_eq!(cloned.len(), 2_000_000);
    let decisions = world.decisions();
    assert!(decisions.len() >= 2, "{decisions:?}");
    assert!(decisions.iter().all(|one| one.verdict == Outcome::Allow));
    let paths: Vec<&str> = decisions
        .iter()
        .filter_map(|one| one.path.as_deref())
        .collect();
    assert!(paths[0].starts_with("/repo.git/info/refs"), "{paths:?}");
    assert_eq!(paths[1], "/repo.git/git-upload-pack");

    // A push is refused before the server hears of it.
    let before = seen.lock().unwrap().len();
    git(
        &around,
        &["-C", "cloned", "commit", "-q", "--allow-empty", "-m", "two"],
    )
    .await
    .unwrap();
    let said = git(&around, &["-C", "cloned", "push", "-q"])
        .await
        .unwrap_err();
    assert!(said.contains("403"), "{said}");
    assert_eq!(world.last_denial().reason, Some(Reason::GitPush));
    assert_eq!(seen.lock().unwrap().len(), before);

    // So is a fetch where the route says nothing of git.
    let said = git(
        &around,
        &["clone", "-q", "https://plain.test/repo.git", "other"],
    )
    .await
    .unwrap_err();
    assert!(said.contains("403"), "{said}");
    assert_eq!(world.last_denial().reason, Some(Reason::GitFetch));
    assert_eq!(seen.lock().unwrap().len(), before);

    // The server itself takes the push, where nothing stands in between.
    let served = around.path("served/repo.git").display().to_string();
    git(&around, &["-C", "cloned", "push", "-q", &served, "main"])
        .await
        .unwrap();
}
