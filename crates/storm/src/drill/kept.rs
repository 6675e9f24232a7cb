//! The drills of this repository, kept in the binary: they need no checkout.

/// A drill that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its name: that of its file, without `.drill`.
    pub name: &'static str,
    /// Its script.
    pub text: &'static str,
}

macro_rules! kept {
    ($($name:literal),* $(,)?) => {
        /// All of them, by their names.
        pub const ALL: &[Known] = &[$(Known {
            name: $name,
            text: include_str!(concat!("../../../../drills/", $name, ".drill")),
        }),*];
    };
}

kept![
    "answer-lost",
    "broker-lost-at-two-replicas",
    "crash-in-every-step",
    "credentials-expire",
    "dirty-recreated-region",
    "disk-fills-while-paused",
    "forgotten-pause",
    "link-cut-both-alive",
    "loss-of-region0",
    "loss-of-region1",
    "lost-in-silence",
    "old-region-returns",
    "names-that-do-not-move",
    "pending-change-region0-lost",
    "reinforced",
    "stuck-change-coordinator-dead",
    "temporary-loss",
    "two-operators",
    "wrong-region-typed",
];

/// The drill of this name.
pub fn named(name: &str) -> Option<&'static Known> {
    let name = name.strip_suffix(".drill").unwrap_or(name);
    ALL.iter().find(|known| known.name == name)
}
