//! Holds what was expected against what is: of a command, of its run, and of the world as the model knows it.

use std::collections::BTreeSet;
use std::time::Duration;

use c8dr_domain::ids::RegionId;
use c8dr_lab::{Region, World};

use super::commands::Done;
use super::script::{Ended, Expectation, Expected, Wish};
use super::stage::Stage;
use crate::disaster::region;

/// How often the world is looked at while something may still come about.
const LOOKS_EVERY: Duration = Duration::from_millis(250);

impl Stage {
    /// Whether an expectation is met; if not, what was so instead, as a sentence.
    pub(super) async fn meets(&self, one: &Expectation, last: Option<&Done>) -> Result<(), String> {
        match &one.what {
            Expected::World(wish, within) => {
                let began = self.clock.now();
                loop {
                    let found = self.holds(*wish);
                    if found.is_ok() || self.clock.now().since(began) >= within.unwrap_or_default() {
                        return found;
                    }
                    self.clock.sleep(LOOKS_EVERY).await;
                }
            }
            what => match last {
                Some(done) => of_command(what, done),
                None => Err("No command has ended yet.".to_owned()),
            },
        }
    }

    fn holds(&self, wish: Wish) -> Result<(), String> {
        self.lab.with(|world| match wish {
            Wish::Led(wanted) => led(world, wanted),
            Wish::ExportingOn => {
                let paused = world.paused();
                holds(paused.is_empty(), || format!("Exporting is paused on brokers {paused:?}."))
            }
            Wish::ExportingPaused => holds(!world.paused().is_empty(), || {
                "Exporting is paused on no broker.".to_owned()
            }),
            Wish::ExportingToBoth => {
                let all = world.config().partitions as usize;
                let counts = Region::BOTH.map(|of| world.exporting_to(of).len());
                holds(counts == [all, all], || exporting(counts, all))
            }
            Wish::ExportingOnlyTo(only) => {
                let all = world.config().partitions as usize;
                let counts = Region::BOTH.map(|of| world.exporting_to(of).len());
                let wanted = match only {
                    RegionId(0) => [all, 0],
                    _ => [0, all],
                };
                holds(counts == wanted, || exporting(counts, all))
            }
            Wish::MembersOfBoth => {
                members(world, &(0..world.config().brokers).collect())
            }
            Wish::MembersOnlyOf(only) => {
                let all = 0..world.config().brokers;
                members(world, &all.filter(|id| id % 2 == only.0).collect())
            }
            Wish::NothingMissing => {
                let lost = world.promises_broken();
                let acknowledged = world.status().acknowledged;
                holds(lost.is_empty(), || {
                    format!("{} of {acknowledged} acknowledged instances are in no log.", lost.len())
                })
            }
            Wish::SearchesEqual => {
                let audit = world.final_audit();
                holds(audit.exporters_caught_up && audit.is_whole(), || {
                    let [a, b] = &audit.regions;
                    match audit.exporters_caught_up {
                        false => "The exporters have not caught up yet; clients may still create (`load 0 creates/s`).".to_owned(),
                        true => format!(
                            "Of {} acknowledged the searches lack {} and {}; {} and {} records are only in one of them.",
                            audit.acknowledged,
                            a.missing.count,
                            b.missing.count,
                            a.records_only_here,
                            b.records_only_here
                        ),
                    }
                })
            }
            Wish::DisksUntouched(of) => {
                let emptied = world.disks_emptied();
                let own: Vec<u32> = emptied.keys().map(|id| id.0).filter(|id| id % 2 == of.0).collect();
                holds(own.is_empty(), || format!("Brokers {own:?} were started with empty disks."))
            }
            Wish::Forced(times) => {
                let forces = world.forces().len();
                holds(forces == times, || format!("There were {forces} forced removals."))
            }
            Wish::TrafficAt(wanted) => {
                let record = world.names_really();
                let regions: BTreeSet<Region> = match wanted {
                    Some(only) => [region(only)].into(),
                    None => Region::BOTH.into(),
                };
                holds(record.regions == regions && record.strange.is_none(), || {
                    format!("The users' names point to {:?} {:?}.", record.regions, record.strange)
                })
            }
            Wish::Replicas(wanted) => {
                let counts = world.replicas_taking_part();
                let wanted = wanted as usize;
                holds(counts.values().all(|count| *count == wanted), || {
                    format!("The partitions have {counts:?} replicas.")
                })
            }
            Wish::ChangePending(wanted) => {
                let pending = world.status().pending_change;
                holds(pending.is_some() == wanted, || match pending {
                    Some(id) => format!("Change {id} is pending."),
                    None => "No change is pending.".to_owned(),
                })
            }
            Wish::Answers(id, wanted) => {
                let status = world.status();
                let brokers = status.regions.iter().flat_map(|region| &region.brokers);
                let answers = brokers.filter(|broker| broker.id == id).any(|broker| broker.answers);
                holds(answers == wanted, || match answers {
                    true => format!("Broker {id} answers."),
                    false => format!("Broker {id} does not answer."),
                })
            }
        })
    }
}

fn holds(is_so: bool, instead: impl FnOnce() -> String) -> Result<(), String> {
    match is_so {
        true => Ok(()),
        false => Err(instead()),
    }
}

fn led(world: &World, wanted: Option<u32>) -> Result<(), String> {
    let led: BTreeSet<u32> = (world.leading().iter())
        .filter(|one| one.has_majority)
        .map(|one| one.partition.0)
        .collect();
    let wanted = wanted.unwrap_or(world.config().partitions) as usize;
    holds(led.len() == wanted, || {
        format!(
            "{} of {} partitions have a leader.",
            led.len(),
            world.config().partitions
        )
    })
}

fn exporting([a, b]: [usize; 2], all: usize) -> String {
    format!("Of {all} partitions {a} export to region0 and {b} to region1.")
}

/// The members as every broker that answers knows them: they agree, or it is not so yet.
fn members(world: &World, wanted: &BTreeSet<u32>) -> Result<(), String> {
    let known: Vec<BTreeSet<u32>> = (Region::BOTH.into_iter())
        .map(|of| world.members_known_in(of).iter().map(|id| id.0).collect())
        .filter(|members: &BTreeSet<u32>| !members.is_empty())
        .collect();
    holds(known.contains(wanted), || format!("The members are {known:?}."))
}

fn of_command(what: &Expected, done: &Done) -> Result<(), String> {
    let was = || format!("It was {} (exit {}): {}", done.summary(), done.exit, done.words);
    match what {
        Expected::World(..) => Ok(()),
        Expected::Ended(wanted) => {
            let is_so = match (wanted, &done.ended) {
                (Ended::Refused(None), Ended::Refused(_)) | (Ended::Stopped(None), Ended::Stopped(_)) => true,
                (wanted, found) => wanted == found,
            };
            holds(is_so, was)
        }
        Expected::Exit(wanted) => holds(done.exit == *wanted, was),
        Expected::Diagnosis(wanted) => holds(done.diagnosis == Some(*wanted), || match done.diagnosis {
            Some(code) => format!("The diagnosis is {}: {}", code.as_str(), done.words),
            None => "It made no diagnosis; `c8dr status` does.".to_owned(),
        }),
        Expected::Says(words) => holds(done.words.contains(words.as_str()), || {
            format!("It says: {}", done.words)
        }),
        Expected::TookAtMost(limit) => holds(done.took <= *limit, || {
            format!("It took {:.1} s.", done.took.as_secs_f64())
        }),
        Expected::StepIs(step, wanted) => {
            let record = done.run.as_ref().and_then(|run| run.steps.get(step));
            let found = record.and_then(c8dr_domain::run::StepRecord::outcome);
            holds(found == Some(*wanted), || match found {
                Some(outcome) => format!("{step} is {outcome}."),
                None => format!("{step} has no outcome."),
            })
        }
        Expected::Sent(step, wanted) => {
            let record = done.run.as_ref().and_then(|run| run.steps.get(step));
            let sent = record.map_or(0, |record| record.attempts.len());
            holds(u32::try_from(sent).ok() == Some(*wanted), || {
                format!("{step} was sent {sent} times.")
            })
        }
    }
}
