//! `guest provision`: brings in what belongs to one bottle only.
//!
//! It runs as root in a container that has no capabilities, so root can write
//! what root owns and nothing else, and cannot change owners.

use std::path::Path;

use anyhow::{Context as _, bail};
use bottle_contract::guest::{
    CA_BUNDLE, CA_CERT, CANARY, ENVIRONMENT, Environment, PROMPT, PUBLIC_ROOTS, Provision,
    Provisioned, RUN_DIR,
};

use super::limits::MESSAGE_BYTES;
use super::{files, input, ipv6, trust_store};

/// Reads the message from standard input, does what it says, and answers on standard output.
pub(crate) fn from_stdin(root: &Path) -> anyhow::Result<()> {
    let message: Provision = input::read(std::io::stdin().lock())?;
    let answer = provision(root, message)?;
    input::write(std::io::stdout().lock(), &answer)
}

/// Writes the bottle's files, then adds its CA to the image's trust store where there is one.
pub(crate) fn provision(root: &Path, message: Provision) -> anyhow::Result<Provisioned> {
    let ca = checked_ca(&message.ca)?;
    files::make_folders(&files::under(root, RUN_DIR))?;
    forget_last_ca(root, &ca)?;
    write(root, CA_CERT, ca.as_bytes())?;
    write(root, CA_BUNDLE, &bundle(root, &ca)?)?;
    if let Some(prompt) = &message.prompt {
        write(root, PROMPT, prompt.as_bytes())?;
    }
    if let Some(canary) = &message.canary {
        let text = format!(
            "[default]\nuser = deploy\naccess_token = {}\n",
            canary.expose()
        );
        write(root, CANARY, text.as_bytes())?;
    }
    let environment = Environment {
        env: message.env,
        workdir: message.workdir,
        command: message.command,
        processes: message.processes,
        timeout: message.timeout,
    };
    write_environment(root, &environment)?;
    Ok(Provisioned {
        ipv6: ipv6::switch_off(root),
        ..trust_store::add(root, &ca)
    })
}

/// Takes the CA of an earlier start out of the image's trust store: nobody needs it any more.
fn forget_last_ca(root: &Path, ca: &str) -> anyhow::Result<()> {
    let last = files::read_if_there(&files::under(root, CA_CERT), MESSAGE_BYTES)?;
    if let Some(last) = last.filter(|last| !last.is_empty() && last != ca.as_bytes()) {
        trust_store::forget(root, &last);
    }
    Ok(())
}

/// Returns the certificate with one line feed at its end; refuses what is not one certificate.
fn checked_ca(pem: &str) -> anyhow::Result<String> {
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    let pem = pem.trim();
    let body = pem
        .strip_prefix(begin)
        .and_then(|rest| rest.strip_suffix(end));
    // Another block inside would land in every trust store, or be a private key.
    if body.is_none_or(|body| body.contains("-----")) {
        bail!("the bottle's CA is not exactly one certificate in PEM");
    }
    Ok(format!("{pem}\n"))
}

fn bundle(root: &Path, ca: &str) -> anyhow::Result<Vec<u8>> {
    let roots = files::under(root, PUBLIC_ROOTS);
    let mut bundle = files::read_if_there(&roots, MESSAGE_BYTES)?.with_context(|| {
        format!(
            "`{}` is missing, so this image is not prepared for bottle",
            roots.display()
        )
    })?;
    if bundle.last().is_some_and(|last| *last != b'\n') {
        bundle.push(b'\n');
    }
    bundle.extend_from_slice(ca.as_bytes());
    Ok(bundle)
}

fn write(root: &Path, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let path = files::under(root, path);
    files::replace(&path, bytes, 0o644)
        .with_context(|| format!("cannot write `{}`", path.display()))
}

/// Writes the environment, readable for all: root without `CAP_CHOWN` cannot give it to the agent,
/// who reads it by design, and the container has no other user who must not.
fn write_environment(root: &Path, environment: &Environment) -> anyhow::Result<()> {
    let bytes = serde_json::to_vec(environment).context("cannot encode the environment")?;
    write(root, ENVIRONMENT, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_certificate_is_taken_for_a_ca() {
        let one = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
        assert_eq!(
            checked_ca(&format!("\n{one}\n\n")).unwrap(),
            format!("{one}\n")
        );
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----";
        for bad in [
            "",
            "AAAA",
            key,
            &format!("{one}\n{one}"),
            &format!("{one}\n{key}"),
        ] {
            assert!(checked_ca(bad).is_err(), "{bad}");
        }
    }
}

#[cfg(test)]
#[path = "provision_tests.rs"]
mod images;
