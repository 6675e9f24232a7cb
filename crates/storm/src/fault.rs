//! What goes wrong in a disaster besides the loss of a region: each fault is a value with a time or a trigger.

use std::fmt;
use std::time::Duration;

use c8dr_domain::plan::StepId;
use c8dr_lab::{AnswerFault, Blow, Data, SearchFault, StoreState};

/// The parts of a disaster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chapter {
    /// Both regions serve.
    Calm,
    /// From the loss until the failover is verified.
    Failover,
    /// The lost region is built anew.
    Rebuild,
    /// From the plan of the failback until it is verified.
    Failback,
    /// Everything is over, and is reckoned up.
    Reckoning,
}

impl Chapter {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Chapter::Calm => "calm",
            Chapter::Failover => "failover",
            Chapter::Rebuild => "rebuild",
            Chapter::Failback => "failback",
            Chapter::Reckoning => "reckoning",
        }
    }
}

/// Before a request leaves, or after it has had its effect and before its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Before it leaves; its intent is durable.
    Before,
    /// After its effect; its answer is not known yet.
    After,
}

/// When a fault happens. Each happens once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// This long after the beginning of a chapter.
    At {
        /// Which.
        chapter: Chapter,
        /// How long after it.
        after: Duration,
    },
    /// At the first request of a step from then on.
    Request {
        /// Of which step.
        step: StepId,
        /// On which side of it.
        side: Side,
    },
    /// When the journal of a chapter's run has this many records, counted from 1.
    Record {
        /// Of which chapter.
        chapter: Chapter,
        /// How many.
        number: usize,
    },
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoil {
    /// It never arrives; the connection breaks.
    LostBefore,
    /// It has its effect; the connection breaks before the answer.
    LostAfter,
    /// It has its effect; no answer comes in time.
    LateAfter,
    /// No connection comes about.
    NotSent,
    /// It has no effect, and is answered so by something in between.
    Status(u16),
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A request meets this.
    Spoilt(Spoil),
    /// c8dr is killed; somebody resumes the run later.
    C8drDies,
    /// c8dr is killed while a request of its is on its way, which has its effect this long afterwards.
    C8drDiesSending {
        /// How long afterwards.
        late: Duration,
    },
    /// The world is struck; what can heal heals after this long.
    Strikes {
        /// By what.
        blow: Blow,
        /// How long it lasts.
        lasts: Option<Duration>,
    },
}

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When.
    pub when: When,
    /// What.
    pub what: What,
}

/// The kind of a fault, as it is counted.
pub(crate) fn kind(what: What) -> &'static str {
    match what {
        What::Spoilt(Spoil::LostBefore) => "request lost before its effect",
        What::Spoilt(Spoil::LostAfter) => "answer lost after the effect",
        What::Spoilt(Spoil::LateAfter) => "answer too late",
        What::Spoilt(Spoil::NotSent) => "request not sent",
        What::Spoilt(Spoil::Status(_)) => "answered by something in between",
        What::C8drDies => "c8dr killed",
        What::C8drDiesSending { .. } => "c8dr killed with a request on its way",
        What::Strikes { blow, .. } => match blow {
            Blow::RegionDies(_) => "region killed",
            Blow::RegionReturns(_, Data::Old) => "old region returns with its disks",
            Blow::RegionReturns(_, Data::Empty) | Blow::RegionIsBare(_) => "region built anew",
            Blow::BrokerDies(_) | Blow::BrokerStarts(_) => "broker killed",
            Blow::BrokerFreezes(_) | Blow::BrokerThaws(_) => "broker frozen",
            Blow::LinkIsCut | Blow::LinkHeals => "link cut",
            Blow::LinkIsCutOneWay(_) => "link cut one way",
            Blow::LinkFlaps => "link comes and goes",
            Blow::LinkIsSlow => "link slow",
            Blow::NamesAreLost | Blow::NamesAreFound => "names not resolved",
            Blow::VolumeFills(_) | Blow::VolumeIsFreed(_) => "volume of a broker full",
            Blow::ClocksJump(_) => "clocks jump",
            Blow::SearchFills(_) | Blow::SearchIsFreed(_) => "disks of a search full",
            Blow::SearchIsSlow(_) | Blow::SearchIsQuick(_) => "search slow",
            Blow::SearchFreezes(_) | Blow::SearchThaws(_) => "search frozen",
            Blow::ExportersStick(_) | Blow::ExportersComeLoose(_) => "exporters stuck in opening",
            Blow::SearchDies(_) | Blow::SearchStarts(_) => "search killed",
            Blow::SearchTurnsRed(_) | Blow::SearchTurnsGreen(_) => "search red",
            Blow::SearchFails(_, SearchFault::PartialSnapshot) => "snapshot partial",
            Blow::SearchFails(_, SearchFault::FailedSnapshot) => "snapshot failed",
            Blow::SearchFails(_, SearchFault::EmptyIndices) => "empty indices while paused",
            Blow::StoreIs(StoreState::Gone) => "object store gone",
            Blow::StoreIs(_) => "object store refuses its keys",
            Blow::SomebodyResumes => "somebody resumes exporting",
            Blow::SomebodyPauses => "somebody pauses exporting",
            Blow::SomebodyUpgrades(_) => "somebody upgrades the release",
            Blow::SomebodyRestartsBrokers(_) => "somebody restarts the brokers",
            Blow::UpgradeIsInterrupted(_) | Blow::UpgradeIsRolledBack(_) => "upgrade interrupted",
            Blow::SomebodyUninstalls(_) | Blow::VolumesAreDeleted(_) => "uninstalled, volumes left over",
            Blow::SomebodyForces(_) => "somebody forces a region out",
            Blow::SomebodyMistypes => "somebody's change never ends",
            Blow::SomebodyCancels => "somebody cancels the change",
            Blow::SomebodyRebalances => "somebody moves the leaders",
            Blow::AnswerIsSpoilt(_, AnswerFault::Twice) => "request arrives twice",
            Blow::AnswerIsSpoilt(..) => "answer spoilt",
        },
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.when {
            When::At { chapter, after } => {
                write!(f, "{:.1} s into the {}: ", after.as_secs_f64(), chapter.as_str())?;
            }
            When::Request { step, side } => {
                let side = match (self.what, side) {
                    (What::Spoilt(_), _) => "at",
                    (_, Side::Before) => "before",
                    (_, Side::After) => "after the effect of",
                };
                write!(f, "{side} the request of {step}: ")?;
            }
            When::Record { chapter, number } => {
                write!(f, "after record {number} of the {}: ", chapter.as_str())?;
            }
        }
        f.write_str(kind(self.what))?;
        match self.what {
            What::Spoilt(Spoil::Status(status)) => write!(f, " ({status})")?,
            What::C8drDiesSending { late } => write!(f, ", {:.1} s late", late.as_secs_f64())?,
            What::Strikes { blow, lasts } => {
                match blow {
                    Blow::BrokerDies(broker) | Blow::BrokerFreezes(broker) | Blow::VolumeFills(broker) => {
                        write!(f, " ({broker})")?;
                    }
                    Blow::ClocksJump(seconds) => write!(f, " by {seconds} s")?,
                    Blow::SearchDies(region)
                    | Blow::SearchTurnsRed(region)
                    | Blow::RegionDies(region)
                    | Blow::RegionReturns(region, _)
                    | Blow::LinkIsCutOneWay(region)
                    | Blow::SearchFills(region)
                    | Blow::SearchIsSlow(region)
                    | Blow::SearchFreezes(region)
                    | Blow::ExportersStick(region)
                    | Blow::SomebodyUpgrades(region)
                    | Blow::SomebodyRestartsBrokers(region)
                    | Blow::UpgradeIsInterrupted(region)
                    | Blow::SomebodyUninstalls(region)
                    | Blow::SomebodyForces(region) => write!(f, " (region{})", region.index())?,
                    _ => {}
                }
                if let Some(lasts) = lasts {
                    write!(f, " for {:.0} s", lasts.as_secs_f64())?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}
