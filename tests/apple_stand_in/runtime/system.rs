//! `system` and the service being down (§2.0, §2.7, §3.5).

use serde_json::{Value, json};

use super::builder;
use super::context::Context;
use super::engine::{containers, volumes};
use super::failure::{Code, Done, Failure};
use super::json::{Slashes, compact, pretty};
use super::networks;
use super::output::{emit, table};
use super::state::State;
use crate::argv::Parsed;
use crate::version::Version;

/// Where Apple keeps its data.
pub(crate) const APP_ROOT: &str =
    "/Users/stand-in/Library/Application Support/com.apple.container/";
const INSTALL_ROOT: &str = "/usr/local/";
/// The file that says that the service was stopped.
const STOPPED: &str = "stopped";

/// Returns the commit of a release.
fn commit(version: Version) -> &'static str {
    match version {
        Version::V0_12_3 => "f989901300000000000000000000000000000000",
        Version::V1_0_0 => "ee848e3ebfd7c73b04dd419683be54fb450b8779",
        Version::V1_1_0 => "5973b9cc626a3e7a499bb316a958237ebe14e2ed",
        Version::V1_2_2 => "0190097d06df0b9065f4c2d2c7873c649d81d493",
        Version::V1_5_0 => "d265d669ecae041bf338cb3b39c4118316d138f0",
    }
}

fn release(version: Version) -> String {
    let short: String = commit(version).chars().take(7).collect();
    format!("{} (build: release, commit: {short})", version.as_str())
}

/// Tells whether the service is down.
pub(crate) fn is_down(state: &State) -> bool {
    forced_down() || state.read(STOPPED).is_some()
}

fn forced_down() -> bool {
    std::env::var("APPLE_STAND_IN_DOWN").is_ok_and(|value| value == "1")
}

/// Makes the failure of every command that needs the service.
pub(crate) fn down(command: &str) -> Failure {
    let what = match command {
        "list" => "failed to list containers".to_owned(),
        "network list" => "failed to list networks".to_owned(),
        other => format!("failed to {other}"),
    };
    Failure::Other(format!(
        "internalError: \"{what}\" (cause: \"interrupted: \"XPC connection error: Connection \
         invalid\"\")\nEnsure container system service has been started with `container system \
         start`."
    ))
}

/// `system version`: works with the service down, and then has one entry.
pub(crate) fn version(version: Version, parsed: &Parsed, state: &State) {
    let number = version.as_str();
    let entry = |name: &str, text: String| json!({"appName": name, "buildType": "release", "commit": commit(version), "version": text});
    let mut entries = vec![entry("container", number.to_owned())];
    if !is_down(state) {
        let text = format!("container-apiserver version {}", release(version));
        entries.push(entry("container-apiserver", text));
    }
    if parsed.value("format") == Some("json") {
        emit(&compact(&Value::from(entries), Slashes::of(version)));
        return;
    }
    let header = ["COMPONENT", "VERSION", "BUILD", "COMMIT"];
    let mut rows = vec![header.iter().map(|&it| it.to_owned()).collect::<Vec<_>>()];
    rows.extend(entries.iter().map(|entry| {
        let text = |key: &str| {
            entry
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        ["appName", "version", "buildType", "commit"]
            .map(text)
            .to_vec()
    }));
    emit(&table(&rows));
}

/// `system status`: status 1 unless the service runs, with the payload all the same.
pub(crate) fn status(version: Version, parsed: &Parsed, state: &State) -> Done {
    let down = is_down(state);
    let payload = if version >= Version::V1_5_0 {
        nested_status(version, down)
    } else {
        flat_status(version, down)
    };
    if parsed.value("format") == Some("json") {
        emit(&compact(&payload, Slashes::of(version)));
    } else {
        let status = payload
            .get("status")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let row = |words: [&str; 2]| words.map(str::to_owned).to_vec();
        emit(&table(&[row(["FIELD", "VALUE"]), row(["status", status])]));
    }
    if down {
        Err(Failure::Status(1))
    } else {
        Ok(())
    }
}

fn flat_status(version: Version, down: bool) -> Value {
    if down {
        return json!({
            "apiServerAppName": "", "apiServerBuild": "", "apiServerCommit": "",
            "apiServerVersion": "", "appRoot": "", "installRoot": "", "status": "unregistered",
        });
    }
    json!({
        "apiServerAppName": "container-apiserver",
        "apiServerBuild": "release",
        "apiServerCommit": commit(version),
        "apiServerVersion": format!("container-apiserver version {}", release(version)),
        "appRoot": APP_ROOT,
        "installRoot": INSTALL_ROOT,
        "status": "running",
    })
}

fn nested_status(version: Version, down: bool) -> Value {
    if down {
        return json!({"status": "unregistered"});
    }
    let part = |name: &str| {
        json!({
            "appName": name, "build": "release", "commit": commit(version),
            "version": version.as_str(),
        })
    };
    json!({
        "client": part("container"),
        "server": part("container-apiserver"),
        "host": {
            "architecture": "arm64", "cpus": 8,
            "operatingSystem": "Version 26.5.1 (Build 25F80)",
        },
        "paths": {
            "appRoot": APP_ROOT, "installRoot": INSTALL_ROOT, "logRoot": format!("{APP_ROOT}logs/"),
        },
        "resources": {"containersRunning": 0, "containersTotal": 0, "images": 0},
        "status": "running",
    })
}

/// `system start`.
pub(crate) fn start(state: &State) -> Done {
    if forced_down() {
        return Err(Failure::new(
            Code::Interrupted,
            "failed to get a response from apiserver: `APPLE_STAND_IN_DOWN` is set",
        ));
    }
    state.remove(STOPPED);
    Ok(())
}

/// `system stop`: all containers stop, and what belongs to the service goes.
pub(crate) fn stop(context: &Context<'_>) -> Done {
    emit("stopping containers");
    for container in containers(context.engine)? {
        if container.running {
            context
                .engine
                .ask(&["stop", "--time", "5", &container.id])?;
        }
    }
    builder::remove(context)?;
    networks::remove_default(context)?;
    context.state.write(STOPPED, "")?;
    emit("stopped apiserver");
    Ok(())
}

/// `system df`: pretty, and an object.
pub(crate) fn df(context: &Context<'_>) -> Done {
    let all = containers(context.engine)?;
    let running = all.iter().filter(|container| container.running).count();
    let volumes = volumes(context.engine)?.len();
    let ids = context
        .engine
        .ask(&["image", "ls", "--quiet", "--no-trunc"])?
        .success()?;
    let entry = |total: usize, active: usize| json!({"total": total, "active": active, "sizeInBytes": 0, "reclaimable": 0});
    let payload = json!({
        "containers": entry(all.len(), running),
        "images": entry(ids.lines().count(), 0),
        "volumes": entry(volumes, 0),
    });
    if context.parsed.value("format") == Some("json") {
        emit(&pretty(&payload, Slashes::of(context.version)));
        return Ok(());
    }
    let mut rows = vec![
        ["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for (title, key) in [
        ("Images", "images"),
        ("Containers", "containers"),
        ("Local Volumes", "volumes"),
    ] {
        let number = |field: &str| {
            payload
                .pointer(&format!("/{key}/{field}"))
                .map(Value::to_string)
                .unwrap_or_default()
        };
        let size = "Zero KB".to_owned();
        rows.push(vec![
            title.to_owned(),
            number("total"),
            number("active"),
            size.clone(),
            size,
        ]);
    }
    emit(&table(&rows));
    Ok(())
}

/// `system dns list`: there are no domains.
pub(crate) fn dns_list(context: &Context<'_>) -> Done {
    context.print_list(&[], &["DOMAIN"], |_| Vec::new())
}

/// `system property list`: what an unconfigured machine has.
pub(crate) fn properties(context: &Context<'_>) {
    let builder = "ghcr.io/apple/container-builder-shim/builder:0.13.1";
    if context.parsed.value("format") != Some("json") {
        emit(&format!(
            "[build]\ncpus = 2\nimage = \"{builder}\"\nmemory = \"2048mb\"\nrosetta = \
             true\n\n[container]\ncpus = 4\nmemory = \"1gb\"\n\n[registry]\ndomain = \"docker.io\""
        ));
        return;
    }
    let payload = json!({
        "build": {"rosetta": true, "cpus": 2, "memory": "2048mb", "image": builder},
        "container": {"cpus": 4, "memory": "1gb"},
        "dns": {},
        "network": {},
        "registry": {"domain": "docker.io"},
    });
    emit(&compact(&payload, Slashes::of(context.version)));
}
