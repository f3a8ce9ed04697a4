//! `bottle audit --stats`: what the log comes to, and what would allow what was denied.

use std::collections::{BTreeMap, BTreeSet};

use bottle_contract::audit::{AuditEvent, Decision, Outcome};
use serde::Serialize;

use super::show::{next_line, record};
use crate::cli::context::Context;
use crate::error::{Error, Result};
use crate::state::Journal;

/// What stands for a host that was not known when it was decided.
const NO_HOST: &str = "-";

#[derive(Debug, Default)]
struct Sums {
    hosts: BTreeMap<(String, &'static str), Sum>,
    /// Which sum a permitted request goes on, until it has ended.
    under_way: BTreeMap<u64, String>,
    denials: BTreeMap<(String, String), Denied>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Sum {
    requests: u64,
    bytes_out: u64,
    bytes_in: u64,
}

#[derive(Debug, Default)]
struct Denied {
    requests: u64,
    remedies: BTreeSet<String>,
}

#[derive(Debug, Serialize)]
struct Shown<'a> {
    hosts: Vec<HostSum<'a>>,
    denials: Vec<Denial<'a>>,
}

#[derive(Debug, Serialize)]
struct HostSum<'a> {
    host: &'a str,
    verdict: &'a str,
    #[serde(flatten)]
    sum: Sum,
}

#[derive(Debug, Serialize)]
struct Denial<'a> {
    what: &'a str,
    reason: &'a str,
    requests: u64,
    /// The lines of a manifest, any of which allows some of it.
    add: Vec<&'a str>,
}

/// The most remedies that are kept for one denial: an agent can ask for as many paths as it likes.
const MOST: usize = 20;

/// Prints the sums of a log.
pub(super) fn run(context: &Context, log: &mut Journal, json: bool) -> Result<()> {
    let mut sums = Sums::default();
    while let Some(line) = next_line(log)? {
        sums.add(record(&line)?.event);
    }
    let shown = sums.shown();
    if json {
        return context.ui().json(&shown).map_err(Error::user);
    }
    let rows: Vec<Vec<String>> = shown.hosts.iter().map(HostSum::row).collect();
    let headers = ["HOST", "VERDICT", "REQUESTS", "SENT", "RECEIVED"];
    context.ui().table(&headers, &rows).map_err(Error::user)?;
    for denial in &shown.denials {
        context.ui().data(&denial.text()).map_err(Error::user)?;
    }
    Ok(())
}

impl Sums {
    fn add(&mut self, event: AuditEvent) {
        match event {
            AuditEvent::Decision(decision) => self.decided(&decision),
            AuditEvent::Finished(finished) => {
                let Some(host) = self.under_way.remove(&finished.id) else {
                    return;
                };
                let sum = self.hosts.entry((host, "allow")).or_default();
                sum.bytes_out = sum.bytes_out.saturating_add(finished.bytes_out);
                sum.bytes_in = sum.bytes_in.saturating_add(finished.bytes_in);
            }
            // The numbers of requests begin anew.
            AuditEvent::Opened { .. } => self.under_way.clear(),
            AuditEvent::Reloaded { .. }
            | AuditEvent::Changed(_)
            | AuditEvent::Expired(_)
            | AuditEvent::Unknown => {}
        }
    }

    fn decided(&mut self, decision: &Decision) {
        let port = decision.port.map(|port| format!(":{port}"));
        let host = match &decision.host {
            Some(host) => format!("{host}{}", port.unwrap_or_default()),
            None => NO_HOST.to_owned(),
        };
        let verdict = match decision.verdict {
            Outcome::Allow => "allow",
            Outcome::Deny => "deny",
        };
        self.hosts
            .entry((host.clone(), verdict))
            .or_default()
            .requests += 1;
        match decision.verdict {
            Outcome::Allow => {
                self.under_way.insert(decision.id, host);
            }
            Outcome::Deny => {
                let reason = decision.reason.map(|reason| reason.to_string());
                let key = (host, reason.unwrap_or_default());
                let denied = self.denials.entry(key).or_default();
                denied.requests += 1;
                if denied.remedies.len() < MOST {
                    denied.remedies.extend(decision.remedy());
                }
            }
        }
    }

    fn shown(&self) -> Shown<'_> {
        Shown {
            hosts: self
                .hosts
                .iter()
                .map(|((host, verdict), sum)| HostSum {
                    host,
                    verdict,
                    sum: *sum,
                })
                .collect(),
            denials: self
                .denials
                .iter()
                .map(|((what, reason), denied)| Denial {
                    what,
                    reason,
                    requests: denied.requests,
                    add: denied.remedies.iter().map(String::as_str).collect(),
                })
                .collect(),
        }
    }
}

impl HostSum<'_> {
    fn row(&self) -> Vec<String> {
        vec![
            self.host.to_owned(),
            self.verdict.to_owned(),
            self.sum.requests.to_string(),
            self.sum.bytes_out.to_string(),
            self.sum.bytes_in.to_string(),
        ]
    }
}

impl Denial<'_> {
    fn text(&self) -> String {
        let mut text = format!(
            "\ndenied {}×: {} ({})\n",
            self.requests, self.what, self.reason
        );
        if !self.add.is_empty() {
            text.push_str("to allow it, add to the manifest:\n");
        }
        for lines in &self.add {
            text.extend(["\n", lines, "\n"]);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_bytes_are_summed_by_host_and_verdict() {
        let mut sums = Sums::default();
        for event in [
            r#"{"event":"opened","version":"1","routes":1}"#,
            r#"{"event":"decision","id":1,"verdict":"allow","host":"a.test","port":443}"#,
            r#"{"event":"decision","id":2,"verdict":"allow","host":"a.test","port":443}"#,
            r#"{"event":"finished","id":2,"bytes_out":5,"bytes_in":70,"millis":1}"#,
            r#"{"event":"decision","id":3,"verdict":"deny","reason":"host","method":"CONNECT","host":"b.test","port":8443}"#,
            r#"{"event":"decision","id":4,"verdict":"deny","reason":"host","method":"CONNECT","host":"b.test","port":8443}"#,
            r#"{"event":"decision","id":5,"verdict":"deny","reason":"malformed"}"#,
            r#"{"event":"finished","id":1,"bytes_out":1,"bytes_in":2,"millis":1}"#,
            r#"{"event":"finished","id":9,"bytes_out":1,"bytes_in":2,"millis":1}"#,
            r#"{"event":"later"}"#,
        ] {
            sums.add(serde_json::from_str(event).unwrap());
        }
        let shown = sums.shown();
        let rows: Vec<String> = shown
            .hosts
            .iter()
            .map(|host| host.row().join(" "))
            .collect();
        assert_eq!(
            rows,
            [
                "- deny 1 0 0",
                "a.test:443 allow 2 6 72",
                "b.test:8443 deny 2 0 0"
            ]
        );
        let texts: Vec<String> = shown.denials.iter().map(Denial::text).collect();
        assert_eq!(
            texts,
            [
                "\ndenied 1×: - (the request is not well-formed, or uses what is not supported)\n",
                "\ndenied 2×: b.test:8443 (no route names this host)\n\
                 to allow it, add to the manifest:\n\n\
                 [[egress.routes]]\nhost = \"b.test\"\nport = 8443\n",
            ]
        );
    }
}
