//! The rules of a third replica inside the surviving region, and of the failback that begins from three.
//!
//! `spec: real-zeebe/README.md §8`; guarantees G2, G6, G8. Two of three replicas are a majority, so a survivor may be down
//! afterwards; while replicas move none may. Told from effects, never from names.

use std::collections::BTreeSet;

use super::{Complaints, Rule, of_region};
use crate::condition::Condition;
use crate::effect::{Effect, ZeebeEffect};
use crate::ids::{BrokerId, RegionId, counted};
use crate::observation::Observation;
use crate::plan::{Accepted, Kind, Plan, Step};
use crate::topology::ExporterStatus;

pub(super) fn check(plan: &Plan, seen: Option<&Observation>, complaints: &mut Complaints) {
    for step in &plan.steps {
        if let Effect::Zeebe(ZeebeEffect::Replicate {
            members,
            replication_factor,
        }) = &step.effect
        {
            in_place(plan, step, complaints);
            who(plan, step, members, *replication_factor, complaints);
            asks(plan, step, members, complaints);
            reads_back(step, members, *replication_factor, complaints);
        }
    }
    if let Some(seen) = seen.filter(|_| plan.kind == Kind::Failback) {
        from_three(plan, seen, complaints);
    }
}

fn survivors(plan: &Plan) -> BTreeSet<BrokerId> {
    of_region(plan, RegionId(1 - plan.lost.0 % 2))
}

/// After everything that makes the cluster serve, and once.
fn in_place(plan: &Plan, step: &Step, complaints: &mut Complaints) {
    complaints.error_unless(plan.kind == Kind::Failover, Rule::I16, || {
        format!("{} moves replicas among the survivors in a failback.", step.id)
    });
    let at = plan.steps.iter().position(|other| other.id == step.id);
    let last = (plan.steps.iter()).rposition(|other| other.id != step.id);
    complaints.error_unless(at > last, Rule::G6, || {
        format!(
            "{} would hold up what comes after it; it is the last to be done.",
            step.id
        )
    });
    let times = (plan.steps.iter())
        .filter(|step| matches!(step.effect.zeebe(), Some(ZeebeEffect::Replicate { .. })))
        .count();
    complaints.error_unless(times == 1, Rule::G6, || {
        format!("Replicas are added {times} times.")
    });
}

fn who(plan: &Plan, step: &Step, members: &BTreeSet<BrokerId>, factor: u32, complaints: &mut Complaints) {
    let stay = survivors(plan);
    complaints.error_unless(*members == stay, Rule::G2, || {
        format!(
            "{} places replicas on {}; the surviving region is {}.",
            step.id,
            counted("broker", members),
            counted("broker", &stay)
        )
    });
    // With four replicas three are a majority: no more may be lost than with three. With as many as there are brokers each
    // of them holds everything.
    complaints.error_unless(factor == 3, Rule::G2, || {
        format!(
            "{} makes it {factor} replicas; three is what one more broker may be lost with.",
            step.id
        )
    });
    complaints.error_unless(members.len() >= 4, Rule::G2, || {
        format!(
            "{} has {} brokers to place three replicas on; four are the least.",
            step.id,
            members.len()
        )
    });
}

fn asks(plan: &Plan, step: &Step, members: &BTreeSet<BrokerId>, complaints: &mut Complaints) {
    let lost = (plan.installation.regions().iter()).find(|region| region.id == plan.lost);
    let unknown_disks =
        (plan.accepted.iter()).any(|accepted| matches!(accepted, Accepted::UnknownDisks { .. }));
    let mut asked = |holds: &dyn Fn(&Condition) -> bool, rule: Rule, what: &str| {
        complaints.error_unless(step.before.iter().any(holds), rule, || {
            format!("{} does not ask whether {what}.", step.id)
        });
    };
    asked(
        &|one| *one == Condition::NothingPending,
        Rule::I5,
        "a change is pending",
    );
    asked(
        &|one| matches!(one, Condition::OnlyMembers { exactly } if exactly == members),
        Rule::I4,
        "the lost brokers are removed",
    );
    asked(
        &|one| matches!(one, Condition::Up { brokers } if brokers == members),
        Rule::I20,
        "every survivor is up",
    );
    asked(
        &|one| matches!(one, Condition::Led { by } if by == members),
        Rule::G6,
        "every partition is led",
    );
    asked(
        &|one| matches!(one, Condition::ExportingOn { brokers } if brokers == members),
        Rule::I14,
        "exporting is paused; a replica that joins while paused may export all the same",
    );
    asked(
        &|one| {
            matches!(one, Condition::Exporter { exporter, status: ExporterStatus::Disabled }
            if lost.is_some_and(|lost| lost.exporter == *exporter))
        },
        Rule::I6,
        "the lost region's exporter is off",
    );
    if !unknown_disks {
        asked(
            &|one| matches!(one, Condition::RoomForReplicas { brokers, .. } if brokers == members),
            Rule::G6,
            "the disks have room, and nobody accepted that this is unknown",
        );
    }
}

fn reads_back(step: &Step, members: &BTreeSet<BrokerId>, factor: u32, complaints: &mut Complaints) {
    let mut read = |holds: &dyn Fn(&Condition) -> bool, rule: Rule, what: &str| {
        complaints.error_unless(step.after.iter().any(holds), rule, || {
            format!("{} does not read back whether {what}.", step.id)
        });
    };
    read(
        &|one| *one == Condition::ChangeEnded,
        Rule::I5,
        "its own change has ended",
    );
    read(
        &|one| matches!(one, Condition::Led { by } if by == members),
        Rule::G8,
        "every partition is led",
    );
    read(
        &|one| matches!(one, Condition::Complete { replication_factor } if *replication_factor == factor),
        Rule::G8,
        "every replica is listed",
    );
    read(
        &|one| matches!(one, Condition::Placed { members: on, replication_factor } if on == members && *replication_factor == factor),
        Rule::G8,
        "every replica is where it belongs",
    );
}

/// Where the survivors hold three replicas of a partition, four of them are there before they are two and two: a failback has
/// to ask for their places, or one region's loss could take a majority.
fn from_three(plan: &Plan, seen: &Observation, complaints: &mut Complaints) {
    let Some((_, configuration)) = seen.configuration() else {
        return;
    };
    let stay = survivors(plan);
    let is_reinforced = plan.installation.partitions().any(|partition| {
        let held = (configuration.members.iter())
            .filter(|(broker, member)| stay.contains(broker) && member.partitions.contains_key(&partition));
        held.count() > 2
    });
    if !is_reinforced {
        return;
    }
    let all: BTreeSet<BrokerId> = (0..plan.installation.cluster_size()).map(BrokerId).collect();
    let is_asked = |one: &Condition| {
        matches!(one, Condition::Placed { members, replication_factor }
            if *members == all && *replication_factor == plan.installation.replication_factor())
    };
    let add =
        (plan.steps.iter()).find(|step| matches!(step.effect.zeebe(), Some(ZeebeEffect::AddBrokers { .. })));
    if let Some(add) = add {
        complaints.error_unless(add.after.iter().any(is_asked), Rule::I19, || {
            format!("{} does not read back whether every replica is where it belongs; it begins from three in one region.", add.id)
        });
    }
    complaints.error_unless(plan.proof.iter().any(is_asked), Rule::I19, || {
        "The proof does not ask whether every replica is where it belongs; the failback begins from three in one region.".to_owned()
    });
}
