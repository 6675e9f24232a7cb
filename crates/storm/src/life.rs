//! What became of one disaster.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::judge::Violation;
use crate::story::Line;

/// How a disaster ended. Whether laws were broken on the way is another question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "ending", content = "why")]
pub enum Ending {
    /// Failed over and back, both verified.
    Verified,
    /// Given up by somebody, and nothing is left paused.
    AbortedSafe(String),
    /// It waits for a person, and says for what.
    Waiting(String),
    /// It neither ended nor said what it waits for.
    Stuck(String),
}

impl Ending {
    /// The word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Ending::Verified => "verified",
            Ending::AbortedSafe(_) => "aborted-safe",
            Ending::Waiting(_) => "waiting",
            Ending::Stuck(_) => "stuck",
        }
    }
}

/// One disaster, lived through.
#[derive(Clone, Debug, PartialEq)]
pub struct Life {
    /// Its seed.
    pub seed: u64,
    /// How it ended.
    pub ending: Ending,
    /// The laws that were broken.
    pub violations: Vec<Violation>,
    /// The states that it came to, and how often.
    pub reached: BTreeMap<String, u64>,
    /// The same if the same was decided, in the same order, whenever.
    pub decisions: u64,
    /// The same if the same happened at the same time.
    pub trace: u64,
    /// How long it took in its own time, in seconds.
    pub took_s: f64,
    /// What happened; empty unless asked for.
    pub story: Vec<Line>,
}

/// A running FNV-1a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sum(u64);

impl Default for Sum {
    fn default() -> Self {
        Sum(0xcbf2_9ce4_8422_2325)
    }
}

impl Sum {
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    pub(crate) fn value(self) -> u64 {
        self.0
    }
}
