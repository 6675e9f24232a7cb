//! What a disaster comes to in somebody's hands, counted alike for c8dr, the printed guide and the published scripts: by the
//! model, never by what an endpoint, a journal or a person says.

use std::collections::BTreeSet;
use std::time::Duration;

use c8dr_engine::clock::Moment;
use c8dr_lab::Lab;
use serde::Serialize;

use crate::disaster::Disaster;
use crate::judge::{Law, Violation};
use crate::life::Ending;
use crate::planner::Planner;
use crate::rings::Ring;
use crate::scene::{Scene, SceneError, in_virtual_time};
use crate::story::Line;

/// How often the model is looked at, by the world's clock: often enough to see an outage to the second.
const LOOKS_EVERY: Duration = Duration::from_millis(500);

/// Something that should not have come of a disaster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bad {
    /// What was acknowledged to a client is in no log; or the failback was called done, the exporters have nothing left to do,
    /// and a search lacks it.
    LosesRecords,
    /// Two histories of a partition were committed, or two leaders with a majority each went on beside one another.
    Splits,
    /// The failback was never called done, or a partition has no leader in the end.
    Hangs,
    /// When everybody has gone, exporting is paused.
    LeavesPaused,
    /// A forced removal of anybody but the lost brokers, or one when nobody was left to remove.
    WrongForce,
    /// Failover or failback was called done, and the world was settled and otherwise: a partition without leader, members
    /// missing, an exporter not as it should be.
    TooEarly,
}

impl Bad {
    /// All of them, in the order of a table.
    pub const ALL: [Bad; 6] = [
        Bad::LosesRecords,
        Bad::Splits,
        Bad::Hangs,
        Bad::LeavesPaused,
        Bad::WrongForce,
        Bad::TooEarly,
    ];

    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Bad::LosesRecords => "loses records",
            Bad::Splits => "splits",
            Bad::Hangs => "hangs",
            Bad::LeavesPaused => "leaves exporting paused",
            Bad::WrongForce => "forces wrongly or again",
            Bad::TooEarly => "called done when it was not",
        }
    }

    fn of(law: Law) -> Option<Bad> {
        match law {
            Law::SplitBrain => Some(Bad::Splits),
            Law::WrongRegionForced | Law::ForcedTwice | Law::LivingForced | Law::ForcedOntoDead => {
                Some(Bad::WrongForce)
            }
            Law::VerifiedLeaderless
            | Law::VerifiedNotExporting
            | Law::VerifiedMembers
            | Law::VerifiedUnprotected => Some(Bad::TooEarly),
            Law::LeftPaused => Some(Bad::LeavesPaused),
            Law::AcknowledgedLost => Some(Bad::LosesRecords),
            Law::SearchesDiffer
            | Law::SurvivorEmptied
            | Law::SurvivingSearchLost
            | Law::SurvivorRestarted
            | Law::ForeignChangeCancelled
            | Law::NeverDone
            | Law::OwnMistake => None,
        }
    }
}

/// When the things happened that one waits for in a night.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Milestones {
    pub(crate) lost: Option<Moment>,
    /// Every partition is led again by somebody with a majority.
    pub(crate) served: Option<Moment>,
    pub(crate) failed_over: Option<Moment>,
    pub(crate) failed_back: Option<Moment>,
}

/// One disaster in somebody's hands.
#[derive(Clone, Debug, PartialEq)]
pub struct Fate {
    /// Its seed.
    pub seed: u64,
    /// Whether the failback was called done, and if not, why.
    pub ending: Ending,
    /// What should not have come of it, and the commonest words for how.
    pub bad: BTreeSet<(Bad, String)>,
    /// The laws that were broken, as the judge tells them.
    pub violations: Vec<Violation>,
    /// Seconds from the loss until every partition was led again.
    pub service_s: Option<f64>,
    /// Seconds from the loss until the failover was called done.
    pub failover_s: Option<f64>,
    /// Seconds from the loss until the failback was called done.
    pub failback_s: Option<f64>,
    /// The same if the same happened at the same time.
    pub trace: u64,
    /// What happened; empty unless asked for.
    pub story: Vec<Line>,
}

impl Fate {
    /// Whether the failback was called done, and nothing bad came of it.
    pub fn is_well(&self) -> bool {
        self.ending == Ending::Verified && self.bad.is_empty()
    }
}

/// Lets somebody have a disaster, and says what came of it.
///
/// # Errors
/// If it could not even begin.
pub fn fare(disaster: &Disaster, planner: Planner, has_story: bool) -> Result<Fate, SceneError> {
    in_virtual_time(async {
        let mut scene = Scene::new(disaster, Ring::Ports, planner, has_story)?;
        let (ear, clock, lab) = (scene.ear.clone(), scene.clock.clone(), scene.lab.clone());
        let watches = async {
            loop {
                ear.heard().judge.look();
                clock.sleep(LOOKS_EVERY).await;
            }
        };
        let ending = tokio::select! {
            biased;
            ending = scene.play() => ending,
            () = watches => Ending::Stuck("nobody watches".to_owned()),
        };
        let (audit, leaderless) = (lab.final_audit(), lab.status().leaderless);
        let stones = ear.heard().judge.milestones();
        let life = scene.end(ending);
        let mut bad = BTreeSet::new();
        for violation in &life.violations {
            if let Some(one) = Bad::of(violation.law) {
                bad.insert((one, violation.law.words().to_owned()));
            }
        }
        match &life.ending {
            Ending::Verified => {
                let [first, second] = audit.regions.each_ref().map(|region| region.missing.count > 0);
                let (here, there) = match disaster.lost.0 {
                    0 => (second, first),
                    _ => (first, second),
                };
                // What is still on its way may yet come: that exporting stands is counted for itself.
                if (here || there) && audit.exporters_caught_up {
                    let somebody = ["resumes", "pauses"].iter().any(|does| {
                        let fault = format!("fault: somebody {does} exporting");
                        life.reached.contains_key(&fault)
                    });
                    let mut words = match (here, there) {
                        (true, true) => "missing in both searches",
                        (true, false) => "missing in the search of the surviving region",
                        _ => "missing in the search of the returning region",
                    }
                    .to_owned();
                    if somebody {
                        words.push_str("; somebody else resumed or paused exporting");
                    } else if !is_restored(&lab) {
                        words.push_str("; nothing was restored into it");
                    }
                    bad.insert((Bad::LosesRecords, words));
                }
                if !leaderless.is_empty() {
                    bad.insert((Bad::Hangs, "a partition has no leader in the end".to_owned()));
                }
            }
            Ending::AbortedSafe(why) | Ending::Waiting(why) | Ending::Stuck(why) => {
                bad.insert((Bad::Hangs, short(why)));
            }
        }
        let since = |stone: Option<Moment>| Some(stone?.since(stones.lost?).as_secs_f64());
        Ok(Fate {
            seed: disaster.seed,
            service_s: since(stones.served),
            failover_s: since(stones.failed_over),
            failback_s: since(stones.failed_back),
            ending: life.ending,
            violations: life.violations,
            trace: life.trace,
            story: life.story,
            bad,
        })
    })
}

/// Whether anything was restored since the returning region was last built anew.
fn is_restored(lab: &Lab) -> bool {
    let mut is_restored = false;
    for event in lab.timeline() {
        is_restored |= event.what.contains("is restored into the search");
        is_restored &= !event.what.ends_with("built anew, with nothing on it.");
    }
    is_restored
}

/// So much of the words as many disasters have in common: without numbers, and without what stands in brackets.
fn short(why: &str) -> String {
    let mut depth = 0_u32;
    let mut words = String::new();
    for letter in why.chars() {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => words.push(letter),
            _ => {}
        }
    }
    let is_number = |word: &&str| {
        word.trim_matches([',', '.', ':'])
            .chars()
            .all(|c| c.is_ascii_digit())
    };
    let kept: Vec<&str> = words.split_whitespace().filter(|word| !is_number(word)).collect();
    kept.join(" ").chars().take(100).collect()
}
