//! A second pair of eyes: reads a finished plan and complains. Shares no code with the planner, on purpose.
//!
//! Each rule recomputes what it needs from first principles, so that a mistake in the planner does not check itself.
//! A plan with an error is not carried out. Rules after `spec: procedure.md §2` and guarantees G1–G4.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::diagnose::Code;
use crate::effect::ZeebeEffect;
use crate::fence::Pale;
use crate::ids::{BrokerId, ExporterId, RegionId, counted, sentence};
use crate::observation::Observation;
use crate::plan::{Accepted, Plan, Step, StepId};
use crate::topology::ExporterStatus;

/// The rules, by the invariant or guarantee that they guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Rule {
    /// A force rests on a proof that the region is lost, or on a named acceptance.
    I1,
    /// Exactly one region goes, and it is the plan's.
    I2,
    /// A person is told to take the traffic off the lost region.
    I3,
    /// The brokers go before the exporter.
    I4,
    /// One change at a time; each is awaited by its own id.
    I5,
    /// The exporter is off before the plan calls itself done.
    I6,
    /// Nothing restarts or scales a survivor.
    I16,
    /// Every partition keeps all its replicas in the surviving region.
    I19,
    /// Every kept broker is seen up before the force.
    I20,
    /// One direction: what the plan keeps is not what it calls lost.
    G1,
    /// The removal is the lost region exactly, and nobody who answers is in it.
    G2,
    /// Fence before force.
    G3,
    /// Waiting is offered where it is possible.
    G4,
    /// The proof asks whether anything acknowledged was cut off.
    G5,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth saying.
    Warning,
    /// The plan must not be carried out.
    Error,
}

/// One complaint about a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complaint {
    /// The rule that is broken.
    pub rule: Rule,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, as a sentence.
    pub what: String,
}

/// Reads a plan, and the newest reading where there is one, and complains.
pub fn check(plan: &Plan, seen: Option<&Observation>) -> Vec<Complaint> {
    let mut complaints = Complaints::default();
    directions(plan, &mut complaints);
    order(plan, &mut complaints);
    proven(plan, &mut complaints);
    if let Some(seen) = seen {
        settled(plan, seen, &mut complaints);
    }
    for step in &plan.steps {
        awaited(step, &mut complaints);
        if let Some(ZeebeEffect::ForceRemove { keep, remove }) = step.effect.zeebe() {
            removal(plan, keep, remove, seen, &mut complaints);
            guarded(plan, step, keep, &mut complaints);
        }
        if let Some(ZeebeEffect::DisableExporter { exporter }) = step.effect.zeebe() {
            disabling(plan, step, exporter, &mut complaints);
        }
    }
    told(plan, &mut complaints);
    complaints.0
}

/// The complaints for which a plan must not be carried out.
pub fn errors(plan: &Plan, seen: Option<&Observation>) -> Vec<Complaint> {
    let mut complaints = check(plan, seen);
    complaints.retain(|complaint| complaint.severity == Severity::Error);
    complaints
}

/// Complaints as sentences in a row.
pub fn sentences(complaints: &[Complaint]) -> String {
    let told = complaints
        .iter()
        .map(|complaint| format!("{}: {}", complaint.rule, complaint.what));
    told.collect::<Vec<_>>().join(" ")
}

#[derive(Default)]
struct Complaints(Vec<Complaint>);

impl Complaints {
    fn error(&mut self, rule: Rule, what: impl Into<String>) {
        self.0.push(Complaint {
            rule,
            severity: Severity::Error,
            what: what.into(),
        });
    }

    fn error_unless(&mut self, holds: bool, rule: Rule, what: impl FnOnce() -> String) {
        if !holds {
            self.error(rule, what());
        }
    }
}

/// Brokers of the plan's lost region, counted from their ids alone.
fn lost_brokers(plan: &Plan) -> BTreeSet<BrokerId> {
    (0..plan.installation.cluster_size())
        .filter(|id| id % 2 == plan.lost.0)
        .map(BrokerId)
        .collect()
}

fn directions(plan: &Plan, complaints: &mut Complaints) {
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
    let lost = lost_brokers(plan);
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
        .intersection(&lost_brokers(plan))
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
        Some(ZeebeEffect::ForceRemove { .. } | ZeebeEffect::DisableExporter { .. })
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
    let lost = lost_brokers(plan);
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

fn guarded(plan: &Plan, step: &Step, keep: &BTreeSet<BrokerId>, complaints: &mut Complaints) {
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
        .any(|condition| matches!(condition, Condition::Members { exactly, .. } if exactly == keep));
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
    for (pale, excused, rule) in [
        (Pale::LostSilent, unfenced, Rule::I1),
        (Pale::Leaderless, unfenced, Rule::G3),
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
