//! Tokens with a vendor's own prefix. The sources stand in `docs/dlp.md`.

/// A prefix, and what follows it at least.
#[derive(Debug)]
pub(super) struct Shape {
    /// What findings call it.
    pub(super) id: &'static str,
    /// How it begins.
    pub(super) prefixes: &'static [&'static str],
    /// What it is made of after that.
    pub(super) letters: Letters,
    /// How many of them there are at least.
    pub(super) least: usize,
}

/// The alphabets of tokens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Letters {
    /// `0-9a-f`, in either case.
    Hex,
    /// `A-Z0-9`.
    Upper,
    /// `A-Za-z0-9`.
    Alphanumeric,
    /// `A-Za-z0-9_-`.
    Url,
    /// `A-Za-z0-9_.-`.
    Dotted,
    /// `A-Za-z0-9+/=`.
    Base64,
    /// `A-Za-z0-9/`.
    Path,
}

impl Letters {
    /// Tells whether a byte is one of them.
    pub(super) fn has(self, byte: u8) -> bool {
        match self {
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'),
            Self::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='),
            Self::Path => byte.is_ascii_alphanumeric() || byte == b'/',
        }
    }
}

const fn shape(
    id: &'static str,
    prefixes: &'static [&'static str],
    letters: Letters,
    least: usize,
) -> Shape {
    Shape {
        id,
        prefixes,
        letters,
        least,
    }
}

/// All that is looked for.
pub(super) const SHAPES: &[Shape] = &[
    shape("age-secret-key", &["AGE-SECRET-KEY-1"], Letters::Upper, 58),
    shape("anthropic-key", &["sk-ant-"], Letters::Url, 32),
    shape("aws-access-key-id", &["AKIA", "ASIA"], Letters::Upper, 16),
    shape("azure-storage-key", &["AccountKey="], Letters::Base64, 80),
    shape(
        "digitalocean-token",
        &["dop_v1_", "doo_v1_", "dor_v1_"],
        Letters::Hex,
        64,
    ),
    shape(
        "docker-token",
        &["dckr_pat_", "dckr_oat_"],
        Letters::Url,
        27,
    ),
    shape("doppler-token", &["dp.pt.", "dp.st."], Letters::Dotted, 40),
    shape(
        "github-token",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
        Letters::Alphanumeric,
        36,
    ),
    shape(
        "github-fine-grained-token",
        &["github_pat_"],
        Letters::Url,
        60,
    ),
    shape(
        "gitlab-token",
        &[
            "glpat-", "gldt-", "glrt-", "glrtr-", "glcbt-", "glptt-", "glft-", "glimt-",
            "glagent-", "glsoat-", "gloas-",
        ],
        Letters::Dotted,
        20,
    ),
    shape("google-api-key", &["AIza"], Letters::Url, 35),
    shape("google-oauth-token", &["ya29."], Letters::Url, 60),
    shape("grafana-token", &["glsa_", "glc_"], Letters::Url, 32),
    shape("huggingface-token", &["hf_"], Letters::Alphanumeric, 34),
    shape("notion-token", &["ntn_"], Letters::Alphanumeric, 40),
    shape("npm-token", &["npm_"], Letters::Alphanumeric, 36),
    shape(
        "openai-key",
        &["sk-proj-", "sk-svcacct-", "sk-admin-"],
        Letters::Url,
        40,
    ),
    shape("pulumi-token", &["pul-"], Letters::Hex, 40),
    shape("pypi-token", &["pypi-AgE"], Letters::Url, 50),
    shape("replicate-token", &["r8_"], Letters::Alphanumeric, 37),
    shape("rubygems-key", &["rubygems_"], Letters::Hex, 48),
    shape("sendgrid-key", &["SG."], Letters::Dotted, 66),
    shape(
        "shopify-token",
        &["shpat_", "shpca_", "shppa_", "shpss_"],
        Letters::Hex,
        32,
    ),
    shape(
        "slack-token",
        &[
            "xoxb-",
            "xoxp-",
            "xoxa-",
            "xoxr-",
            "xapp-",
            "xoxe-",
            "xoxe.xoxb-",
            "xoxe.xoxp-",
        ],
        Letters::Url,
        24,
    ),
    shape(
        "slack-webhook",
        &["hooks.slack.com/services/T"],
        Letters::Path,
        40,
    ),
    shape(
        "stripe-key",
        &["sk_live_", "rk_live_"],
        Letters::Alphanumeric,
        24,
    ),
    shape("stripe-webhook-secret", &["whsec_"], Letters::Base64, 32),
    shape(
        "tailscale-key",
        &["tskey-auth-", "tskey-api-", "tskey-client-"],
        Letters::Url,
        24,
    ),
    shape("vault-token", &["hvs.", "hvb.", "hvr."], Letters::Url, 24),
];

/// What is looked for by more than its letters.
pub(super) const PRIVATE_KEY: &str = "private-key";
/// How a private key in a text begins.
pub(super) const PRIVATE_KEY_PREFIX: &str = "-----BEGIN ";
/// A signed token for one session; too common to stop anything.
pub(super) const JWT: &str = "jwt";
/// How its header begins: `{"`.
pub(super) const JWT_PREFIX: &str = "eyJ";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_shape_is_there_twice_or_shorter_than_chance() {
        let ids: BTreeSet<&str> = SHAPES.iter().map(|shape| shape.id).collect();
        assert_eq!(ids.len(), SHAPES.len());
        let prefixes: Vec<&str> = SHAPES.iter().flat_map(|s| s.prefixes).copied().collect();
        let unique: BTreeSet<&str> = prefixes.iter().copied().collect();
        assert_eq!(prefixes.len(), unique.len());
        for shape in SHAPES {
            assert!(shape.least >= 16, "{}", shape.id);
        }
    }

    #[test]
    fn every_shape_has_its_source_in_the_document() {
        let document = include_str!("../../../docs/dlp.md");
        for shape in SHAPES {
            let row = document
                .lines()
                .find(|line| line.starts_with(&format!("| `{}` |", shape.id)))
                .unwrap_or_else(|| panic!("no row for `{}`", shape.id));
            assert!(row.contains("https://"), "{row}");
            for prefix in shape.prefixes {
                assert!(row.contains(&format!("`{prefix}`")), "{prefix}: {row}");
            }
        }
    }
}
