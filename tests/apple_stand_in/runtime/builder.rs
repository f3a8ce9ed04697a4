//! The builder (§2.6, §5): a container that does nothing but own the network that builds run in.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use super::context::Context;
use super::engine::{CONFIGURATION, Container, Kind, find_container, find_image};
use super::failure::{Code, Done, Failure};
use super::output::log;
use super::spec::mebibytes;
use super::time::now;

/// The builder's id.
const ID: &str = "buildkit";
/// Where the waiting program is loaded.
const BASE: u64 = 0x40_0000;
/// The size of its headers.
const HEADERS: u64 = 64 + 56;
/// The image of the real container, which Apple's lists hide.
pub(crate) const IMAGE: &str = "apple-stand-in-builder:1";

/// Returns the real name of the builder: each state folder of its own has one.
pub(crate) fn real_name(context: &Context<'_>) -> String {
    context.engine.scoped(ID)
}

/// Returns the real name behind an id.
pub(crate) fn real_id(context: &Context<'_>, id: &str) -> String {
    if id == ID {
        real_name(context)
    } else {
        id.to_owned()
    }
}

/// Returns the id for a real name.
pub(crate) fn shown_id(context: &Context<'_>, real: &str) -> String {
    if real == real_name(context) {
        ID.to_owned()
    } else {
        real.to_owned()
    }
}

/// Puts the id in place of the real name in a description.
pub(crate) fn renamed(context: &Context<'_>, mut item: Value) -> Value {
    let id = item.get("id").and_then(Value::as_str).unwrap_or_default();
    let id = shown_id(context, id);
    if let Some(map) = item.as_object_mut() {
        map.insert("id".to_owned(), Value::from(id));
    }
    item
}

/// Finds the builder.
pub(crate) fn find(context: &Context<'_>) -> Result<Option<Container>, Failure> {
    find_container(context.engine, &real_name(context))
}

/// `builder start`: nothing on standard output; a running one is kept unless it must differ.
pub(crate) fn start(context: &Context<'_>) -> Done {
    ensure(context)
}

/// Lets the builder run as the options of `builder start` or `build` want it.
pub(crate) fn ensure(context: &Context<'_>) -> Done {
    let _lock = context.state.lock()?;
    let wanted = configuration(context)?;
    let name = real_name(context);
    if let Some(found) = find(context)? {
        if !differs(context, &found, &wanted) {
            if !found.running {
                context.engine.ask(&["start", &name])?.success()?;
            }
            return Ok(());
        }
        context.engine.ask(&["rm", "--force", &name])?.success()?;
    }
    ensure_image(context)?;
    context
        .engine
        .ask(&words(context, &name, &wanted))?
        .success()?;
    context.engine.ask(&["start", &name])?.success().map(drop)
}

/// It is made anew when what is given differs from what it has (§5).
fn differs(context: &Context<'_>, found: &Container, wanted: &Value) -> bool {
    let parsed = context.parsed;
    let changed = |pointer: &str| found.part(pointer) != wanted.pointer(pointer);
    let dns = ["dns", "dns-domain", "dns-option", "dns-search"];
    let given = |name: &&str| !parsed.values(name).is_empty();
    (dns.iter().any(given) && changed("/dns"))
        || (given(&"cpus") && changed("/resources/cpus"))
        || (given(&"memory") && changed("/resources/memoryInBytes"))
}

fn configuration(context: &Context<'_>) -> Result<Value, Failure> {
    let parsed = context.parsed;
    let memory = parsed.value("memory").map_or(Ok(2048 << 20), mebibytes)?;
    let cpus = parsed
        .value("cpus")
        .and_then(|cpus| cpus.parse::<u64>().ok())
        .unwrap_or(2);
    let reference = "ghcr.io/apple/container-builder-shim/builder:0.13.1";
    let digest = format!("sha256:{}", "0b".repeat(32));
    Ok(json!({
        "id": ID,
        "image": {"reference": reference, "descriptor": {
            "mediaType": "application/vnd.oci.image.index.v1+json", "digest": digest, "size": 1610,
        }},
        "mounts": [],
        "publishedPorts": [],
        "publishedSockets": [],
        "labels": {
            "com.apple.container.plugin": "builder",
            "com.apple.container.resource.role": "builder",
        },
        "sysctls": {},
        "networks": [{"network": "default", "options": {"hostname": ID}}],
        "dns": super::containers::dns(context),
        "rosetta": true,
        "initProcess": {
            "executable": "/usr/local/bin/container-builder-shim",
            "arguments": ["--debug", "--vsock"],
            "environment": [],
            "workingDirectory": "/",
            "terminal": false,
            "user": {"id": {"uid": 0, "gid": 0}},
            "supplementalGroups": [],
            "rlimits": [],
        },
        "platform": {"os": "linux", "architecture": "arm64"},
        "resources": {"cpus": cpus, "memoryInBytes": memory, "cpuOverhead": 1},
        "runtimeHandler": "container-runtime-linux",
        "virtualization": false,
        "ssh": false,
        "readOnly": false,
        "useInit": false,
        "capAdd": ["ALL"],
        "capDrop": [],
        "creationDate": now(),
    }))
}

fn words(context: &Context<'_>, name: &str, configuration: &Value) -> Vec<String> {
    let network = match context.engine.kind {
        Kind::Docker => "bridge",
        Kind::Podman => "podman",
    };
    let mut words = vec![
        "create".to_owned(),
        "--pull=never".to_owned(),
        format!("--name={name}"),
        format!("--network={network}"),
        context.engine.mark(),
        format!("--label={CONFIGURATION}={configuration}"),
    ];
    words.extend(dns_words(configuration));
    words.push(IMAGE.to_owned());
    words
}

/// Returns the engine's words for the builder's resolver.
pub(crate) fn dns_words(configuration: &Value) -> Vec<String> {
    let mut words = Vec::new();
    for (key, option) in [
        ("nameservers", "--dns"),
        ("searchDomains", "--dns-search"),
        ("options", "--dns-option"),
    ] {
        let values = configuration
            .pointer(&format!("/dns/{key}"))
            .and_then(Value::as_array);
        let values = values.into_iter().flatten().filter_map(Value::as_str);
        words.extend(values.map(|value| format!("{option}={value}")));
    }
    words
}

/// Makes the image: one file, which waits for ever.
fn ensure_image(context: &Context<'_>) -> Done {
    if find_image(context.engine, IMAGE)?.is_some() {
        return Ok(());
    }
    let io = |error: std::io::Error| Failure::Other(error.to_string());
    let mut archive = tar::Builder::new(Vec::new());
    let program = waiting_program()?;
    let mut header = tar::Header::new_gnu();
    header.set_size(u64::try_from(program.len()).unwrap_or(0));
    header.set_mode(0o755);
    archive
        .append_data(&mut header, "wait", program.as_slice())
        .map_err(io)?;
    let archive = archive.into_inner().map_err(io)?;
    let words = ["import", "--change", "ENTRYPOINT [\"/wait\"]", "-", IMAGE];
    let mut command = context.engine.command(&words);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(io)?;
    if let Some(mut stdin) = child.stdin.take() {
        // When the engine stops reading it says why, which is read below.
        drop(stdin.write_all(&archive));
    }
    let output = child.wait_with_output().map_err(io)?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Failure::new(Code::InternalError, complaint))
}

/// Writes a static program of a few instructions: wait for a signal, and again.
fn waiting_program() -> Result<Vec<u8>, Failure> {
    let (machine, code): (u16, Vec<u8>) = match std::env::consts::ARCH {
        // mov eax, pause; syscall; jmp back
        "x86_64" => (62, vec![0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7]),
        // x8 = ppoll; x0 to x3 = 0; svc; branch back
        "aarch64" => {
            let words: [u32; 7] = [
                0xd280_0928,
                0xd280_0000,
                0xd280_0001,
                0xd280_0002,
                0xd280_0003,
                0xd400_0001,
                0x17ff_fffa,
            ];
            (
                183,
                words.iter().flat_map(|word| word.to_le_bytes()).collect(),
            )
        }
        other => return Err(Failure::lacking(&format!("a builder on {other}"))),
    };
    let size = HEADERS + u64::try_from(code.len()).unwrap_or(0);
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    // An executable for this machine, version 1.
    file.extend([2_u16.to_le_bytes(), machine.to_le_bytes()].concat());
    file.extend(1_u32.to_le_bytes());
    // Entry, program headers, no section headers.
    file.extend([(BASE + HEADERS).to_le_bytes(), 64_u64.to_le_bytes(), [0; 8]].concat());
    file.extend(0_u32.to_le_bytes());
    for half in [64_u16, 56, 1, 64, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    // One segment: loaded, readable and executable.
    file.extend([1_u32.to_le_bytes(), 5_u32.to_le_bytes()].concat());
    for word in [0, BASE, BASE, size, size, 0x1000] {
        file.extend(word.to_le_bytes());
    }
    file.extend(code);
    Ok(file)
}

/// `builder status`: none is no error.
pub(crate) fn status(context: &Context<'_>) -> Done {
    let found = find(context)?;
    let items: Vec<Value> = found
        .iter()
        .map(|container| renamed(context, super::containers::described(context, container)))
        .collect();
    let format = context.parsed.value("format").unwrap_or("table");
    if format == "table" && items.is_empty() {
        if !context.parsed.flag("quiet") {
            super::output::emit("builder is not running");
        }
        return Ok(());
    }
    let header = ["ID", "IMAGE", "STATE", "IP", "CPUS", "MEMORY"];
    context.print_list(&items, &header, |item| {
        let text = |pointer: &str| {
            let value = item.pointer(pointer).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let number = |pointer: &str| item.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        vec![
            text("/id"),
            text("/configuration/image/reference"),
            text("/status/state"),
            text("/status/networks/0/ipv4Address"),
            number("/configuration/resources/cpus").to_string(),
            format!(
                "{} MB",
                number("/configuration/resources/memoryInBytes") >> 20
            ),
        ]
    })
}

/// `builder stop`.
pub(crate) fn stop(context: &Context<'_>) -> Done {
    match find(context)? {
        Some(found) if found.running => {
            context.engine.ask(&["kill", &found.id])?.success()?;
            context.engine.ask(&["wait", &found.id])?;
        }
        Some(_) => {}
        None => log("builder is not running"),
    }
    Ok(())
}

/// `builder delete`: a running one only by force.
pub(crate) fn delete(context: &Context<'_>) -> Done {
    let Some(found) = find(context)? else {
        return Ok(());
    };
    if found.running && !context.parsed.flag("force") {
        return Err(Failure::new(
            Code::InvalidState,
            "BuildKit container is not stopped, use --force to override",
        ));
    }
    remove(context)
}

/// Removes the builder, whatever it does.
pub(crate) fn remove(context: &Context<'_>) -> Done {
    context
        .engine
        .ask(&["rm", "--force", &real_name(context)])?;
    Ok(())
}
