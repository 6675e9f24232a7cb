//! The rules of a failback's way back: it can be gone at any moment, resumes exporting in any case, and takes back no more
//! than the failback did.
//!
//! `spec: procedure.md §7`, `edge-cases.md E4`; guarantees G2, G3, G9. Told from effects, never from names.

use std::collections::BTreeSet;

use super::{Complaints, Rule, of_region};
use crate::condition::Condition;
use crate::effect::{Effect, PlatformEffect, ZeebeEffect};
use crate::fence::Pale;
use crate::ids::{BrokerId, ExporterId, RegionId, counted};
use crate::plan::{Class, Plan, Step};
use crate::topology::ExporterStatus;

pub(super) fn check(plan: &Plan, complaints: &mut Complaints) {
    for step in &plan.retreat {
        allowed(plan, step, complaints);
        match &step.effect {
            Effect::Zeebe(ZeebeEffect::ForceRemove { keep, remove }) => {
                awaited(step, complaints);
                removal(plan, step, keep, remove, complaints);
            }
            Effect::Zeebe(ZeebeEffect::DisableExporter { exporter }) => {
                awaited(step, complaints);
                disabling(plan, step, exporter, complaints);
            }
            Effect::Zeebe(ZeebeEffect::ResumeExporting) => resuming(plan, step, complaints),
            _ => {}
        }
    }
    ordered(plan, complaints);
    complete(plan, complaints);
}

fn survivors(plan: &Plan) -> BTreeSet<BrokerId> {
    of_region(plan, RegionId(1 - plan.lost.0 % 2))
}

fn exporter(plan: &Plan, region: RegionId) -> Option<&ExporterId> {
    plan.installation
        .regions()
        .iter()
        .find(|known| known.id == region)
        .map(|known| &known.exporter)
}

/// Nothing but what takes something back. A new effect must be weighed here.
fn allowed(plan: &Plan, step: &Step, complaints: &mut Complaints) {
    let why = match &step.effect {
        Effect::CancelOwn => None,
        Effect::Zeebe(effect) => match effect {
            ZeebeEffect::ForceRemove { .. }
            | ZeebeEffect::DisableExporter { .. }
            | ZeebeEffect::ResumeExporting => None,
            ZeebeEffect::CancelChange { .. } => {
                Some((Rule::I5, "only a change of this run may be cancelled."))
            }
            ZeebeEffect::ResumeExportingOn { .. } => Some((Rule::I17, "the others would stay paused.")),
            ZeebeEffect::PauseExporting => Some((Rule::G9, "the way back pauses nothing.")),
            ZeebeEffect::EnableExporter { .. }
            | ZeebeEffect::AddBrokers { .. }
            | ZeebeEffect::Replicate { .. } => Some((Rule::G9, "the way back leads back.")),
        },
        Effect::Platform {
            region,
            effect: PlatformEffect::WebappsUp,
        } if *region != plan.lost => None,
        Effect::Platform {
            effect: PlatformEffect::WebappsUp,
            ..
        } => Some((
            Rule::I8,
            "webapps of the returning region would make indices there.",
        )),
        Effect::Platform { .. } => Some((Rule::G9, "the way back takes nothing down and installs nothing.")),
        Effect::Search { .. } => Some((Rule::G10, "the way back leaves the searches alone.")),
        // The traffic has rules of its own.
        Effect::Traffic { .. } => None,
    };
    if let Some((rule, why)) = why {
        complaints.error(
            rule,
            format!(
                "{} may not be part of the way back: {}; {why}",
                step.id,
                step.effect.words()
            ),
        );
    }
}

fn awaited(step: &Step, complaints: &mut Complaints) {
    complaints.error_unless(step.before.contains(&Condition::NothingPending), Rule::I5, || {
        format!("{} does not ask whether a change is pending.", step.id)
    });
    complaints.error_unless(step.after.contains(&Condition::ChangeEnded), Rule::I5, || {
        format!("{} does not wait for its own change to end.", step.id)
    });
}

/// The returning brokers and nobody else, behind a fence: a region that lives is not removed because a run gave up.
fn removal(
    plan: &Plan,
    step: &Step,
    keep: &BTreeSet<BrokerId>,
    remove: &BTreeSet<BrokerId>,
    complaints: &mut Complaints,
) {
    let (stay, go) = (survivors(plan), of_region(plan, plan.lost));
    complaints.error_unless(*remove == go, Rule::G2, || {
        format!(
            "{} would remove {}; the returning region is {}.",
            step.id,
            counted("broker", remove),
            counted("broker", &go)
        )
    });
    complaints.error_unless(*keep == stay, Rule::I19, || {
        format!(
            "{} would keep {}; the surviving region is {}.",
            step.id,
            counted("broker", keep),
            counted("broker", &stay)
        )
    });
    let mut asks = |holds: bool, rule: Rule, what: &str| {
        complaints.error_unless(holds, rule, || format!("{} {what}", step.id));
    };
    let pales = step.before.iter().find_map(|condition| match condition {
        Condition::Fenced { lost, pales } if *lost == plan.lost => Some(pales),
        _ => None,
    });
    asks(
        pales.is_some_and(|pales| pales.contains(&Pale::LostSilent)),
        Rule::G3,
        "does not ask whether the returning region is silent.",
    );
    asks(
        pales.is_some_and(|pales| pales.contains(&Pale::SurvivorsUp)),
        Rule::I20,
        "leaves SurvivorsUp out of the fence.",
    );
    asks(
        step.before
            .iter()
            .any(|condition| matches!(condition, Condition::Up { brokers } if *brokers == stay)),
        Rule::I20,
        "does not ask whether every kept broker is up.",
    );
    asks(
        step.before
            .iter()
            .any(|condition| matches!(condition, Condition::StillMembers { brokers } if *brokers == go)),
        Rule::I5,
        "does not ask whether its effect is there already; a repeated force drops every leader.",
    );
    asks(
        step.after
            .iter()
            .any(|condition| matches!(condition, Condition::Members { exactly, .. } | Condition::OnlyMembers { exactly } if *exactly == stay)),
        Rule::I2,
        "does not read back that exactly the survivors are members.",
    );
    asks(
        step.after
            .iter()
            .any(|condition| matches!(condition, Condition::Led { by } if *by == stay)),
        Rule::I6,
        "does not wait until every partition is led by a survivor.",
    );
}

fn disabling(plan: &Plan, step: &Step, disabled: &ExporterId, complaints: &mut Complaints) {
    let (own, theirs) = (
        exporter(plan, RegionId(1 - plan.lost.0 % 2)),
        exporter(plan, plan.lost),
    );
    complaints.error_unless(Some(disabled) == theirs, Rule::G1, || {
        format!(
            "{} disables {disabled}, which is not the returning region's exporter.",
            step.id
        )
    });
    let is = |conditions: &[Condition], wanted: Option<&ExporterId>, status: &ExporterStatus| {
        conditions.iter().any(|condition| {
            matches!(condition, Condition::Exporter { exporter, status: asked }
                if Some(exporter) == wanted && asked == status)
        })
    };
    complaints.error_unless(is(&step.before, own, &ExporterStatus::Enabled), Rule::I6, || {
        format!(
            "{} does not ask whether the surviving region's exporter is on; with both off, what nobody exported is thrown away.",
            step.id
        )
    });
    complaints.error_unless(
        is(&step.after, theirs, &ExporterStatus::Disabled),
        Rule::G8,
        || format!("{} does not read back whether the exporter is off.", step.id),
    );
}

/// The one step that must be possible whatever else is wrong.
fn resuming(plan: &Plan, step: &Step, complaints: &mut Complaints) {
    complaints.error_unless(step.class == Class::Safety, Rule::G9, || {
        format!(
            "{} resumes exporting, and is not called a matter of safety.",
            step.id
        )
    });
    complaints.error_unless(step.before.is_empty(), Rule::G9, || {
        format!(
            "{} asks for something before it resumes exporting; if that never holds, exporting stays paused.",
            step.id
        )
    });
    let stay = survivors(plan);
    let read = step
        .after
        .iter()
        .any(|condition| matches!(condition, Condition::ExportingOn { brokers } if *brokers == stay));
    complaints.error_unless(read, Rule::G9, || {
        format!(
            "{} does not read back whether exporting goes on, by each survivor's own account.",
            step.id
        )
    });
}

fn ordered(plan: &Plan, complaints: &mut Complaints) {
    let at = |wanted: fn(&Effect) -> bool| plan.retreat.iter().position(|step| wanted(&step.effect));
    let cancel = at(|effect| matches!(effect, Effect::CancelOwn));
    let force = at(|effect| matches!(effect, Effect::Zeebe(ZeebeEffect::ForceRemove { .. })));
    let disable = at(|effect| matches!(effect, Effect::Zeebe(ZeebeEffect::DisableExporter { .. })));
    let resume = at(|effect| matches!(effect, Effect::Zeebe(ZeebeEffect::ResumeExporting)));
    for (first, second, rule, why) in [
        (
            cancel,
            force,
            Rule::I5,
            "every other change is refused while it is pending",
        ),
        (
            cancel,
            disable,
            Rule::I5,
            "every other change is refused while it is pending",
        ),
        (force, disable, Rule::I4, "disabling never ends with dead members"),
        (
            disable,
            resume,
            Rule::I13,
            "records would go to a search that is given up",
        ),
    ] {
        let (Some(one), Some(other)) = (first, second) else {
            continue;
        };
        complaints.error_unless(one < other, rule, || {
            format!(
                "On the way back {} would come before {}: {why}.",
                plan.retreat[other].id, plan.retreat[one].id
            )
        });
    }
    let forces = plan
        .retreat
        .iter()
        .filter(|step| matches!(step.effect, Effect::Zeebe(ZeebeEffect::ForceRemove { .. })))
        .count();
    complaints.error_unless(forces <= 1, Rule::I5, || {
        format!("{forces} forces on the way back.")
    });
}

/// What the steps do can be taken back.
fn complete(plan: &Plan, complaints: &mut Complaints) {
    let does = |wanted: fn(&Effect) -> bool| plan.steps.iter().any(|step| wanted(&step.effect));
    let undoes = |wanted: fn(&Effect) -> bool| plan.retreat.iter().any(|step| wanted(&step.effect));
    let pauses = does(|effect| {
        matches!(
            effect,
            Effect::Zeebe(ZeebeEffect::PauseExporting | ZeebeEffect::ResumeExporting)
        )
    });
    let enables = does(|effect| matches!(effect, Effect::Zeebe(ZeebeEffect::EnableExporter { .. })));
    let adds = does(|effect| matches!(effect, Effect::Zeebe(ZeebeEffect::AddBrokers { .. })));
    let webapps = does(|effect| {
        matches!(
            effect,
            Effect::Platform {
                effect: PlatformEffect::WebappsDown,
                ..
            }
        )
    });
    let resumed = undoes(|effect| matches!(effect, Effect::Zeebe(ZeebeEffect::ResumeExporting)));
    let disabled = undoes(|effect| matches!(effect, Effect::Zeebe(ZeebeEffect::DisableExporter { .. })));
    let cancelled = undoes(|effect| matches!(effect, Effect::CancelOwn));
    let removed = undoes(|effect| matches!(effect, Effect::Zeebe(ZeebeEffect::ForceRemove { .. })));
    let up = undoes(|effect| {
        matches!(
            effect,
            Effect::Platform {
                effect: PlatformEffect::WebappsUp,
                ..
            }
        )
    });
    for (holds, what) in [
        (!pauses || resumed, "does not resume exporting"),
        (
            !(enables || adds) || disabled,
            "does not disable the returning exporter",
        ),
        (
            !(enables || adds) || cancelled,
            "does not cancel the run's own change",
        ),
        (
            !adds || removed,
            "does not remove the returning brokers if they die",
        ),
        (!webapps || up, "does not bring the webapps up"),
    ] {
        complaints.error_unless(holds, Rule::G9, || format!("The way back {what}."));
    }
}
