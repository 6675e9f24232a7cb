//! What a storm is made of: one kind of trouble, or all kinds.

use std::fmt;
use std::str::FromStr;

/// A kind of trouble.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scenario {
    /// Anything, up to four things in one disaster; in some nothing.
    #[default]
    Any,
    /// Nothing goes wrong but the loss itself.
    Plain,
    /// Requests and answers are lost, late, refused.
    Answers,
    /// c8dr is killed, and its run is resumed.
    Deaths,
    /// The link between the regions is cut, both alive.
    Network,
    /// Brokers die and freeze.
    Brokers,
    /// Searches, snapshots and the object store fail.
    Searches,
    /// The old region comes back by itself; the rebuilt one dies again.
    Returning,
    /// Somebody resumes or pauses exporting.
    People,
    /// What befalls few nights: links half open, names lost, disks full, clocks that jump, people at the platform.
    Rare,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Scenario; 10] = [
        Scenario::Any,
        Scenario::Plain,
        Scenario::Answers,
        Scenario::Deaths,
        Scenario::Network,
        Scenario::Brokers,
        Scenario::Searches,
        Scenario::Returning,
        Scenario::People,
        Scenario::Rare,
    ];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scenario::Any => "any",
            Scenario::Plain => "plain",
            Scenario::Answers => "answers",
            Scenario::Deaths => "deaths",
            Scenario::Network => "network",
            Scenario::Brokers => "brokers",
            Scenario::Searches => "searches",
            Scenario::Returning => "returning",
            Scenario::People => "people",
            Scenario::Rare => "rare",
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// There is no such scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no scenario {0:?}; there are {known}", known = Scenario::ALL.map(Scenario::as_str).join(", "))]
pub struct UnknownScenario(pub String);

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(text: &str) -> Result<Self, UnknownScenario> {
        let mut all = Scenario::ALL.into_iter();
        all.find(|one| one.as_str() == text)
            .ok_or_else(|| UnknownScenario(text.to_owned()))
    }
}
