//! Planted bugs: plans with the mistakes that others made, each caught by name and rule.

use std::collections::BTreeSet;

use c8dr_domain::check::{Complaint, Rule, Severity, check};
use c8dr_domain::condition::Condition;
use c8dr_domain::effect::ZeebeEffect;
use c8dr_domain::fence::Pale;
use c8dr_domain::history::History;
use c8dr_domain::ids::{ChangeId, ExporterId};
use c8dr_domain::plan::failover::{Request, plan};
use c8dr_domain::plan::{Accepted, Plan, Settled, StepId};
use c8dr_domain::topology::ExporterStatus;

use crate::world::{LONDON, LONG, PARIS, World, brokers, exporter, noon, watched};

fn lost() -> History {
    watched(&[(&World::of(8, 8).loses(PARIS), LONG)])
}

fn right() -> Plan {
    plan(
        &World::of(8, 8).installation,
        &lost(),
        &Request::new(PARIS),
        noon(),
    )
    .unwrap()
}

/// Plants a mistake, and expects the rule to catch it, in words that contain `says`.
#[track_caller]
fn caught<T>(plant: impl FnOnce(&mut Plan) -> T, rule: Rule, says: &str) {
    let mut plan = right();
    plant(&mut plan);
    let complaints = check(&plan, lost().latest());
    let fits = |complaint: &Complaint| {
        complaint.rule == rule && complaint.severity == Severity::Error && complaint.what.contains(says)
    };
    assert!(
        complaints.iter().any(fits),
        "{rule} with {says:?} is not in {complaints:#?}"
    );
}

fn keep_and_remove(plan: &mut Plan, kept: &[u32], removed: &[u32]) {
    plan.steps[0].effect = ZeebeEffect::ForceRemove {
        keep: brokers(kept),
        remove: brokers(removed),
    }
    .into();
}

fn without(conditions: &mut Vec<Condition>, gone: impl Fn(&Condition) -> bool) {
    let before = conditions.len();
    conditions.retain(|condition| !gone(condition));
    assert!(conditions.len() < before, "nothing was planted");
}

fn without_pale(plan: &mut Plan, pale: Pale) {
    for condition in &mut plan.steps[0].before {
        if let Condition::Fenced { pales, .. } = condition {
            assert!(pales.remove(&pale));
        }
    }
}

#[test]
fn the_right_plan_is_not_complained_of() {
    assert_eq!(check(&right(), lost().latest()), []);
    assert_eq!(check(&right(), None), []);
}

#[test]
fn the_wrong_region() {
    let swapped = |plan: &mut Plan| keep_and_remove(plan, &[1, 3, 5, 7], &[0, 2, 4, 6]);
    caught(swapped, Rule::G2, "the lost region is brokers 1, 3, 5 and 7");
    caught(swapped, Rule::G1, "of the lost region would be kept");
}

#[test]
fn the_default_region_0() {
    let defaulted = |plan: &mut Plan| {
        plan.lost = LONDON;
        keep_and_remove(plan, &[1, 3, 5, 7], &[0, 2, 4, 6]);
    };
    caught(defaulted, Rule::I2, "region paris that was found silent");
    caught(
        defaulted,
        Rule::G2,
        "Brokers 0, 2, 4 and 6 would be removed and answer",
    );
}

#[test]
fn a_subset_of_the_survivors() {
    caught(
        |plan| keep_and_remove(plan, &[0, 2, 4], &[1, 3, 5, 7]),
        Rule::I19,
        "surviving replica on broker 6",
    );
    caught(
        |plan| keep_and_remove(plan, &[0, 2, 4], &[1, 3, 5, 6, 7]),
        Rule::G2,
        "would be removed",
    );
}

#[test]
fn a_superset_of_the_survivors() {
    caught(
        |plan| keep_and_remove(plan, &[0, 2, 4, 6, 7], &[1, 3, 5]),
        Rule::G1,
        "Broker 7 of the lost region would be kept",
    );
}

#[test]
fn a_part_of_the_lost_region() {
    caught(
        |plan| keep_and_remove(plan, &[0, 2, 4, 6], &[1, 3, 5]),
        Rule::G2,
        "would be removed",
    );
}

#[test]
fn a_broker_that_nobody_has() {
    caught(
        |plan| keep_and_remove(plan, &[0, 2, 4, 6, 98], &[1, 3, 5, 7]),
        Rule::G2,
        "each of the 8 brokers once",
    );
    caught(
        |plan| keep_and_remove(plan, &[0, 2, 4, 6], &[1, 3, 5, 7, 99]),
        Rule::G2,
        "each of the 8 brokers once",
    );
}

#[test]
fn a_broker_both_kept_and_removed() {
    caught(
        |plan| keep_and_remove(plan, &[0, 2, 4, 6], &[0, 1, 3, 5, 7]),
        Rule::G2,
        "each of the 8 brokers once",
    );
}

#[test]
fn nobody_kept() {
    caught(
        |plan| keep_and_remove(plan, &[], &[0, 1, 2, 3, 4, 5, 6, 7]),
        Rule::G2,
        "Nobody would be kept",
    );
}

#[test]
fn no_replica_left_even_with_data_loss_accepted() {
    caught(
        |plan| {
            plan.accepted.push(Accepted::DataLoss {
                reason: "we know".to_owned(),
            });
            keep_and_remove(plan, &[0], &[1, 2, 3, 4, 5, 6, 7]);
        },
        Rule::I19,
        "Partition 2 would keep no replica at all",
    );
}

#[test]
fn a_region_that_is_not() {
    caught(|plan| plan.lost.0 = 2, Rule::I2, "There is no region 2");
}

#[test]
fn force_on_both_sides() {
    caught(
        |plan| {
            let mut other = plan.steps[0].clone();
            other.effect = ZeebeEffect::ForceRemove {
                keep: brokers(&[1, 3, 5, 7]),
                remove: brokers(&[0, 2, 4, 6]),
            }
            .into();
            plan.steps.push(other);
        },
        Rule::I5,
        "2 forces",
    );
}

#[test]
fn disable_before_force() {
    caught(|plan| plan.steps.swap(0, 1), Rule::I4, "never ends");
}

#[test]
fn disable_without_force() {
    caught(
        |plan| drop(plan.steps.remove(0)),
        Rule::I4,
        "nothing says that the lost brokers are removed",
    );
}

#[test]
fn force_claimed_to_be_settled() {
    caught(
        |plan| {
            let force = plan.steps.remove(0);
            plan.settled.push(Settled {
                id: StepId::Fo1,
                title: force.title,
                why: "It is.".to_owned(),
            });
        },
        Rule::I4,
        "FO1 is called settled, but brokers 1, 3, 5 and 7 are still members",
    );
}

#[test]
fn the_exporter_forgotten() {
    caught(|plan| drop(plan.steps.remove(1)), Rule::I6, "Nothing disables");
}

#[test]
fn the_exporter_claimed_to_be_off() {
    caught(
        |plan| {
            let disable = plan.steps.remove(1);
            plan.settled.push(Settled {
                id: StepId::Fo2,
                title: disable.title,
                why: "It is.".to_owned(),
            });
        },
        Rule::I6,
        "FO2 is called settled, but the exporter elasticsearchregion1 is ENABLED",
    );
}

#[test]
fn disable_of_the_survivors_exporter() {
    caught(
        |plan| {
            plan.steps[1].effect = ZeebeEffect::DisableExporter {
                exporter: exporter(LONDON),
            }
            .into();
        },
        Rule::G1,
        "the exporter of the surviving region, elasticsearchregion0",
    );
}

#[test]
fn disable_of_an_exporter_of_nobody() {
    caught(
        |plan| {
            plan.steps[1].effect = ZeebeEffect::DisableExporter {
                exporter: ExporterId::new("elasticsearch"),
            }
            .into();
        },
        Rule::I6,
        "belongs to neither region",
    );
}

#[test]
fn disable_without_a_look_at_the_other_exporter() {
    caught(
        |plan| {
            without(&mut plan.steps[1].before, |condition| {
                matches!(condition, Condition::Exporter { .. })
            });
        },
        Rule::I6,
        "with both off",
    );
}

#[test]
fn no_fence() {
    caught(
        |plan| {
            without(&mut plan.steps[0].before, |condition| {
                matches!(condition, Condition::Fenced { .. })
            });
        },
        Rule::G3,
        "FO1 is not fenced",
    );
    caught(
        |plan| {
            for condition in &mut plan.steps[0].before {
                if let Condition::Fenced { lost, .. } = condition {
                    *lost = LONDON;
                }
            }
        },
        Rule::G3,
        "FO1 is not fenced",
    );
}

#[test]
fn a_fence_with_a_gap() {
    for (pale, rule) in [
        (Pale::LostSilent, Rule::I1),
        (Pale::Leaderless, Rule::G3),
        (Pale::NoQuorumLost, Rule::G3),
        (Pale::SurvivorsUp, Rule::I20),
    ] {
        caught(
            |plan| without_pale(plan, pale),
            rule,
            &format!("leaves {pale:?} out"),
        );
    }
}

#[test]
fn no_look_at_the_survivors() {
    caught(
        |plan| {
            without(&mut plan.steps[0].before, |condition| {
                matches!(condition, Condition::Up { .. })
            });
        },
        Rule::I20,
        "whether every kept broker is up",
    );
}

#[test]
fn no_look_whether_it_is_done_already() {
    caught(
        |plan| {
            without(&mut plan.steps[0].before, |condition| {
                matches!(condition, Condition::StillMembers { .. })
            });
        },
        Rule::I5,
        "a repeated force drops every leader",
    );
}

#[test]
fn no_look_whether_a_change_is_pending() {
    for step in [0, 1] {
        caught(
            |plan| {
                without(&mut plan.steps[step].before, |condition| {
                    *condition == Condition::NothingPending
                });
            },
            Rule::I5,
            "does not ask whether a change is pending",
        );
    }
}

#[test]
fn no_wait_for_the_own_change() {
    for step in [0, 1] {
        caught(
            |plan| {
                without(&mut plan.steps[step].after, |condition| {
                    *condition == Condition::ChangeEnded
                });
            },
            Rule::I5,
            "does not wait for its own change to end",
        );
    }
}

#[test]
fn no_wait_for_leaders() {
    let led = |condition: &Condition| matches!(condition, Condition::Led { .. });
    caught(
        |plan| without(&mut plan.steps[0].after, led),
        Rule::I6,
        "COMPLETED comes seconds before that",
    );
    caught(
        |plan| without(&mut plan.proof, led),
        Rule::I6,
        "led by a survivor",
    );
    caught(
        |plan| {
            plan.proof[0] = Condition::Led {
                by: brokers(&[0, 1, 2, 3]),
            }
        },
        Rule::I6,
        "led by a survivor",
    );
}

#[test]
fn no_look_at_the_members() {
    caught(
        |plan| {
            without(&mut plan.steps[0].after, |condition| {
                matches!(condition, Condition::Members { .. })
            });
        },
        Rule::I2,
        "exactly the kept brokers are members",
    );
}

#[test]
fn no_proof_that_exporting_goes_on() {
    caught(
        |plan| {
            without(&mut plan.proof, |condition| {
                *condition == Condition::ExportingAgain
            });
        },
        Rule::I6,
        "exporting goes on",
    );
    caught(
        |plan| {
            without(&mut plan.proof, |condition| {
                matches!(
                    condition,
                    Condition::Exporter {
                        status: ExporterStatus::Disabled,
                        ..
                    }
                )
            });
        },
        Rule::I6,
        "whether the lost region's exporter is off",
    );
}

#[test]
fn no_proof_that_nothing_is_gone() {
    caught(
        |plan| {
            without(&mut plan.proof, |condition| {
                *condition == Condition::NothingCutOff
            });
        },
        Rule::G5,
        "acknowledged",
    );
}

#[test]
fn a_cancel_hidden_in_a_failover() {
    caught(
        |plan| plan.steps[1].effect = ZeebeEffect::CancelChange { change: ChangeId(3) }.into(),
        Rule::I16,
        "may not be part of a failover",
    );
}

#[test]
fn nobody_told_of_traffic_or_waiting() {
    caught(|plan| plan.notes.clear(), Rule::I3, "traffic");
    caught(|plan| plan.waiting.words.clear(), Rule::G4, "waiting");
}

#[test]
fn a_kept_broker_that_is_no_member() {
    let mut plan = right();
    let gone = watched(&[(&World::of(8, 8).loses(PARIS).without_members(&[6]), LONG)]);
    plan.diagnosis.code = c8dr_domain::diagnose::Code::RegionLost;
    let rules: BTreeSet<Rule> = check(&plan, gone.latest())
        .into_iter()
        .map(|complaint| complaint.rule)
        .collect();
    assert_eq!(rules, [Rule::G2].into());
}

#[test]
fn an_acceptance_excuses_what_it_names_and_nothing_else() {
    let unfenced = |plan: &mut Plan| {
        plan.accepted.push(Accepted::Unfenced {
            reason: "we know".to_owned(),
        });
    };
    let mut plan = right();
    unfenced(&mut plan);
    without_pale(&mut plan, Pale::LostSilent);
    without_pale(&mut plan, Pale::Leaderless);
    assert_eq!(check(&plan, lost().latest()), []);
    caught(
        |plan| {
            unfenced(plan);
            without_pale(plan, Pale::SurvivorsUp);
        },
        Rule::I20,
        "leaves SurvivorsUp out",
    );
}
