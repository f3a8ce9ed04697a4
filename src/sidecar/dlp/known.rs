//! The values of this bottle that are looked for.

use bottle_contract::secret::Secret;

/// A value under the name that findings show for it.
#[derive(Clone, Debug)]
pub struct KnownValue {
    /// The name, which may be shown and logged.
    pub name: String,
    /// The value, which may not.
    pub value: Secret,
}

/// All values of a bottle that are looked for.
///
/// How much is looked for depends on the length, so that a short value is no false alarm in every
/// second body: fewer than 4 bytes are not looked for at all, 4 to 7 bytes only as they are and as
/// a word of their own, 8 and more in all forms. Values that are split by separators are found
/// from 12 letters and digits on.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The real credentials that the sidecar puts into requests.
    pub secrets: Vec<KnownValue>,
    /// The values that the agent was given in the place of credentials.
    pub placeholders: Vec<KnownValue>,
    /// A value that has no use, so that it leaves only when somebody sends all that there is.
    pub canary: Option<KnownValue>,
}

impl KnownValue {
    /// Names a value.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: Secret::new(value.into()),
        }
    }
}
