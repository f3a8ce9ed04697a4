//! `/etc/resolv.conf` and `/etc/hosts` of a container (§4.2).
//!
//! They are files of the stand-in, mounted over the engine's own: the engines would write their own
//! resolvers and more hosts than Apple's runtime does.

use std::io::Read as _;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde_json::Value;

use crate::runtime::context::Context;
use crate::runtime::engine::Image;
use crate::runtime::failure::Failure;

/// Writes both files; returns their paths with their places in the container.
pub(super) fn write(
    context: &Context<'_>,
    id: &str,
    resolver: &str,
    address: Option<Ipv4Addr>,
) -> Result<Vec<(PathBuf, &'static str)>, Failure> {
    let mut hosts = "127.0.0.1 localhost\n".to_owned();
    if let Some(address) = address {
        let line = format!("{address} {id}\n");
        hosts.push_str(&line);
    }
    let state = &context.state;
    let resolver = state.write(&format!("containers/{id}/resolv.conf"), resolver)?;
    let hosts = state.write(&format!("containers/{id}/hosts"), &hosts)?;
    Ok(vec![(resolver, "/etc/resolv.conf"), (hosts, "/etc/hosts")])
}

/// Returns what `/etc/resolv.conf` says for Apple's `dns` and the first network's gateway.
pub(crate) fn resolver_text(dns: &Value, gateway: Option<Ipv4Addr>) -> String {
    let list = |key: &str| -> Vec<String> {
        let items = dns.get(key).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut servers = list("nameservers");
    if servers.is_empty() {
        servers.extend(gateway.map(|gateway| gateway.to_string()));
    }
    let mut lines: Vec<String> = servers
        .iter()
        .map(|it| format!("nameserver {it}"))
        .collect();
    let domain = dns.get("domain").and_then(Value::as_str);
    lines.extend(domain.map(|domain| format!("domain {domain}")));
    for (word, key) in [("search", "searchDomains"), ("options", "options")] {
        let items = list(key);
        if !items.is_empty() {
            lines.push(format!("{word} {}", items.join(" ")));
        }
    }
    lines.push(String::new());
    if lines.len() == 1 {
        String::new()
    } else {
        lines.join("\n")
    }
}

/// Returns the `/etc/resolv.conf` that an image brings, which `--no-dns` leaves in place.
pub(super) fn resolver_of_image(context: &Context<'_>, image: &Image) -> Result<String, Failure> {
    let file = format!("resolvers/{}", image.id.replace(':', "-"));
    if let Some(text) = context.state.read(&file) {
        return Ok(text);
    }
    let engine = context.engine;
    let container = engine
        .ask(&["create", "--pull=never", &image.id, "/none"])?
        .success()?;
    let container = container.trim();
    let source = format!("{container}:/etc/resolv.conf");
    let copied = engine.ask(&["cp", &source, "-"]);
    engine.ask(&["rm", "--force", container])?.success()?;
    let text = only_file(&copied?.stdout);
    context.state.write(&file, &text)?;
    Ok(text)
}

/// Returns the content of the first file of an archive; nothing when there is none.
fn only_file(archive: &[u8]) -> String {
    let mut archive = tar::Archive::new(archive);
    let mut text = String::new();
    if let Some(Ok(mut entry)) = archive
        .entries()
        .ok()
        .and_then(|mut entries| entries.next())
    {
        // A link, or what is no text, says nothing to a resolver.
        drop(entry.read_to_string(&mut text));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_gateway_is_asked_unless_servers_are_given() {
        let gateway = Some(Ipv4Addr::new(192, 168, 64, 1));
        let none = json!({"nameservers": [], "options": [], "searchDomains": []});
        assert_eq!(resolver_text(&none, gateway), "nameserver 192.168.64.1\n");
        assert_eq!(resolver_text(&none, None), "");
        let full = json!({
            "nameservers": ["10.0.0.1", "10.0.0.2"], "domain": "d",
            "searchDomains": ["a", "b"], "options": ["ndots:1"],
        });
        assert_eq!(
            resolver_text(&full, gateway),
            "nameserver 10.0.0.1\nnameserver 10.0.0.2\ndomain d\nsearch a b\noptions ndots:1\n"
        );
    }
}
