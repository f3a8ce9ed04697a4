//! Messages: one JSON value on standard input, one JSON line on standard output.

use std::io::{Read, Write};

use anyhow::{Context as _, anyhow, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::limits::MESSAGE_BYTES;

/// Reads one JSON value up to the end of the stream.
pub(crate) fn read<T: DeserializeOwned>(from: impl Read) -> anyhow::Result<T> {
    let mut bytes = Vec::new();
    from.take(MESSAGE_BYTES + 1)
        .read_to_end(&mut bytes)
        .context("cannot read standard input")?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MESSAGE_BYTES) {
        bail!("the message on standard input is longer than {MESSAGE_BYTES} bytes");
    }
    parse(&bytes).context("standard input is not the message that this command reads")
}

/// Parses JSON. The error says where, never what: the text around it can be a secret.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> anyhow::Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        anyhow!(
            "broken JSON at line {}, column {}",
            error.line(),
            error.column()
        )
    })
}

/// Writes one JSON value and a line feed.
pub(crate) fn write<T: Serialize>(mut to: impl Write, value: &T) -> anyhow::Result<()> {
    let mut bytes = serde_json::to_vec(value).context("cannot encode the answer")?;
    bytes.push(b'\n');
    to.write_all(&bytes)
        .and_then(|()| to.flush())
        .context("cannot write to standard output")
}

#[cfg(test)]
mod tests {
    use bottle_contract::guest::Environment;

    use super::*;

    #[test]
    fn a_broken_message_is_refused_without_repeating_it() {
        let good = br#"{"env":{"KEY":"hunter2"},"workdir":"/w"}"#;
        assert!(read::<Environment>(&good[..]).is_ok());
        for bad in [
            &br#"{"env":{"KEY":"hunter2"},"workdir":"hunter2"#[..],
            br#"{"env":"hunter2","workdir":"/w"}"#,
            br#"{"env":{"KEY":"hunter2"},"workdir":"/w"} x"#,
        ] {
            let error = format!("{:#}", read::<Environment>(bad).unwrap_err());
            assert!(error.contains("line 1"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
