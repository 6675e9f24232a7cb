//! The rules of the steps that point the users' names: where to, when, and that they hold up nothing that protects data.
//!
//! `spec: procedure.md I3`. Told from effects, never from names.

use std::collections::BTreeSet;

use super::{Complaints, Rule, of_region};
use crate::condition::Condition;
use crate::effect::{Effect, ZeebeEffect};
use crate::ids::{BrokerId, RegionId, each_region};
use crate::plan::{Class, Kind, Plan, Step};

pub(super) fn check(plan: &Plan, complaints: &mut Complaints) {
    for step in plan.all_steps() {
        match &step.effect {
            Effect::Traffic { to } => read_back(step, to, complaints),
            // It may be passed over as well, as long as it has not begun: its rules are its own.
            Effect::Zeebe(ZeebeEffect::Replicate { .. }) if step.class == Class::Yielding => {}
            // A class of its own for what need not be waited for; whatever else had it would not be proven.
            _ => complaints.error_unless(
                !matches!(step.class, Class::Beside | Class::Yielding),
                Rule::G8,
                || {
                    format!(
                        "{} is passed over where it cannot be done, and is not about the traffic.",
                        step.id
                    )
                },
            ),
        }
    }
    match plan.kind {
        Kind::Failover => failover(plan, complaints),
        Kind::Failback => failback(plan, complaints),
    }
}

/// The steps that point the names, with their place.
fn rerouting(steps: &[Step]) -> impl Iterator<Item = (usize, &Step, &BTreeSet<RegionId>)> {
    (steps.iter().enumerate()).filter_map(|(at, step)| match &step.effect {
        Effect::Traffic { to } => Some((at, step, to)),
        _ => None,
    })
}

fn survivor(plan: &Plan) -> BTreeSet<RegionId> {
    [RegionId(1 - plan.lost.0 % 2)].into()
}

fn read_back(step: &Step, wanted: &BTreeSet<RegionId>, complaints: &mut Complaints) {
    complaints.error_unless(!wanted.is_empty(), Rule::I3, || {
        format!("{} points the users' names to nothing.", step.id)
    });
    let reads =
        (step.after.iter()).any(|condition| matches!(condition, Condition::NamesAt { to } if to == wanted));
    complaints.error_unless(reads, Rule::G8, || {
        format!("{} does not read back where the users' names point.", step.id)
    });
    complaints.error_unless(step.before.contains(&Condition::NamesOurs), Rule::I3, || {
        format!(
            "{} does not ask whether somebody has pointed the names elsewhere.",
            step.id
        )
    });
}

fn failover(plan: &Plan, complaints: &mut Complaints) {
    let survivor = survivor(plan);
    let place = |wanted: fn(&ZeebeEffect) -> bool| {
        (plan.steps.iter()).position(|step| step.effect.zeebe().is_some_and(wanted))
    };
    let force = place(|effect| matches!(effect, ZeebeEffect::ForceRemove { .. }));
    let last = (plan.steps.iter()).rposition(|step| step.effect.zeebe().is_some());
    let (mut beside, mut patient) = (0, 0);
    for (at, step, to) in rerouting(&plan.steps) {
        complaints.error_unless(*to == survivor, Rule::I3, || {
            format!(
                "{} points the users' names to {}; {} is the one that serves.",
                step.id,
                each_region(to),
                each_region(&survivor)
            )
        });
        match step.class {
            Class::Beside => {
                beside += 1;
                complaints.error_unless(force == Some(at + 1), Rule::I3, || {
                    format!("{} is sent beside a step, and that is not the force.", step.id)
                });
            }
            Class::Orderly => {
                patient += 1;
                complaints.error_unless(last.is_none_or(|last| last < at), Rule::I3, || {
                    format!(
                        "{} would hold up what comes after it; the traffic is waited for last.",
                        step.id
                    )
                });
            }
            Class::Safety | Class::Yielding => complaints.error(
                Rule::I3,
                format!(
                    "{} is passed over where it cannot be done: users would not be served.",
                    step.id
                ),
            ),
        }
    }
    complaints.error_unless(beside <= 1 && patient <= 1, Rule::G6, || {
        "The users' names would be pointed more than once.".to_owned()
    });
    complaints.error_unless(beside == 0 || patient == 1, Rule::G8, || {
        "The users' names are pointed beside the force, and nothing reads back what became of it.".to_owned()
    });
}

fn failback(plan: &Plan, complaints: &mut Complaints) {
    let add = (plan.steps.iter())
        .position(|step| matches!(step.effect.zeebe(), Some(ZeebeEffect::AddBrokers { .. })));
    let mut moves = false;
    for (at, step, to) in rerouting(&plan.steps) {
        complaints.error_unless(!moves, Rule::G6, || {
            format!("{} would point the users' names a second time.", step.id)
        });
        moves = true;
        complaints.error_unless(add.is_none_or(|add| add < at), Rule::I3, || {
            format!(
                "{} would send users to {} before its brokers are back.",
                step.id,
                each_region(to)
            )
        });
        yields(step, complaints);
        serves(plan, step, complaints);
    }
    let survivor = survivor(plan);
    let mut moves_back = false;
    let resume = (plan.retreat.iter())
        .position(|step| matches!(step.effect, Effect::Zeebe(ZeebeEffect::ResumeExporting)));
    for (at, step, to) in rerouting(&plan.retreat) {
        moves_back = true;
        complaints.error_unless(*to == survivor, Rule::I3, || {
            format!(
                "On the way back {} points the users' names to {}.",
                step.id,
                each_region(to)
            )
        });
        complaints.error_unless(resume.is_none_or(|resume| resume < at), Rule::G9, || {
            format!(
                "On the way back {} would come before exporting is resumed.",
                step.id
            )
        });
        yields(step, complaints);
    }
    complaints.error_unless(!moves || moves_back, Rule::G9, || {
        "The way back does not point the users' names to the surviving region.".to_owned()
    });
}

/// Users are served by the surviving region all the time: nothing that protects data waits for a name server.
fn yields(step: &Step, complaints: &mut Complaints) {
    complaints.error_unless(step.class == Class::Yielding, Rule::I3, || {
        format!(
            "{} would hold up the failback where the users' names cannot be changed.",
            step.id
        )
    });
}

/// Users are sent to both regions only when both hold everything.
fn serves(plan: &Plan, step: &Step, complaints: &mut Complaints) {
    let all: BTreeSet<BrokerId> = (0..plan.installation.cluster_size()).map(BrokerId).collect();
    let back = of_region(plan, plan.lost);
    let factor = plan.installation.replication_factor();
    let mut asks = |holds: &dyn Fn(&Condition) -> bool, what: &str| {
        complaints.error_unless(step.before.iter().any(holds), Rule::I3, || {
            format!(
                "{} does not ask whether {what} before users are sent there.",
                step.id
            )
        });
    };
    asks(
        &|asked| matches!(asked, Condition::Members { exactly, .. } if *exactly == all),
        "all brokers are members",
    );
    asks(
        &|asked| matches!(asked, Condition::Led { by } if *by == all),
        "every partition is led",
    );
    asks(
        &|asked| matches!(asked, Condition::Complete { replication_factor } if *replication_factor == factor),
        "every partition has all its replicas",
    );
    asks(
        &|asked| matches!(asked, Condition::Ready { brokers } if *brokers == back),
        "the returning brokers are ready",
    );
}
