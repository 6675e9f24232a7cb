//! The rules of a failover's plan: who goes, who stays, in which order, behind which fence, and what is read back.
//!
//! `spec: procedure.md §2, §4`, guarantees G1–G5.

use std::collections::BTreeSet;

use super::{Complaints, Rule, of_region};
use crate::condition::Condition;
use crate::diagnose::Code;
use crate::effect::{Effect, ZeebeEffect};
use crate::fence::Pale;
use crate::ids::{BrokerId, ExporterId, RegionId, counted, sentence};
use crate::observation::Observation;
use crate::plan::{Accepted, Plan, Step, StepId};
use crate::topology::ExporterStatus;

pub(super) fn check(plan: &Plan, seen: Option<&Observation>, complaints: &mut Complaints) {
    directions(plan, complaints);
    order(plan, complaints);
    proven(plan, complaints);
    if let Some(seen) = seen {
        settled(plan, seen, complaints);
    }
    for step in &plan.steps {
        // The traffic has rules of its own.
        if matches!(step.effect, Effect::Traffic { .. }) {
            continue;
        }
        awaited(step, complaints);
        if let Some(ZeebeEffect::ForceRemove { keep, remove }) = step.effect.zeebe() {
            removal(plan, keep, remove, seen, complaints);
            guarded(plan, step, keep, seen, complaints);
        }
        if let Some(ZeebeEffect::DisableExporter { exporter }) = step.effect.zeebe() {
            disabling(plan, step, exporter, complaints);
        }
    }
    told(plan, complaints);
}

fn directions(plan: &Plan, complaints: &mut Complaints) {
    complaints.error_unless(plan.retreat.is_empty(), Rule::G1, || {
        "A failover has no way back: what was removed holds nothing any more.".to_owned()
    });
    complaints.error_unless(plan.lost.0 < 2, Rule::I2, || {
        format!("There is no region {}.", plan.lost)
    });
    let forces = plan
        .steps
        .iter()
        .filter(|step| matches!(step.effect.zeebe(), Some(ZeebeEffect::ForceRemove { .. })))
        .count();
    complaints.error_unless(forces <= 1, Rule::I5, || format!("{forces} forces in one plan."));
    let found_lost = matches!(
        plan.diagnosis.code,
        Code::RegionSuspected
            | Code::RegionLost
            | Code::RegionLostSurvivorDown
            | Code::RegionUnreachableFromHere
            | Code::CoordinatorLost
    );
    if let Some(found) = plan
        .diagnosis
        .region
        .filter(|found| found_lost && *found != plan.lost)
    {
        let name = |region: RegionId| plan.installation.region(region).name.clone();
        complaints.error(
            Rule::I2,
            format!(
                "Region {} would be given up, but it is region {} that was found silent.",
                name(plan.lost),
                name(found)
            ),
        );
    }
}

fn order(plan: &Plan, complaints: &mut Complaints) {
    let at = |wanted: fn(&ZeebeEffect) -> bool| {
        plan.steps
            .iter()
            .position(|step| step.effect.zeebe().is_some_and(wanted))
    };
    let force = at(|effect| matches!(effect, ZeebeEffect::ForceRemove { .. }));
    let disable = at(|effect| matches!(effect, ZeebeEffect::DisableExporter { .. }));
    let settled = |id| plan.settled.iter().any(|settled| settled.id == id);
    match (force, disable) {
        (Some(force), Some(disable)) => complaints.error_unless(force < disable, Rule::I4, || {
            "The exporter would be disabled before the lost brokers are removed: that change never ends."
                .to_owned()
        }),
        (None, Some(_)) => complaints.error_unless(settled(StepId::Fo1), Rule::I4, || {
            "The exporter would be disabled, but nothing says that the lost brokers are removed.".to_owned()
        }),
        (_, None) => complaints.error_unless(settled(StepId::Fo2), Rule::I6, || {
            "Nothing disables the lost region's exporter: exporting would stand still.".to_owned()
        }),
    }
}

/// What the proof at the end must ask.
fn proven(plan: &Plan, complaints: &mut Complaints) {
    let off = plan.proof.iter().any(|condition| {
        matches!(condition, Condition::Exporter { exporter, status: ExporterStatus::Disabled }
            if plan.installation.regions().iter().any(|region| region.id == plan.lost && region.exporter == *exporter))
    });
    complaints.error_unless(off, Rule::I6, || {
        "The proof does not ask whether the lost region's exporter is off.".to_owned()
    });
    let exports = plan.proof.contains(&Condition::ExportingAgain);
    complaints.error_unless(exports, Rule::I6, || {
        "The proof does not ask whether exporting goes on.".to_owned()
    });
    let lost = of_region(plan, plan.lost);
    let led = plan.proof.iter().any(
        |condition| matches!(condition, Condition::Led { by } if !by.is_empty() && by.is_disjoint(&lost)),
    );
    complaints.error_unless(led, Rule::I6, || {
        "The proof does not ask whether every partition is led by a survivor.".to_owned()
    });
    let whole = plan.proof.contains(&Condition::NothingCutOff);
    complaints.error_unless(whole, Rule::G5, || {
        "The proof does not ask whether anything that was acknowledged is gone.".to_owned()
    });
}

/// What is called settled was seen to be so.
fn settled(plan: &Plan, seen: &Observation, complaints: &mut Complaints) {
    let claims = |id| plan.settled.iter().any(|settled| settled.id == id);
    let left: BTreeSet<BrokerId> = seen
        .configuration()
        .map(|(_, configuration)| configuration.members.keys().copied().collect::<BTreeSet<_>>())
        .unwrap_or_default()
        .intersection(&of_region(plan, plan.lost))
        .copied()
        .collect();
    complaints.error_unless(!claims(StepId::Fo1) || left.is_empty(), Rule::I4, || {
        format!(
            "FO1 is called settled, but {}",
            crate::ids::clause("broker", &left, "is still a member.", "are still members.")
        )
    });
    let exporter = &plan.installation.region(plan.lost).exporter;
    let status = seen.exporters().and_then(|exporters| exporters.get(exporter));
    if let Some(status) = status.filter(|status| **status != ExporterStatus::Disabled) {
        complaints.error_unless(!claims(StepId::Fo2), Rule::I6, || {
            format!("FO2 is called settled, but the exporter {exporter} is {status}.")
        });
    }
}

/// It is the lost region's exporter that goes off, and never the last one that is on.
fn disabling(plan: &Plan, step: &Step, exporter: &ExporterId, complaints: &mut Complaints) {
    let of = |exporter: &ExporterId| {
        plan.installation
            .regions()
            .iter()
            .find(|region| region.exporter == *exporter)
            .map(|region| region.id)
    };
    match of(exporter) {
        Some(region) if region == plan.lost => {}
        Some(_) => complaints.error(
            Rule::G1,
            format!(
                "{} disables the exporter of the surviving region, {exporter}.",
                step.id
            ),
        ),
        None => complaints.error(
            Rule::I6,
            format!(
                "{} disables the exporter {exporter}, which belongs to neither region.",
                step.id
            ),
        ),
    }
    let other_on = step.before.iter().any(|condition| {
        matches!(condition, Condition::Exporter { exporter, status: ExporterStatus::Enabled }
            if of(exporter).is_some_and(|region| region != plan.lost))
    });
    complaints.error_unless(other_on, Rule::I6, || {
        format!(
            "{} does not ask whether the surviving region's exporter is on; with both off, what nobody exported is thrown away.",
            step.id
        )
    });
}

/// Each effect that begins a change is awaited, by its id, with nothing pending before.
fn awaited(step: &Step, complaints: &mut Complaints) {
    complaints.error_unless(step.after.contains(&Condition::ChangeEnded), Rule::I5, || {
        format!("{} does not wait for its own change to end.", step.id)
    });
    complaints.error_unless(step.before.contains(&Condition::NothingPending), Rule::I5, || {
        format!("{} does not ask whether a change is pending.", step.id)
    });
    // Effects that stop or restart brokers do not exist in this vocabulary; a new one must be weighed here.
    let harmless = matches!(
        step.effect.zeebe(),
        Some(
            ZeebeEffect::ForceRemove { .. }
                | ZeebeEffect::DisableExporter { .. }
                | ZeebeEffect::Replicate { .. }
        )
    );
    complaints.error_unless(harmless, Rule::I16, || {
        format!(
            "{} may not be part of a failover: {}.",
            step.id,
            step.effect.words()
        )
    });
}

fn removal(
    plan: &Plan,
    keep: &BTreeSet<BrokerId>,
    remove: &BTreeSet<BrokerId>,
    seen: Option<&Observation>,
    complaints: &mut Complaints,
) {
    let lost = of_region(plan, plan.lost);
    let loss_accepted = plan
        .accepted
        .iter()
        .any(|accepted| matches!(accepted, Accepted::DataLoss { .. }));
    // A survivor may go only with the lost region, and only by a named acceptance.
    let exact = if loss_accepted {
        lost.is_subset(remove)
    } else {
        *remove == lost
    };
    complaints.error_unless(exact, Rule::G2, || {
        format!(
            "{} would be removed; the lost region is {}.",
            counted("broker", remove),
            counted("broker", &lost)
        )
    });
    let all: BTreeSet<BrokerId> = (0..plan.installation.cluster_size()).map(BrokerId).collect();
    let named: BTreeSet<BrokerId> = keep.union(remove).copied().collect();
    complaints.error_unless(named == all && keep.is_disjoint(remove), Rule::G2, || {
        format!(
            "{} kept and {} removed: that is not each of the {} brokers once.",
            counted("broker", keep),
            counted("broker", remove),
            all.len()
        )
    });
    complaints.error_unless(keep.is_disjoint(&lost), Rule::G1, || {
        sentence(
            "broker",
            keep.intersection(&lost),
            "of the lost region would be kept.",
            "of the lost region would be kept.",
        )
    });
    complaints.error_unless(!keep.is_empty(), Rule::G2, || "Nobody would be kept.".to_owned());
    for partition in 1..=plan.installation.partitions_count() {
        // Zeebe's round robin in one line: four consecutive brokers from the partition's own.
        let replicas: Vec<BrokerId> = (0..4)
            .map(|j| BrokerId((partition - 1 + j) % plan.installation.cluster_size()))
            .collect();
        complaints.error_unless(
            replicas.iter().any(|broker| keep.contains(broker)),
            Rule::I19,
            || format!("Partition {partition} would keep no replica at all."),
        );
        let dropped: BTreeSet<BrokerId> = replicas
            .into_iter()
            .filter(|broker| broker.0 % 2 != plan.lost.0 && !keep.contains(broker))
            .collect();
        complaints.error_unless(dropped.is_empty() || loss_accepted, Rule::I19, || {
            format!(
                "Partition {partition} would lose its surviving replica on {}.",
                counted("broker", &dropped)
            )
        });
    }
    let Some(seen) = seen else { return };
    let unfenced = plan
        .accepted
        .iter()
        .any(|accepted| matches!(accepted, Accepted::Unfenced { .. }));
    let answering: BTreeSet<BrokerId> = seen.answering().intersection(remove).copied().collect();
    complaints.error_unless(answering.is_empty() || unfenced, Rule::G2, || {
        sentence(
            "broker",
            &answering,
            "would be removed and answers.",
            "would be removed and answer.",
        )
    });
    if let Some((_, configuration)) = seen.configuration() {
        let strangers: BTreeSet<BrokerId> = keep
            .iter()
            .filter(|broker| !configuration.members.contains_key(broker))
            .copied()
            .collect();
        complaints.error_unless(strangers.is_empty(), Rule::G2, || {
            sentence(
                "broker",
                &strangers,
                "would be kept and is no member.",
                "would be kept and are no members.",
            )
        });
    }
}

fn guarded(
    plan: &Plan,
    step: &Step,
    keep: &BTreeSet<BrokerId>,
    seen: Option<&Observation>,
    complaints: &mut Complaints,
) {
    let up = step
        .before
        .iter()
        .any(|condition| matches!(condition, Condition::Up { brokers } if brokers == keep));
    let owed = step
        .before
        .iter()
        .any(|condition| matches!(condition, Condition::StillMembers { brokers } if *brokers == lost_or_given_up(step)));
    complaints.error_unless(owed, Rule::I5, || {
        format!(
            "{} does not ask whether its effect is there already; a repeated force drops every leader.",
            step.id
        )
    });
    complaints.error_unless(up, Rule::I20, || {
        format!("{} does not ask whether every kept broker is up.", step.id)
    });
    let led = step
        .after
        .iter()
        .any(|condition| matches!(condition, Condition::Led { by } if by == keep));
    complaints.error_unless(led, Rule::I6, || {
        format!(
            "{} does not wait until every partition is led by a kept broker; COMPLETED comes seconds before that.",
            step.id
        )
    });
    let members = step
        .after
        .iter()
        .any(|condition| matches!(condition, Condition::Members { exactly, .. } | Condition::OnlyMembers { exactly } if exactly == keep));
    complaints.error_unless(members, Rule::I2, || {
        format!(
            "{} does not read back that exactly the kept brokers are members.",
            step.id
        )
    });
    let pales = step.before.iter().find_map(|condition| match condition {
        Condition::Fenced { lost, pales } if *lost == plan.lost => Some(pales),
        _ => None,
    });
    let Some(pales) = pales else {
        complaints.error(Rule::G3, format!("{} is not fenced.", step.id));
        return;
    };
    let unfenced = plan
        .accepted
        .iter()
        .any(|accepted| matches!(accepted, Accepted::Unfenced { .. }));
    let loss = plan
        .accepted
        .iter()
        .any(|accepted| matches!(accepted, Accepted::DataLoss { .. }));
    // Partitions that were not joined yet are led by survivors all the time: there leaders prove nothing.
    let leaders_prove_nothing = seen.is_some_and(|seen| broke_off_in_its_add(plan, seen));
    for (pale, excused, rule) in [
        (Pale::LostSilent, unfenced, Rule::I1),
        (Pale::Leaderless, unfenced || leaders_prove_nothing, Rule::G3),
        (Pale::NoQuorumLost, loss, Rule::G3),
        (Pale::SurvivorsUp, loss, Rule::I20),
    ] {
        complaints.error_unless(excused || pales.contains(&pale), rule, || {
            format!(
                "{} leaves {pale:?} out of the fence, and nobody accepted that.",
                step.id
            )
        });
    }
}

/// Whether a reading shows a failback that broke off in the middle of its add: all survivors are members and some of the
/// lost, partitions lack replicas, and no change is pending. `spec: edge-cases.md E4`
fn broke_off_in_its_add(plan: &Plan, seen: &Observation) -> bool {
    let Some((_, configuration)) = seen.configuration() else {
        return false;
    };
    let members: BTreeSet<BrokerId> = configuration.members.keys().copied().collect();
    let lost = of_region(plan, plan.lost);
    let survivors = of_region(plan, RegionId(1 - plan.lost.0 % 2));
    let replicas: usize = configuration
        .members
        .values()
        .map(|member| member.partitions.len())
        .sum();
    configuration.pending_change.is_none()
        && survivors.is_subset(&members)
        && !lost.is_disjoint(&members)
        && replicas < 4 * plan.installation.partitions_count() as usize
}

fn lost_or_given_up(step: &Step) -> BTreeSet<BrokerId> {
    match step.effect.zeebe() {
        Some(ZeebeEffect::ForceRemove { remove, .. }) => remove.clone(),
        _ => BTreeSet::new(),
    }
}

fn told(plan: &Plan, complaints: &mut Complaints) {
    let traffic = plan.notes.iter().any(|note| note.contains("traffic"));
    complaints.error_unless(traffic, Rule::I3, || {
        "Nobody is told to take the traffic off the lost region.".to_owned()
    });
    complaints.error_unless(!plan.waiting.words.is_empty(), Rule::G4, || {
        "It does not say whether waiting is possible.".to_owned()
    });
}
