//! Rules from files in gitleaks' format.

mod allowlist;
mod compile;
mod entropy;
mod file;
mod pattern;
mod rule;
mod set;
mod windows;

pub(super) use set::RuleSet;
pub(super) use windows::Windows;

pub use file::{BadRules, RuleFile};
