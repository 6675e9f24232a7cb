//! A drill as a value: its world, and its statements in their order.

use std::ops::Range;
use std::time::Duration;

use c8dr_domain::diagnose::Code;
use c8dr_domain::ids::RegionId;
use c8dr_domain::plan::StepId;
use c8dr_domain::run::{Outcome, Stop};
use c8dr_lab::{Blow, Flavour, NamesTrouble};

use crate::fault::{Chapter, Side, Spoil};

/// The words of c8dr's exit codes, by their numbers: `c8dr --help` shows them.
pub const EXITS: [&str; 8] = [
    "done",
    "unexpected",
    "usage",
    "refused",
    "waiting",
    "unknown",
    "verification-failed",
    "interrupted",
];

/// A script that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Drill {
    /// The installation.
    pub(crate) world: WorldLine,
    /// What is done and expected, in order.
    pub(crate) lines: Vec<Line>,
    /// What its first comment says it is about.
    pub(crate) about: String,
}

/// The installation that a drill is about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WorldLine {
    pub(crate) brokers: u32,
    pub(crate) partitions: u32,
    pub(crate) seed: u64,
    /// Whether an object store outside both regions keeps direction and journal.
    pub(crate) has_bucket: bool,
    /// Each broker's volume, in bytes, where it is not the lab's own.
    pub(crate) disk_bytes: Option<u64>,
    /// What one process instance takes of it, in bytes.
    pub(crate) instance_bytes: Option<u64>,
    /// What the searches are.
    pub(crate) flavour: Flavour,
    /// Whether c8dr points the users' names.
    pub(crate) has_traffic: bool,
}

impl Default for WorldLine {
    fn default() -> Self {
        WorldLine {
            brokers: 4,
            partitions: 4,
            seed: 0,
            has_bucket: false,
            disk_bytes: None,
            instance_bytes: None,
            flavour: Flavour::Elasticsearch,
            has_traffic: false,
        }
    }
}

/// A line that does or expects something.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its number in the file, from 1.
    pub number: usize,
    /// As it was written, without what is around it.
    pub text: String,
    pub(crate) statement: Statement,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Statement {
    /// Until a moment of the drill; then perhaps something is done.
    At(Duration, Option<Deed>),
    /// For some time.
    Wait(Duration),
    /// At once.
    Do(Deed),
    /// Once its moment comes, whatever the script does meanwhile.
    Trigger(Moment, Struck),
    /// A command of c8dr's, and what is expected of it.
    Command {
        operator: String,
        command: Command,
        /// Whether the script goes on beside it.
        beside: bool,
        expects: Vec<Expectation>,
    },
    /// An operator presses Ctrl-C where a command goes on beside the script.
    Interrupt(String),
    /// Until an operator's command that goes on beside the script has ended.
    WaitFor {
        operator: String,
        expects: Vec<Expectation>,
    },
    /// Of the last command that has ended, and of the world.
    Expect(Vec<Expectation>),
}

/// A moment that the script does not wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// On one side of the next request of a step.
    Request(StepId, Side),
    /// When the journal of a run has so many records.
    Records(Chapter, usize),
    /// So long after a run has begun.
    Into(Duration, Chapter),
}

/// What may happen at a moment that nobody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Struck {
    /// The world is struck; what can heal heals after this long.
    Blow(Blow, Option<Duration>),
    /// What becomes of the request.
    Spoil(Spoil),
    /// c8dr is killed.
    KillC8dr,
}

/// Something that is done from outside.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Deed {
    /// Several, one after the other: what heals a broker starts it, and lets it go on.
    Blows(Vec<Blow>, Option<Duration>),
    /// What clients create, per second.
    Load(f64),
    /// `helm upgrade --install`, with Operate and Tasklist or without.
    Install { region: RegionId, webapps: bool },
    /// `helm uninstall`.
    Uninstall(RegionId),
    /// `kubectl delete pvc`.
    DeleteVolumes(RegionId),
    /// What is wrong with the name server from now on.
    Names(NamesTrouble),
    /// Somebody points the users' names elsewhere, past c8dr; `None`: to neither region.
    PointNames(Option<RegionId>),
    /// Somebody switches the exporter to a region on or off, past c8dr.
    SetExporter { region: RegionId, on: bool },
}

/// A command of c8dr's.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Command {
    Failover {
        lost: RegionId,
        accepts: Accepts,
        /// Whether the survivors get a third replica.
        reinforce: bool,
        /// Only planned.
        is_dry: bool,
    },
    Failback {
        returning: RegionId,
        adopt_pause: Option<String>,
        /// Only planned.
        is_dry: bool,
    },
    Resume {
        from_record: bool,
    },
    Abort {
        reason: String,
    },
    Status,
    Ready,
    Why,
}

/// What somebody accepts, and why.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Accepts {
    pub(crate) unfenced: Option<String>,
    pub(crate) data_loss: Option<String>,
    pub(crate) unrecorded: Option<String>,
    pub(crate) unknown_disks: Option<String>,
}

/// Something expected, and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expectation {
    pub(crate) what: Expected,
    /// As it was written.
    pub(crate) text: String,
}

/// What is expected.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expected {
    Ended(Ended),
    Exit(u8),
    Diagnosis(Code),
    StepIs(StepId, Outcome),
    Sent(StepId, u32),
    Says(String),
    TookAtMost(Duration),
    /// Of the world; it may take so long to come about.
    World(Wish, Option<Duration>),
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Verified,
    TurnedBack,
    GivenUp,
    Killed,
    /// With this code, where one is named.
    Refused(Option<String>),
    /// For this reason, where one is named.
    Stopped(Option<Stop>),
    Planned,
    Ready,
    NotReady,
    /// Shown, and nothing more.
    Told,
}

/// Something that is really so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// So many partitions have a leader with a majority; all, if no number is named.
    Led(Option<u32>),
    /// No broker's exporters are paused.
    ExportingOn,
    /// Some are.
    ExportingPaused,
    /// Both regions' exporters run on every partition.
    ExportingToBoth,
    /// One region's does, and the other one's on none.
    ExportingOnlyTo(RegionId),
    /// All brokers are members.
    MembersOfBoth,
    /// Only one region's are.
    MembersOnlyOf(RegionId),
    /// Whatever was acknowledged to a client is in a log that counts.
    NothingMissing,
    /// Both searches hold the same, and all that was acknowledged.
    SearchesEqual,
    /// No broker of a region was started with an empty disk.
    DisksUntouched(RegionId),
    /// So many forced removals were begun.
    Forced(usize),
    /// Whether a change of the configuration is pending.
    ChangePending(bool),
    /// The users' names point to this region alone; `None`: to both.
    TrafficAt(Option<RegionId>),
    /// Every partition has so many replicas that take part.
    Replicas(u32),
    /// Whether a broker answers.
    Answers(u32, bool),
}

/// A place in the file, in bytes.
pub(crate) type Span = Range<usize>;

impl Drill {
    /// Its lines that do or expect something.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What its first comment says it is about.
    pub fn about(&self) -> &str {
        &self.about
    }
}
