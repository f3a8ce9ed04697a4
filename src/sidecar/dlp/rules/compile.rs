//! From a file's entries to rules that can be applied.

use std::sync::Arc;

use toml::Spanned;

use super::allowlist::{Allowlist, Condition, Target};
use super::file::{BadRules, ListEntry, RuleEntry, RuleFile};
use super::pattern;
use super::rule::{Noisy, Rule};

/// A tag with which a file says that a rule only reports.
const REPORT_ONLY: &str = "report-only";
/// How the ids of rules begin that know a secret by what stands around it only.
const GENERIC: &str = "generic";

/// A rule with the words that must be near for it to be applied.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) rule: Rule,
    /// In lower case; none means that it is always applied.
    pub(super) keywords: Vec<String>,
}

/// An allowlist that is not inside of one rule.
struct Shared {
    list: Arc<Allowlist>,
    /// The rules that it is for; none means all.
    rules: Vec<String>,
}

/// Compiles a file.
pub(super) fn compile(file: &RuleFile) -> Result<Vec<Compiled>, BadRules> {
    let document = file.read()?;
    if let Some(extend) = &document.extend {
        let reason = "`extend` is not supported: name both files instead".to_owned();
        return Err(file.bad(extend.span().start, None, reason));
    }
    let mut shared = Vec::new();
    for entry in document.allowlist.iter().chain(&document.allowlists) {
        shared.push(Shared {
            list: Arc::new(allowlist(file, None, entry)?),
            rules: entry.as_ref().target_rules.clone(),
        });
    }
    let mut compiled = Vec::new();
    for entry in &document.rules {
        compiled.extend(rule(file, entry, &shared)?);
    }
    Ok(compiled)
}

/// Compiles a rule. One that looks at paths only finds nothing in a stream.
fn rule(
    file: &RuleFile,
    spanned: &Spanned<RuleEntry>,
    shared: &[Shared],
) -> Result<Option<Compiled>, BadRules> {
    let entry = spanned.as_ref();
    let at = spanned.span().start;
    let Some(id) = entry.id.as_deref().filter(|id| !id.is_empty()) else {
        return Err(file.bad(at, None, "a rule has no `id`".to_owned()));
    };
    if let Some(required) = &entry.required {
        let reason = "`required` is not supported: remove it, or the rule".to_owned();
        return Err(file.bad(required.span().start, Some(id), reason));
    }
    let Some(regex) = &entry.regex else {
        return Ok(None);
    };
    let regex_at = regex.span().start;
    let compiled =
        pattern::compile(regex.as_ref()).map_err(|reason| file.bad(regex_at, Some(id), reason))?;
    if entry.secret_group >= compiled.captures_len() {
        let reason = format!(
            "`secretGroup` is {}, and the pattern has {} groups",
            entry.secret_group,
            compiled.captures_len() - 1
        );
        return Err(file.bad(at, Some(id), reason));
    }
    let mut allowlists = Vec::new();
    for own in entry.allowlist.iter().chain(&entry.allowlists) {
        allowlists.push(Arc::new(allowlist(file, Some(id), own)?));
    }
    let for_this =
        |shared: &&Shared| shared.rules.is_empty() || shared.rules.iter().any(|r| r == id);
    allowlists.extend(shared.iter().filter(for_this).map(|s| Arc::clone(&s.list)));
    allowlists.retain(|list| !list.is_empty());
    let reports = entry.skip_report
        || id.starts_with(GENERIC)
        || entry.tags.iter().any(|tag| tag == REPORT_ONLY);
    let keywords = entry.keywords.iter().filter(|word| !word.is_empty());
    Ok(Some(Compiled {
        keywords: keywords.map(|word| word.to_ascii_lowercase()).collect(),
        rule: Rule {
            id: id.to_owned(),
            regex: compiled,
            secret_group: entry.secret_group,
            entropy: entry.entropy,
            allowlists,
            noisy: if reports { Noisy::Yes } else { Noisy::No },
        },
    }))
}

/// Compiles an allowlist. There are no paths and no commits here: a part about them never holds.
fn allowlist(
    file: &RuleFile,
    rule: Option<&str>,
    spanned: &Spanned<ListEntry>,
) -> Result<Allowlist, BadRules> {
    let entry = spanned.as_ref();
    let at = spanned.span().start;
    let target = match entry.regex_target.as_deref() {
        None | Some("" | "secret") => Target::Secret,
        Some("match") => Target::Match,
        Some("line") => Target::Line,
        Some(other) => {
            let reason = format!("`regexTarget` is `{other}`: write `secret`, `match` or `line`");
            return Err(file.bad(at, rule, reason));
        }
    };
    let condition = match entry
        .condition
        .as_deref()
        .map(str::to_ascii_uppercase)
        .as_deref()
    {
        None | Some("" | "OR" | "||") => Condition::Any,
        Some("AND" | "&&") => Condition::All,
        Some(other) => {
            let reason = format!("`condition` is `{other}`: write `OR` or `AND`");
            return Err(file.bad(at, rule, reason));
        }
    };
    let never =
        condition == Condition::All && !(entry.paths.is_empty() && entry.commits.is_empty());
    let mut list = Allowlist {
        regexes: Vec::new(),
        target,
        stopwords: entry
            .stopwords
            .iter()
            .map(|word| word.to_ascii_lowercase())
            .collect(),
        condition,
    };
    for regex in &entry.regexes {
        let compiled = pattern::compile(regex.as_ref())
            .map_err(|reason| file.bad(regex.span().start, rule, reason))?;
        list.regexes.push(compiled);
    }
    if never {
        list.regexes.clear();
        list.stopwords.clear();
    }
    Ok(list)
}
