//! The hunt for planted mistakes: each has to break a law of the judge's within so many disasters, or the storm is blind to
//! what it stands for.

use c8dr_domain::planted::Bug;
use serde::Serialize;

use crate::life::Ending;
use crate::scenario::Scenario;
use crate::scene::{SceneError, live};
use crate::shrink::shrunk;
use crate::storm::Options;

/// Where a mistake shows, and how soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planting {
    /// Which mistake.
    pub bug: Bug,
    /// In which kind of trouble it is looked for.
    pub scenario: Scenario,
    /// Within how many disasters it has to be caught.
    pub within: u64,
}

/// Where each mistake shows. Some three times as many disasters as it took when this was written: what is drawn changes
/// with every new fault.
pub fn plantings() -> impl Iterator<Item = Planting> {
    Bug::ALL.iter().map(|bug| {
        let (scenario, within) = match bug {
            Bug::WrongRegion => (Scenario::People, 20),
            Bug::DefaultRegionZero => (Scenario::Any, 10),
            Bug::ForceOnAdd => (Scenario::Any, 40),
            Bug::WrappedFailureBelieved => (Scenario::Brokers, 40),
            Bug::DoneAtCompleted => (Scenario::Any, 20),
            Bug::BlindRepeat => (Scenario::Answers, 30),
            Bug::DisableBeforeForce => (Scenario::Any, 40),
            Bug::ResumeBeforeEnabled => (Scenario::Plain, 10),
            Bug::EnableWithoutInitializeFrom => (Scenario::Any, 5),
            Bug::EnableAfterResume => (Scenario::Any, 5),
            Bug::RestoreByStatus => (Scenario::Answers, 80),
            Bug::SnapshotNameReused => (Scenario::People, 20),
            Bug::PauseForgotten => (Scenario::Searches, 80),
            Bug::RestartAtRfTwo => (Scenario::Any, 5),
            Bug::GhostBelieved => (Scenario::People, 100),
            Bug::JournalAfterEffect => (Scenario::People, 60),
            Bug::LockNotTaken => (Scenario::People, 40),
            Bug::ForeignChangeCancelled => (Scenario::People, 120),
            Bug::SnapshotAtPauseAnswer => (Scenario::Any, 20),
            Bug::ForceWithSurvivorDown => (Scenario::Brokers, 60),
            Bug::KeepSetChanged => (Scenario::Answers, 20),
            Bug::VectorNotReadAgain => (Scenario::People, 15),
            Bug::PartialSnapshotTaken => (Scenario::Searches, 10),
        };
        Planting {
            bug: *bug,
            scenario,
            within,
        }
    })
}

/// What became of one planted mistake.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hunted {
    /// Its name.
    pub bug: &'static str,
    /// What it is.
    pub words: &'static str,
    /// Whether a law was broken, or a disaster came to no end.
    pub caught: bool,
    /// How many disasters it took.
    pub seeds_needed: Option<u64>,
    /// Within how many it has to be caught.
    pub within: u64,
    /// In which kind of trouble.
    pub scenario: &'static str,
    /// The law that it broke first, as a sentence.
    pub law: Option<String>,
    /// In which disaster.
    pub seed: Option<u64>,
    /// What goes wrong in that one, besides the mistake.
    pub parts: Vec<String>,
    /// The command that tells it as a story, made as small as it can be.
    pub command: Option<String>,
}

/// Lives through disasters with a mistake planted until one of them shows it that is sound without it.
///
/// # Errors
/// If a disaster could not even begin.
pub fn hunt(planting: Planting, options: Options) -> Result<Hunted, SceneError> {
    let options = Options {
        scenario: planting.scenario,
        planted: Some(planting.bug),
        ..options
    };
    let mut hunted = Hunted {
        bug: planting.bug.as_str(),
        words: planting.bug.words(),
        caught: false,
        seeds_needed: None,
        within: planting.within,
        scenario: planting.scenario.as_str(),
        law: None,
        seed: None,
        parts: Vec::new(),
        command: None,
    };
    for number in 0..planting.within {
        let seed = options.from.saturating_add(number);
        let life = live(&options.disaster(seed), options.ring, false)?;
        let law = match (life.violations.first(), &life.ending) {
            (Some(violation), _) => format!("{}: {}", violation.law.words(), violation.words),
            (None, Ending::Stuck(words)) => format!("no end: {words}"),
            (None, _) => continue,
        };
        // What goes wrong without the mistake, too, is not its doing.
        let sound = Options {
            planted: None,
            ..options
        };
        let without = live(&sound.disaster(seed), options.ring, false)?;
        if !without.violations.is_empty() || matches!(without.ending, Ending::Stuck(_)) {
            continue;
        }
        let smallest = shrunk(options, &life)?;
        hunted.caught = true;
        hunted.seeds_needed = Some(number + 1);
        hunted.law = Some(law);
        hunted.seed = Some(seed);
        hunted.parts = smallest.disaster(seed).told(smallest.without);
        hunted.command = Some(smallest.command(seed));
        break;
    }
    Ok(hunted)
}
