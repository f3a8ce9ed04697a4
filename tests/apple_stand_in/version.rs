//! The versions of Apple's CLI that are stood in for.

/// A version of `container`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// Before the floor: only `--version` and the status matter.
    V0_12_3,
    /// The first with today's JSON.
    V1_0_0,
    /// With `machine create --kernel`.
    V1_1_0,
    /// The last whose sources are public.
    V1_2_2,
    /// 1.2.2's grammar with a nested status and plain slashes.
    V1_5_0,
}

impl Version {
    /// All versions, the oldest first.
    pub const ALL: [Self; 5] = [
        Self::V0_12_3,
        Self::V1_0_0,
        Self::V1_1_0,
        Self::V1_2_2,
        Self::V1_5_0,
    ];

    /// Finds a version by its text, such as `1.2.2`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|version| version.as_str() == text)
    }

    /// Returns the text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V0_12_3 => "0.12.3",
            Self::V1_0_0 => "1.0.0",
            Self::V1_1_0 => "1.1.0",
            Self::V1_2_2 => "1.2.2",
            Self::V1_5_0 => "1.5.0",
        }
    }
}
