//! What each step of a failback must ask before it, and read back after it.

use super::{Complaints, Deed, Ground, Rule};
use crate::condition::Condition;
use crate::effect::{Effect, SearchTask, ZeebeEffect};
use crate::ids::RegionId;
use crate::plan::{Class, Step};
use crate::search::Repository;
use crate::topology::ExporterStatus;

pub(super) fn check(ground: &Ground<'_>, deeds: &[(Deed, &Step)], complaints: &mut Complaints) {
    for (deed, step) in deeds {
        let mut asking = Asking {
            ground,
            step,
            complaints,
        };
        asking.begins_change();
        asking.deed(*deed);
    }
    paused_steps(ground, deeds, complaints);
    one_repository(ground, complaints);
}

/// One step, and what it has to ask.
struct Asking<'a, 'b> {
    ground: &'a Ground<'b>,
    step: &'a Step,
    complaints: &'a mut Complaints,
}

impl Asking<'_, '_> {
    fn before(&mut self, holds: impl Fn(&Condition) -> bool, rule: Rule, what: &str) {
        let step = self.step;
        self.complaints
            .error_unless(step.before.iter().any(holds), rule, || {
                format!("{} does not ask whether {what}.", step.id)
            });
    }

    fn after(&mut self, holds: impl Fn(&Condition) -> bool, rule: Rule, what: &str) {
        let step = self.step;
        self.complaints
            .error_unless(step.after.iter().any(holds), rule, || {
                format!("{} does not read back whether {what}.", step.id)
            });
    }

    fn begins_change(&mut self) {
        if !matches!(
            self.step.effect,
            Effect::Zeebe(ZeebeEffect::EnableExporter { .. } | ZeebeEffect::AddBrokers { .. })
        ) {
            return;
        }
        self.before(
            |asked| *asked == Condition::NothingPending,
            Rule::I5,
            "a change is pending",
        );
        self.after(
            |asked| *asked == Condition::ChangeEnded,
            Rule::I5,
            "its own change has ended",
        );
    }

    fn deed(&mut self, deed: Deed) {
        match deed {
            Deed::Install => self.install(),
            Deed::WebappsDown => {
                let region = self.ground.here;
                self.after(
                    |asked| *asked == Condition::NoWebapps { region },
                    Rule::I9,
                    "no webapp pod is left in the surviving region",
                );
            }
            Deed::Pause => self.pause(),
            Deed::RegisterHere => {
                let region = self.ground.here;
                self.after(
                    |asked| is_registered(asked, region),
                    Rule::G8,
                    "the repository is registered",
                );
            }
            Deed::Snapshot => self.snapshot(),
            Deed::RegisterThere => self.register_there(),
            Deed::Clear => self.clear(),
            Deed::Restore => self.restore(),
            Deed::WebappsUpHere => self.webapps_up(self.ground.here),
            Deed::WebappsUpThere => self.webapps_up(self.ground.there),
            Deed::Enable => self.enable(),
            Deed::Resume => self.resume(),
            Deed::Add => self.add(),
            // The traffic has rules of its own.
            Deed::Traffic => {}
        }
    }

    /// Those of the surviving region may still be starting when the next step begins; that one sees both up.
    fn webapps_up(&mut self, region: RegionId) {
        let here = self.ground.here;
        if region == here {
            self.after(
                |asked| {
                    *asked == Condition::WebappsUp { region }
                        || *asked == Condition::WebappsStarted { region }
                },
                Rule::G8,
                "the webapps are started",
            );
            return;
        }
        for region in [region, here] {
            self.after(
                |asked| *asked == Condition::WebappsUp { region },
                Rule::G8,
                &format!("the webapps are up in region {region}"),
            );
        }
    }

    /// No pod that may write, in either region.
    fn no_webapps_before(&mut self) {
        if !self.ground.has_webapps() {
            return;
        }
        for (region, rule) in [(self.ground.here, Rule::I9), (self.ground.there, Rule::I8)] {
            self.before(
                |asked| *asked == Condition::NoWebapps { region },
                rule,
                &format!("webapps are down in region {region}"),
            );
        }
    }

    fn unmoved_before(&mut self) {
        let exporter = self.ground.exporter(self.ground.here);
        self.before(
            |asked| matches!(asked, Condition::Unmoved { exporter: of } if Some(of) == exporter),
            Rule::I10,
            "the surviving exporter still stands at V",
        );
    }

    fn well_before(&mut self, region: RegionId) {
        self.before(
            |asked| *asked == Condition::SearchWell { region },
            Rule::G10,
            &format!("the search of region {region} is the one it was, and well"),
        );
    }

    fn joined_before(&mut self, why: &str) {
        let returning = &self.ground.returning;
        self.before(
            |asked| matches!(asked, Condition::Joined { brokers } if brokers == returning),
            Rule::G12,
            why,
        );
    }

    fn install(&mut self) {
        let (region, returning) = (self.ground.there, &self.ground.returning);
        self.before(
            |asked| *asked == Condition::NothingLeft { region },
            Rule::I7,
            "anything of the returning region is left",
        );
        self.after(
            |asked| matches!(asked, Condition::Joined { brokers } if brokers == returning),
            Rule::G8,
            "all returning brokers are there, empty",
        );
        if self.ground.has_webapps() {
            self.after(
                |asked| *asked == Condition::NoWebapps { region },
                Rule::I8,
                "webapps are down in the returning region",
            );
        }
    }

    fn pause(&mut self) {
        let (here, there) = (self.ground.here, self.ground.there);
        let (survivors, regional) = (
            &self.ground.survivors,
            self.ground.plan.installation.replication_factor() / 2,
        );
        self.joined_before("the returning brokers are there, and empty");
        self.no_webapps_before();
        self.before(
            |asked| *asked == Condition::NothingPending,
            Rule::I5,
            "a change is pending",
        );
        self.before(
            // One more where the survivors were reinforced; never fewer.
            |asked| matches!(asked, Condition::Complete { replication_factor } if (regional..=regional + 1).contains(replication_factor)),
            Rule::I10,
            "every partition is complete; a pause of an incomplete one fails as a whole",
        );
        let ground = self.ground;
        self.before(
            |asked| ground.is_status(asked, here, &ExporterStatus::Enabled),
            Rule::I13,
            "the surviving exporter is on",
        );
        self.before(
            |asked| ground.is_status(asked, there, &ExporterStatus::Disabled),
            Rule::I18,
            "the returning exporter is off",
        );
        self.after(
            |asked| matches!(asked, Condition::ExportingPaused { brokers } if brokers == survivors),
            Rule::I10,
            "exporting is paused, hard, on every survivor",
        );
        let exporter = ground.exporter(here);
        self.after(
            |asked| matches!(asked, Condition::Drained { exporter: of } if Some(of) == exporter),
            Rule::I10,
            "the surviving exporter is drained; the pause's answer is not that moment",
        );
        // What is read here is who the searches are from then on.
        for region in [here, there] {
            self.after(
                |asked| *asked == Condition::SearchWell { region },
                Rule::G10,
                &format!("which cluster the search of region {region} is"),
            );
        }
    }

    fn snapshot(&mut self) {
        let here = self.ground.here;
        self.well_before(here);
        self.unmoved_before();
        self.no_webapps_before();
        self.before(
            |asked| is_registered(asked, here),
            Rule::G6,
            "the repository is registered",
        );
        self.after(
            |asked| is_whole(asked, here),
            Rule::I10,
            "the snapshot is whole; PARTIAL is answered 200 as well",
        );
        let exporter = self.ground.exporter(here);
        self.after(
            |asked| matches!(asked, Condition::Unmoved { exporter: of } if Some(of) == exporter),
            Rule::I10,
            "the surviving exporter still stands at V",
        );
        if self.ground.has_webapps() {
            self.after(
                |asked| {
                    *asked == Condition::NoWebapps { region: here }
                        || *asked == Condition::StillNoWebapps { region: here }
                },
                Rule::I9,
                "webapps stayed down in the surviving region",
            );
        }
    }

    fn register_there(&mut self) {
        let (here, there) = (self.ground.here, self.ground.there);
        let anew = matches!(
            self.step.effect,
            Effect::Search {
                task: SearchTask::Register { anew: true, .. },
                ..
            }
        );
        let id = self.step.id;
        self.complaints.error_unless(anew, Rule::I11, || {
            format!("{id} keeps an older registration, which does not see the snapshot.")
        });
        self.before(
            |asked| is_whole(asked, here),
            Rule::I11,
            "the snapshot is whole already",
        );
        self.after(
            |asked| is_whole(asked, there),
            Rule::I11,
            "the snapshot is seen from the returning region",
        );
    }

    fn clear(&mut self) {
        let there = self.ground.there;
        self.well_before(there);
        self.unmoved_before();
        self.after(
            |asked| *asked == Condition::WayClear { region: there },
            Rule::G10,
            "the way is clear",
        );
    }

    fn restore(&mut self) {
        let there = self.ground.there;
        self.well_before(there);
        self.unmoved_before();
        self.no_webapps_before();
        self.before(
            |asked| is_whole(asked, there),
            Rule::I11,
            "the snapshot is seen from the returning region",
        );
        self.before(
            |asked| *asked == Condition::WayClear { region: there },
            Rule::G10,
            "anything stands in the way",
        );
        self.after(
            |asked| *asked == Condition::Restored { region: there },
            Rule::I12,
            "every index is back with its documents; `_status` tells of the snapshot instead",
        );
    }

    fn enable(&mut self) {
        let ground = self.ground;
        let (here, there) = (ground.here, ground.there);
        let (own, theirs) = (ground.exporter(here), ground.exporter(there));
        if let Effect::Zeebe(ZeebeEffect::EnableExporter {
            exporter,
            initialize_from,
        }) = &self.step.effect
        {
            let id = self.step.id;
            self.complaints
                .error_unless(Some(exporter) == theirs, Rule::I13, || {
                    format!("{id} enables {exporter}, which is not the returning region's exporter.")
                });
            self.complaints
                .error_unless(Some(initialize_from) == own, Rule::I13, || {
                    format!("{id} begins at the position of {initialize_from}, which is not the surviving region's.")
                });
        }
        self.before(
            |asked| ground.is_status(asked, here, &ExporterStatus::Enabled),
            Rule::I13,
            "the surviving exporter is on",
        );
        self.before(
            |asked| ground.is_status(asked, there, &ExporterStatus::Disabled),
            Rule::I18,
            "the returning exporter is off",
        );
        self.unmoved_before();
        self.well_before(there);
        self.after(
            |asked| ground.is_status(asked, there, &ExporterStatus::Enabled),
            Rule::I13,
            "the returning exporter is on everywhere",
        );
    }

    fn resume(&mut self) {
        let ground = self.ground;
        for region in [ground.here, ground.there] {
            self.before(
                |asked| ground.is_status(asked, region, &ExporterStatus::Enabled),
                Rule::I13,
                &format!("the exporter of region {region} is on"),
            );
        }
        self.before(
            |asked| *asked == Condition::NothingPending,
            Rule::I13,
            "a change is pending: the enable may not have ended",
        );
        self.after(
            |asked| matches!(asked, Condition::ExportingOn { brokers } if brokers.is_superset(&ground.survivors)),
            Rule::I17,
            "exporting goes on, by each survivor's own account",
        );
        let (id, is_safety) = (self.step.id, self.step.class == Class::Safety);
        self.complaints.error_unless(is_safety, Rule::G9, || {
            format!("{id} resumes exporting, and is not called a matter of safety.")
        });
    }

    fn add(&mut self) {
        let ground = self.ground;
        let factor = ground.plan.installation.replication_factor();
        if let Effect::Zeebe(ZeebeEffect::AddBrokers {
            all,
            replication_factor,
        }) = &self.step.effect
        {
            let id = self.step.id;
            self.complaints.error_unless(*all == ground.all, Rule::I19, || {
                format!(
                    "{id} makes {} of {} brokers the members, or others.",
                    all.intersection(&ground.all).count(),
                    ground.all.len()
                )
            });
            self.complaints
                .error_unless(*replication_factor == factor, Rule::I19, || {
                    format!("{id} leaves {replication_factor} replicas instead of {factor}.")
                });
        }
        self.joined_before("the returning brokers are there: the add would stay pending");
        self.before(
            |asked| matches!(asked, Condition::Up { brokers } if *brokers == ground.all),
            Rule::I16,
            "every broker is up: the add would stay pending",
        );
        self.before(
            |asked| matches!(asked, Condition::ExportingOn { brokers } if brokers.is_superset(&ground.survivors)),
            Rule::I14,
            "exporting goes on",
        );
        self.after(
            |asked| matches!(asked, Condition::Members { exactly, replication_factor } if *exactly == ground.all && *replication_factor == factor),
            Rule::G8,
            "all brokers are members",
        );
        self.after(
            |asked| matches!(asked, Condition::Complete { replication_factor } if *replication_factor == factor),
            Rule::G8,
            "every partition has all its replicas",
        );
        self.after(
            |asked| matches!(asked, Condition::Ready { brokers } if brokers.is_superset(&ground.returning)),
            Rule::G8,
            "the returning brokers are ready",
        );
        self.after(
            |asked| matches!(asked, Condition::Led { .. }),
            Rule::G8,
            "every partition is led",
        );
    }
}

/// From the pause to the resume the disks fill: every step looks at them, and none waits longer than they last at least.
fn paused_steps(ground: &Ground<'_>, deeds: &[(Deed, &Step)], complaints: &mut Complaints) {
    let at = |wanted: Deed| deeds.iter().position(|(deed, _)| *deed == wanted);
    let (Some(pause), Some(resume)) = (at(Deed::Pause), at(Deed::Resume)) else {
        return;
    };
    let floor = |asked: &[Condition]| {
        asked.iter().find_map(|condition| match condition {
            Condition::RoomLeft { brokers, floor_s, .. } if *brokers == ground.survivors && *floor_s > 0 => {
                Some(*floor_s)
            }
            _ => None,
        })
    };
    for (_, step) in deeds.iter().take(resume).skip(pause) {
        let Some(floor_s) = floor(&step.before) else {
            complaints.error(
                Rule::I17,
                format!(
                    "{} does not ask whether the survivors' disks have room, while exporting is paused.",
                    step.id
                ),
            );
            continue;
        };
        let waits_blindly = floor(&step.after).is_none() && step.deadline_ms > floor_s.saturating_mul(1_000);
        complaints.error_unless(!waits_blindly, Rule::I17, || {
            format!(
                "{} may wait for {} s without a look at the disks, which last for {floor_s} s at least.",
                step.id,
                step.deadline_ms / 1_000
            )
        });
    }
}

fn is_registered(asked: &Condition, wanted: RegionId) -> bool {
    matches!(asked, Condition::Registered { region, .. } if *region == wanted)
}

fn is_whole(asked: &Condition, wanted: RegionId) -> bool {
    matches!(asked, Condition::SnapshotWhole { region, .. } if *region == wanted)
}

/// One repository, by name and place, in all that is sent and asked: else one side reads what the other did not write.
fn one_repository(ground: &Ground<'_>, complaints: &mut Complaints) {
    let mut wanted: Option<Repository> = None;
    for step in &ground.plan.steps {
        let (name, settings) = match &step.effect {
            Effect::Search { task, .. } => match task {
                SearchTask::Register {
                    repository, settings, ..
                } => (repository, Some(settings)),
                SearchTask::Snapshot { repository } | SearchTask::Restore { repository } => {
                    (repository, None)
                }
                SearchTask::ClearTheWay => continue,
            },
            Effect::Zeebe(_) | Effect::CancelOwn | Effect::Platform { .. } | Effect::Traffic { .. } => {
                continue;
            }
        };
        let known = wanted.get_or_insert_with(|| Repository {
            name: name.clone(),
            settings: settings.cloned().unwrap_or_default(),
        });
        let elsewhere = settings.is_some_and(|settings| place(settings) != place(&known.settings));
        complaints.error_unless(*name == known.name && !elsewhere, Rule::I11, || {
            format!(
                "{} is about another repository than the steps before it.",
                step.id
            )
        });
        let asked = step.before.iter().chain(&step.after);
        let strange = asked.into_iter().any(|condition| match condition {
            Condition::Registered { repository, .. } => {
                repository.name != known.name || place(&repository.settings) != place(&known.settings)
            }
            Condition::SnapshotWhole { repository, .. } => *repository != known.name,
            _ => false,
        });
        complaints.error_unless(!strange, Rule::I11, || {
            format!("{} asks about another repository.", step.id)
        });
    }
}

/// What a repository is, how it is used left out.
fn place(settings: &serde_json::Value) -> serde_json::Value {
    let mut place = settings.clone();
    if let Some(inner) = place
        .get_mut("settings")
        .and_then(serde_json::Value::as_object_mut)
    {
        inner.remove("readonly");
    }
    place
}
