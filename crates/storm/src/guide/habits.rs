//! How a person works at night: every rule by which the printed procedure is typed, in one place.

use std::time::Duration;

/// A person's habits. The printed procedure says what to type and what to see; these say everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// Milliseconds for finding, filling in and typing the next command: from, to.
    pub types_ms: (u64, u64),
    /// Milliseconds for fetching the last command back and typing Enter: from, to.
    pub repeats_ms: (u64, u64),
    /// How long a command may stay silent before Ctrl-C.
    pub waits_for_answer: Duration,
    /// The same for a snapshot or a restore, of which the guide says that it may take a while.
    pub waits_for_copy: Duration,
    /// How often a check is typed again while it does not show what is printed.
    pub looks_max: u32,
    /// How often a command is sent before the person sits back.
    pub sends_max: u32,
    /// In how many of a hundred cases a command that failed is repeated without looking whether it had its effect.
    pub repeats_blindly_percent: u64,
    /// How many indices a person deletes because an error of a restore names them and says so.
    pub clears_max: u32,
    /// Milliseconds of sitting back, waiting for what is broken to heal: from, to.
    pub sits_back_ms: (u64, u64),
    /// How often a step is tried, with sitting back between, before the person gives up.
    pub tries_max: u32,
    /// Milliseconds until a colleague goes on where a closed terminal or a call has left off: from, to.
    pub colleague_ms: (u64, u64),
    /// How often the failback is begun, the returning region built anew before each: as often as c8dr's person begins one.
    pub failbacks_max: u32,
}

/// The habits of the person in the storm.
pub const HABITS: Habits = Habits {
    types_ms: (10_000, 40_000),
    repeats_ms: (4_000, 12_000),
    waits_for_answer: Duration::from_secs(60),
    waits_for_copy: Duration::from_secs(30 * 60),
    looks_max: 10,
    sends_max: 3,
    repeats_blindly_percent: 50,
    clears_max: 20,
    sits_back_ms: (120_000, 300_000),
    tries_max: 3,
    colleague_ms: (60_000, 300_000),
    failbacks_max: 4,
};
