//! Who decides what is done in a disaster: c8dr, or people who have nothing but what is published.

use std::fmt;
use std::str::FromStr;

/// Who decides what is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Planner {
    /// c8dr plans, and a person begins, resumes and gives up.
    #[default]
    C8dr,
    /// A person types the printed procedure of 8.6, in its order, and checks what it says to check.
    Guide,
    /// The published end-to-end tests, run as scripts: their order, their waits, their checks.
    Scripts,
}

impl Planner {
    /// All of them.
    pub const ALL: [Planner; 3] = [Planner::C8dr, Planner::Guide, Planner::Scripts];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Planner::C8dr => "c8dr",
            Planner::Guide => "guide",
            Planner::Scripts => "scripts",
        }
    }
}

impl fmt::Display for Planner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// There is no such planner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no planner {0:?}; there are {known}", known = Planner::ALL.map(Planner::as_str).join(", "))]
pub struct UnknownPlanner(pub String);

impl FromStr for Planner {
    type Err = UnknownPlanner;

    fn from_str(text: &str) -> Result<Self, UnknownPlanner> {
        let mut all = Planner::ALL.into_iter();
        all.find(|one| one.as_str() == text)
            .ok_or_else(|| UnknownPlanner(text.to_owned()))
    }
}
