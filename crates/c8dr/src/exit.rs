//! Exit codes. Documented, stable, and in no other place.

use std::process::ExitCode;

use c8dr_domain::run::Stop;
use strum::VariantArray;

/// How c8dr ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::VariantArray, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Exit {
    /// Done and verified, or nothing was owed.
    Done,
    /// An error that nobody foresaw.
    Unexpected,
    /// Wrong usage or configuration.
    Usage,
    /// A guard refused.
    Refused,
    /// A person has to decide.
    Waiting,
    /// It is not known whether an effect took place.
    Unknown,
    /// What had to be read back was not.
    VerificationFailed,
    /// Interrupted; the run can be resumed.
    Interrupted,
}

impl Exit {
    /// All that there are, by their numbers.
    pub const ALL: &[Exit] = Exit::VARIANTS;

    /// Its word, which has a page: `c8dr explain refused`, or `c8dr explain 3`.
    pub fn word(self) -> &'static str {
        self.into()
    }

    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Unexpected => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::Waiting => 4,
            Exit::Unknown => 5,
            Exit::VerificationFailed => 6,
            Exit::Interrupted => 7,
        }
    }
}

impl From<Stop> for Exit {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Refused => Exit::Refused,
            Stop::Waiting => Exit::Waiting,
            Stop::Unknown => Exit::Unknown,
            Stop::VerificationFailed => Exit::VerificationFailed,
            Stop::Interrupted => Exit::Interrupted,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

/// The table that `--help` shows.
pub const HELP: &str = "Exit codes:
  0  done and verified, or nothing was owed
  1  unexpected error
  2  wrong usage or configuration
  3  refused by a guard
  4  waiting for a person's decision
  5  outcome unknown
  6  verification failed
  7  interrupted; `c8dr run resume` goes on";
