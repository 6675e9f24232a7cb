//! The rules of a failback's plan: which steps, in which order, aimed at which region.
//!
//! `spec: procedure.md §2 I7–I20, §3a, §5`, guarantees G5, G6, G8–G10, G12. What a step does is told from its effect, never
//! from its name. What each step must ask is in `guards`, what a reading says of the settled ones in `seen`.

mod guards;
mod seen;

use std::collections::{BTreeMap, BTreeSet};

use super::{Complaints, Rule, of_region};
use crate::condition::Condition;
use crate::effect::{Effect, PlatformEffect, SearchTask, ZeebeEffect};
use crate::ids::{BrokerId, ExporterId, RegionId};
use crate::observation::Observation;
use crate::plan::{Plan, Step, StepId};
use crate::topology::ExporterStatus;

pub(super) fn check(plan: &Plan, seen: Option<&Observation>, complaints: &mut Complaints) {
    complaints.error_unless(plan.lost.0 < 2, Rule::I2, || {
        format!("There is no region {}.", plan.lost)
    });
    let ground = Ground::of(plan);
    let deeds = ground.deeds(complaints);
    ground.each_once(&deeds, complaints);
    ground.ordered(&deeds, complaints);
    ground.complete(&deeds, complaints);
    ground.webapps(&deeds, complaints);
    guards::check(&ground, &deeds, complaints);
    ground.proven(complaints);
    ground.told(complaints);
    if let Some(seen) = seen {
        seen::check(&ground, &deeds, seen, complaints);
    }
}

/// What a step of a failback does, in the order of the procedure. `spec: procedure.md §12`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Install,
    WebappsDown,
    Pause,
    RegisterHere,
    Snapshot,
    RegisterThere,
    Clear,
    Restore,
    WebappsUpHere,
    WebappsUpThere,
    Enable,
    Resume,
    Add,
    Traffic,
}

/// The plan's directions, counted anew.
struct Ground<'a> {
    plan: &'a Plan,
    /// The surviving region.
    here: RegionId,
    /// The returning region.
    there: RegionId,
    survivors: BTreeSet<BrokerId>,
    returning: BTreeSet<BrokerId>,
    all: BTreeSet<BrokerId>,
}

impl<'a> Ground<'a> {
    fn of(plan: &'a Plan) -> Self {
        let there = plan.lost;
        let here = RegionId(1 - there.0 % 2);
        Ground {
            plan,
            here,
            there,
            survivors: of_region(plan, here),
            returning: of_region(plan, there),
            all: (0..plan.installation.cluster_size()).map(BrokerId).collect(),
        }
    }

    fn exporter(&self, region: RegionId) -> Option<&'a ExporterId> {
        self.plan
            .installation
            .regions()
            .iter()
            .find(|known| known.id == region)
            .map(|known| &known.exporter)
    }

    fn is_status(&self, condition: &Condition, region: RegionId, wanted: &ExporterStatus) -> bool {
        matches!(condition, Condition::Exporter { exporter, status }
            if Some(exporter) == self.exporter(region) && status == wanted)
    }

    /// What each step does. Complains of what may not be part of a failback, and of what is aimed at the wrong region.
    fn deeds(&self, complaints: &mut Complaints) -> Vec<(Deed, &'a Step)> {
        let mut deeds = Vec::new();
        for step in &self.plan.steps {
            match self.deed(&step.effect) {
                Ok(deed) => deeds.push((deed, step)),
                Err((rule, why)) => complaints.error(
                    rule,
                    format!(
                        "{} may not be part of a failback: {}; {why}",
                        step.id,
                        step.effect.words()
                    ),
                ),
            }
        }
        deeds
    }

    /// What an effect is in a failback of this plan's direction, or why it has no place in one.
    fn deed(&self, effect: &Effect) -> Result<Deed, (Rule, &'static str)> {
        let (here, there) = (self.here, self.there);
        match effect {
            Effect::Platform { region, effect } => match effect {
                PlatformEffect::Install if *region == there => Ok(Deed::Install),
                PlatformEffect::Install => Err((Rule::I16, "it would restart the surviving brokers.")),
                PlatformEffect::WebappsDown if *region == here => Ok(Deed::WebappsDown),
                PlatformEffect::WebappsDown => {
                    Err((Rule::I9, "those of the surviving region go on writing."))
                }
                PlatformEffect::WebappsUp if *region == here => Ok(Deed::WebappsUpHere),
                PlatformEffect::WebappsUp if *region == there => Ok(Deed::WebappsUpThere),
                PlatformEffect::WebappsUp => Err((Rule::I2, "there is no such region.")),
            },
            Effect::Search { region, task } => match task {
                SearchTask::Register { .. } if *region == here => Ok(Deed::RegisterHere),
                SearchTask::Register { .. } if *region == there => Ok(Deed::RegisterThere),
                SearchTask::Register { .. } => Err((Rule::I2, "there is no such region.")),
                SearchTask::Snapshot { .. } if *region == here => Ok(Deed::Snapshot),
                SearchTask::Snapshot { .. } => Err((Rule::I10, "only the surviving search has the data.")),
                SearchTask::ClearTheWay if *region == there => Ok(Deed::Clear),
                SearchTask::ClearTheWay => Err((Rule::G10, "nothing is deleted in the surviving search.")),
                SearchTask::Restore { .. } if *region == there => Ok(Deed::Restore),
                SearchTask::Restore { .. } => {
                    Err((Rule::G10, "nothing is restored over the surviving search."))
                }
            },
            Effect::CancelOwn => Err((Rule::I16, "what is pending is awaited.")),
            Effect::Traffic { .. } => Ok(Deed::Traffic),
            Effect::Zeebe(effect) => match effect {
                ZeebeEffect::PauseExporting => Ok(Deed::Pause),
                ZeebeEffect::ResumeExporting => Ok(Deed::Resume),
                ZeebeEffect::EnableExporter { .. } => Ok(Deed::Enable),
                ZeebeEffect::AddBrokers { .. } => Ok(Deed::Add),
                ZeebeEffect::ForceRemove { .. } => {
                    Err((Rule::I16, "no broker is removed on the way forward."))
                }
                ZeebeEffect::DisableExporter { .. } => {
                    Err((Rule::I18, "an exporter is disabled on the way back only."))
                }
                ZeebeEffect::Replicate { .. } => Err((
                    Rule::I16,
                    "replicas move among the survivors after a failover only.",
                )),
                ZeebeEffect::CancelChange { .. } => Err((Rule::I5, "what is pending is awaited.")),
                ZeebeEffect::ResumeExportingOn { .. } => Err((Rule::I17, "the others would stay paused.")),
            },
        }
    }

    /// Runs tell their steps by id, and no deed is done twice: a second enable, or a second pause, undoes what V is for.
    fn each_once(&self, deeds: &[(Deed, &Step)], complaints: &mut Complaints) {
        let mut ids: BTreeMap<StepId, usize> = BTreeMap::new();
        let settled = self.plan.settled.iter().map(|settled| settled.id);
        for id in self.plan.all_steps().map(|step| step.id).chain(settled) {
            *ids.entry(id).or_default() += 1;
        }
        for (id, times) in ids.into_iter().filter(|(_, times)| *times > 1) {
            complaints.error(Rule::G6, format!("{id} is in the plan {times} times."));
        }
        let mut done = BTreeSet::new();
        for (deed, step) in deeds {
            if !done.insert(*deed) {
                let rule = match deed {
                    Deed::Enable => Rule::I18,
                    _ => Rule::G6,
                };
                complaints.error(
                    rule,
                    format!("{} would {} a second time.", step.id, step.effect.words()),
                );
            }
        }
    }

    fn ordered(&self, deeds: &[(Deed, &Step)], complaints: &mut Complaints) {
        use Deed::{
            Add, Clear, Enable, Install, Pause, RegisterHere, RegisterThere, Restore, Resume, Snapshot,
            WebappsDown, WebappsUpHere, WebappsUpThere,
        };
        let orders = [
            (
                Install,
                WebappsDown,
                Rule::G6,
                "users would wait for a region to be built",
            ),
            (
                Install,
                Pause,
                Rule::G6,
                "exporting would be paused while a region is built",
            ),
            (
                WebappsDown,
                Pause,
                Rule::I9,
                "webapps would write after the pause",
            ),
            (
                Pause,
                Snapshot,
                Rule::I10,
                "what is exported after the snapshot would be in one region only",
            ),
            (
                RegisterHere,
                Snapshot,
                Rule::G6,
                "there would be nowhere to put it",
            ),
            (
                Snapshot,
                RegisterThere,
                Rule::I11,
                "the snapshot would not be seen from there",
            ),
            (
                RegisterThere,
                Restore,
                Rule::I11,
                "the snapshot would not be seen from there",
            ),
            (
                Clear,
                Restore,
                Rule::G10,
                "indices in the way make it fail, and restored ones would be deleted",
            ),
            (
                Restore,
                WebappsUpThere,
                Rule::I8,
                "webapps would make indices that the restore stumbles on",
            ),
            (
                Restore,
                WebappsUpHere,
                Rule::I9,
                "webapps would write what the snapshot does not have",
            ),
            (
                Restore,
                Enable,
                Rule::I12,
                "records would go to indices that are overwritten",
            ),
            (
                Snapshot,
                Enable,
                Rule::I12,
                "the exporter would begin where no snapshot ends",
            ),
            (Pause, Enable, Rule::I13, "the position would move on"),
            (
                Enable,
                Resume,
                Rule::I13,
                "the log would be compacted: a hole for ever",
            ),
            (
                Resume,
                Add,
                Rule::I14,
                "a replica that joins while paused may export all the same",
            ),
        ];
        let at = |wanted: Deed| deeds.iter().position(|(deed, _)| *deed == wanted);
        for (first, second, rule, why) in orders {
            let (Some(one), Some(other)) = (at(first), at(second)) else {
                continue;
            };
            complaints.error_unless(one < other, rule, || {
                format!(
                    "{} would come before {}: {why}.",
                    deeds[other].1.id, deeds[one].1.id
                )
            });
        }
        // Guarantee of V: between the pause and the enable nobody resumes, the plan itself included.
        let resumes_between = deeds.iter().enumerate().any(|(place, (deed, _))| {
            *deed == Resume
                && at(Pause).is_some_and(|pause| pause < place)
                && at(Enable).is_some_and(|enable| place < enable)
        });
        complaints.error_unless(!resumes_between, Rule::I18, || {
            "Exporting would be resumed between the pause and the enable, and the exporter set to another position afterwards."
                .to_owned()
        });
    }

    /// What rests on what the same run has read: the pause's V, the snapshot, the restore. They are owed together.
    fn complete(&self, deeds: &[(Deed, &Step)], complaints: &mut Complaints) {
        let does = |wanted: Deed| deeds.iter().any(|(deed, _)| *deed == wanted);
        let settles = |id: StepId| self.plan.settled.iter().any(|settled| settled.id == id);
        let mut wants = |holds: bool, rule: Rule, what: &str| {
            complaints.error_unless(holds, rule, || what.to_owned());
        };
        for (deed, rests_on, rule, what) in [
            (
                Deed::Snapshot,
                Deed::Pause,
                Rule::I10,
                "A snapshot is taken, and nothing pauses exporting before it.",
            ),
            (
                Deed::Enable,
                Deed::Pause,
                Rule::I13,
                "The exporter is enabled, and nothing pauses exporting before it.",
            ),
            (
                Deed::Restore,
                Deed::Snapshot,
                Rule::I10,
                "Something is restored that this plan takes no snapshot of.",
            ),
            (
                Deed::Snapshot,
                Deed::RegisterHere,
                Rule::G6,
                "A snapshot is taken, and nothing registers the repository for it.",
            ),
            (
                Deed::Restore,
                Deed::RegisterThere,
                Rule::I11,
                "A snapshot is restored, and nothing registers the repository in the returning search.",
            ),
            (
                Deed::Enable,
                Deed::Restore,
                Rule::I12,
                "The exporter is enabled, and nothing is restored before it.",
            ),
            (
                Deed::Pause,
                Deed::Resume,
                Rule::I17,
                "Exporting is paused, and nothing resumes it.",
            ),
        ] {
            wants(!does(deed) || does(rests_on), rule, what);
        }
        for (deed, id, rule, what) in [
            (
                Deed::Install,
                StepId::Fb1,
                Rule::G6,
                "The returning region is neither installed nor there.",
            ),
            (
                Deed::Enable,
                StepId::Fb5,
                Rule::I13,
                "The returning exporter is neither enabled nor on.",
            ),
            (
                Deed::Resume,
                StepId::Fb6,
                Rule::I17,
                "Exporting is neither resumed nor going on.",
            ),
            (
                Deed::Add,
                StepId::Fb7,
                Rule::I19,
                "The returning brokers are neither added nor members.",
            ),
        ] {
            wants(does(deed) || settles(id), rule, what);
        }
    }

    /// Whether the plan knows webapps at all: an installation may have none.
    fn has_webapps(&self) -> bool {
        self.plan.all_steps().any(|step| {
            matches!(
                step.effect,
                Effect::Platform {
                    effect: PlatformEffect::WebappsDown | PlatformEffect::WebappsUp,
                    ..
                }
            )
        })
    }

    /// What goes down comes up again, and is down while it matters.
    fn webapps(&self, deeds: &[(Deed, &Step)], complaints: &mut Complaints) {
        if !self.has_webapps() {
            return;
        }
        let does = |wanted: Deed| deeds.iter().any(|(deed, _)| *deed == wanted);
        complaints.error_unless(!does(Deed::Pause) || does(Deed::WebappsDown), Rule::I9, || {
            "Exporting is paused, and nothing takes the surviving region's webapps down before.".to_owned()
        });
        for (deed, id, region) in [
            (Deed::WebappsUpHere, StepId::Fb4a, self.here),
            (Deed::WebappsUpThere, StepId::Fb4b, self.there),
        ] {
            let settled = self.plan.settled.iter().any(|settled| settled.id == id);
            complaints.error_unless(does(deed) || settled, Rule::I9, || {
                format!("Nothing brings the webapps of region {region} up again.")
            });
        }
    }

    /// What the proof at the end must ask.
    fn proven(&self, complaints: &mut Complaints) {
        let factor = self.plan.installation.replication_factor();
        let mut asks = |holds: &dyn Fn(&Condition) -> bool, rule: Rule, what: &str| {
            complaints.error_unless(self.plan.proof.iter().any(holds), rule, || {
                format!("The proof does not ask whether {what}.")
            });
        };
        asks(
            &|asked| *asked == Condition::NothingPending,
            Rule::I5,
            "a change is pending",
        );
        asks(
            &|asked| matches!(asked, Condition::Members { exactly, replication_factor } if *exactly == self.all && *replication_factor == factor),
            Rule::G8,
            "all brokers are members",
        );
        asks(
            &|asked| matches!(asked, Condition::Led { by } if *by == self.all),
            Rule::G8,
            "every partition is led",
        );
        asks(
            &|asked| matches!(asked, Condition::Complete { replication_factor } if *replication_factor == factor),
            Rule::G8,
            "every partition has all its replicas",
        );
        for region in [self.here, self.there] {
            asks(
                &|asked| self.is_status(asked, region, &ExporterStatus::Enabled),
                Rule::G8,
                &format!("the exporter of region {region} is on"),
            );
        }
        asks(
            &|asked| matches!(asked, Condition::ExportingOn { brokers } if *brokers == self.all),
            Rule::I17,
            "exporting goes on everywhere",
        );
        asks(
            &|asked| *asked == Condition::SameRecords,
            Rule::G5,
            "both searches hold the same records",
        );
    }

    fn told(&self, complaints: &mut Complaints) {
        let unprotected = self.plan.notes.iter().any(|note| note.contains("unprotected"));
        complaints.error_unless(unprotected, Rule::I16, || {
            "Nobody is told that the installation is unprotected until the end.".to_owned()
        });
        complaints.error_unless(!self.plan.waiting.words.is_empty(), Rule::G4, || {
            "It does not say whether waiting is possible.".to_owned()
        });
    }
}
