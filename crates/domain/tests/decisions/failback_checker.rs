//! Planted bugs in failbacks: plans with mistakes that would lose records, restart survivors, delete in the wrong region or
//! leave exporting paused, each caught by name and rule.

mod back;
mod exporting;
mod searches;
mod seen;

use c8dr_domain::check::{Complaint, Rule, Severity, check};

use c8dr_domain::condition::Condition;

use c8dr_domain::effect::{Effect, PlatformEffect, SearchTask, ZeebeEffect};

use c8dr_domain::fence::Pale;

use c8dr_domain::ids::ChangeId;

use c8dr_domain::plan::StepId::{
    Fb1, Fb2a, Fb2b, Fb3a, Fb3b, Fb3c, Fb3d, Fb3e, Fb4a, Fb4b, Fb5, Fb6, Fb7, Rt1, Rt2, Rt3, Rt4, Rt5,
};

use c8dr_domain::plan::failback::{Request, plan};

use c8dr_domain::plan::failover;

use c8dr_domain::plan::{Class, Plan, Settled, Step, StepId};

use c8dr_domain::topology::ExporterStatus;

use crate::world::{LONDON, LONG, PARIS, World, brokers, exporter, noon, repository, watched};

fn single() -> World {
    World::failed_over(8, 8, PARIS)
}

fn of(world: &World) -> Plan {
    let history = watched(&[(world, LONG)]);
    plan(
        &world.installation,
        &history,
        &Request::new(PARIS, repository()),
        noon(),
    )
    .unwrap()
}

/// Plants a mistake, and expects the rule to catch it, in words that contain `says`; with and without a reading.
#[track_caller]
fn caught<T>(plant: impl FnOnce(&mut Plan) -> T, rule: Rule, says: &str) {
    let mut plan = of(&single());
    plant(&mut plan);
    complained(&check(&plan, Some(&single().look(0))), rule, says);
    complained(&check(&plan, None), rule, says);
}

#[track_caller]
fn complained(complaints: &[Complaint], rule: Rule, says: &str) {
    let fits = |complaint: &Complaint| {
        complaint.rule == rule && complaint.severity == Severity::Error && complaint.what.contains(says)
    };
    assert!(
        complaints.iter().any(fits),
        "{rule} with {says:?} is not in {complaints:#?}"
    );
}

fn at(plan: &mut Plan, id: StepId) -> &mut Step {
    plan.steps
        .iter_mut()
        .chain(&mut plan.retreat)
        .find(|step| step.id == id)
        .unwrap()
}

fn remove(plan: &mut Plan, id: StepId) -> Step {
    let steps = match plan.steps.iter().any(|step| step.id == id) {
        true => &mut plan.steps,
        false => &mut plan.retreat,
    };
    let place = steps.iter().position(|step| step.id == id).unwrap();
    steps.remove(place)
}

/// Takes a step out and puts it right before another one.
fn before(plan: &mut Plan, id: StepId, other: StepId) {
    let in_steps = plan.steps.iter().any(|step| step.id == id);
    let step = remove(plan, id);
    let steps = if in_steps {
        &mut plan.steps
    } else {
        &mut plan.retreat
    };
    let place = steps.iter().position(|step| step.id == other).unwrap();
    steps.insert(place, step);
}

fn unasked(conditions: &mut Vec<Condition>, gone: impl Fn(&Condition) -> bool) {
    let asked = conditions.len();
    conditions.retain(|condition| !gone(condition));
    assert!(conditions.len() < asked, "nothing was planted");
}

#[test]
fn the_right_plan_is_not_complained_of() {
    assert_eq!(check(&of(&single()), Some(&single().look(0))), []);
    assert_eq!(check(&of(&single()), None), []);
}

#[test]
fn the_wrong_region_returns() {
    let mut plan = of(&single());
    plan.lost = LONDON;
    complained(
        &check(&plan, Some(&single().look(0))),
        Rule::I2,
        "Brokers 1, 3, 5 and 7 of the region that is called surviving are no members",
    );
    caught(
        |plan| plan.lost = LONDON,
        Rule::I16,
        "restart the surviving brokers",
    );
    caught(|plan| plan.lost.0 = 2, Rule::I2, "There is no region 2");
}

#[test]
fn an_install_over_the_survivors() {
    caught(
        |plan| {
            at(plan, Fb1).effect = Effect::Platform {
                region: LONDON,
                effect: PlatformEffect::Install,
            };
        },
        Rule::I16,
        "restart the surviving brokers",
    );
}

#[test]
fn old_disks_unasked_for() {
    caught(
        |plan| {
            unasked(&mut at(plan, Fb1).before, |asked| {
                matches!(asked, Condition::NothingLeft { .. })
            });
        },
        Rule::I7,
        "FB1 does not ask whether anything of the returning region is left",
    );
    caught(
        |plan| {
            at(plan, Fb1)
                .before
                .retain(|asked| !matches!(asked, Condition::NothingLeft { .. }));
            at(plan, Fb1)
                .before
                .push(Condition::NothingLeft { region: LONDON });
        },
        Rule::I7,
        "anything of the returning region is left",
    );
    for id in [Fb2b, Fb7] {
        caught(
            |plan| {
                unasked(&mut at(plan, id).before, |asked| {
                    matches!(asked, Condition::Joined { .. })
                });
            },
            Rule::G12,
            "whether the returning brokers are there",
        );
    }
    caught(
        |plan| {
            unasked(&mut at(plan, Fb1).after, |asked| {
                matches!(asked, Condition::Joined { .. })
            });
        },
        Rule::G8,
        "FB1 does not read back",
    );
}

#[test]
fn webapps_that_may_write() {
    for id in [Fb2b, Fb3b, Fb3e] {
        for (region, rule) in [(LONDON, Rule::I9), (PARIS, Rule::I8)] {
            caught(
                |plan| {
                    unasked(&mut at(plan, id).before, |asked| {
                        *asked == Condition::NoWebapps { region }
                    });
                },
                rule,
                &format!("{id} does not ask whether webapps are down in region {region}"),
            );
        }
    }
    let none_after = |id: StepId, region| {
        move |plan: &mut Plan| {
            unasked(&mut at(plan, id).after, |asked| {
                *asked == Condition::NoWebapps { region } || *asked == Condition::StillNoWebapps { region }
            });
        }
    };
    caught(
        none_after(Fb1, PARIS),
        Rule::I8,
        "FB1 does not read back whether webapps are down",
    );
    caught(none_after(Fb2a, LONDON), Rule::I9, "FB2a does not read back");
    caught(
        none_after(Fb3b, LONDON),
        Rule::I9,
        "FB3b does not read back whether webapps stayed down",
    );
}

#[test]
fn webapps_up_too_early_or_never_down_or_never_up() {
    caught(
        |plan| before(plan, Fb4a, Fb3e),
        Rule::I9,
        "FB4a would come before FB3e",
    );
    caught(
        |plan| before(plan, Fb4b, Fb3d),
        Rule::I8,
        "FB4b would come before FB3e",
    );
    caught(
        |plan| before(plan, Fb2b, Fb2a),
        Rule::I9,
        "webapps would write after the pause",
    );
    caught(
        |plan| drop(remove(plan, Fb2a)),
        Rule::I9,
        "nothing takes the surviving region's webapps down",
    );
    for (id, region) in [(Fb4a, LONDON), (Fb4b, PARIS)] {
        caught(
            |plan| drop(remove(plan, id)),
            Rule::I9,
            &format!("Nothing brings the webapps of region {region} up again"),
        );
    }
    caught(
        |plan| {
            at(plan, Fb2a).effect = Effect::Platform {
                region: PARIS,
                effect: PlatformEffect::WebappsDown,
            };
        },
        Rule::I9,
        "those of the surviving region go on writing",
    );
    caught(
        |plan| at(plan, Fb4b).after.clear(),
        Rule::G8,
        "FB4b does not read back whether the webapps are up",
    );
}

#[test]
fn a_pause_that_is_not_drained() {
    caught(
        |plan| {
            unasked(&mut at(plan, Fb2b).after, |asked| {
                matches!(asked, Condition::Drained { .. })
            });
        },
        Rule::I10,
        "the pause's answer is not that moment",
    );
    caught(
        |plan| {
            at(plan, Fb2b)
                .after
                .retain(|asked| !matches!(asked, Condition::Drained { .. }));
            at(plan, Fb2b).after.push(Condition::Drained {
                exporter: exporter(PARIS),
            });
        },
        Rule::I10,
        "the pause's answer is not that moment",
    );
    caught(
        |plan| {
            for asked in &mut at(plan, Fb2b).after {
                if let Condition::ExportingPaused { brokers: all } = asked {
                    *all = brokers(&[0, 2]);
                }
            }
        },
        Rule::I10,
        "paused, hard, on every survivor",
    );
}

#[test]
fn a_pause_of_what_is_not_complete() {
    caught(
        |plan| {
            unasked(&mut at(plan, Fb2b).before, |asked| {
                matches!(asked, Condition::Complete { .. })
            });
        },
        Rule::I10,
        "a pause of an incomplete one fails as a whole",
    );
}

#[test]
fn a_snapshot_that_does_not_rest_on_the_pause() {
    caught(
        |plan| before(plan, Fb3b, Fb2b),
        Rule::I10,
        "FB3b would come before FB2b",
    );
    caught(
        |plan| drop(remove(plan, Fb2b)),
        Rule::I10,
        "nothing pauses exporting before it",
    );
    let is_unmoved = |asked: &Condition| matches!(asked, Condition::Unmoved { .. });
    for id in [Fb3b, Fb3d, Fb3e, Fb5] {
        caught(
            |plan| unasked(&mut at(plan, id).before, is_unmoved),
            Rule::I10,
            &format!("{id} does not ask whether the surviving exporter still stands at V"),
        );
    }
    caught(
        |plan| unasked(&mut at(plan, Fb3b).after, is_unmoved),
        Rule::I10,
        "FB3b does not read back whether the surviving exporter still stands at V",
    );
    caught(
        |plan| {
            for asked in &mut at(plan, Fb5).before {
                if let Condition::Unmoved { exporter: of } = asked {
                    *of = exporter(PARIS);
                }
            }
        },
        Rule::I10,
        "FB5 does not ask",
    );
}

#[test]
fn an_add_while_paused() {
    caught(
        |plan| before(plan, Fb7, Fb6),
        Rule::I14,
        "FB7 would come before FB6",
    );
    caught(
        |plan| {
            unasked(&mut at(plan, Fb7).before, |asked| {
                matches!(asked, Condition::ExportingOn { .. })
            });
        },
        Rule::I14,
        "FB7 does not ask whether exporting goes on",
    );
}

#[test]
fn an_add_by_force() {
    caught(
        |plan| {
            at(plan, Fb7).effect = ZeebeEffect::ForceRemove {
                keep: brokers(&[0, 1, 2, 3, 4, 5, 6, 7]),
                remove: brokers(&[]),
            }
            .into();
        },
        Rule::I16,
        "no broker is removed on the way forward",
    );
}

#[test]
fn an_add_of_others_or_of_too_few() {
    let add = |ids: &'static [u32], replication_factor| {
        move |plan: &mut Plan| {
            at(plan, Fb7).effect = ZeebeEffect::AddBrokers {
                all: brokers(ids),
                replication_factor,
            }
            .into();
        }
    };
    caught(
        add(&[1, 3, 5, 7], 4),
        Rule::I19,
        "makes 4 of 8 brokers the members",
    );
    caught(add(&[0, 1, 2, 3, 4, 5, 6], 4), Rule::I19, "makes 7 of 8");
    caught(add(&[0, 1, 2, 3, 4, 5, 6, 7, 8], 4), Rule::I19, "or others");
    caught(
        add(&[0, 1, 2, 3, 4, 5, 6, 7], 2),
        Rule::I19,
        "2 replicas instead of 4",
    );
    caught(
        |plan| drop(remove(plan, Fb7)),
        Rule::I19,
        "neither added nor members",
    );
}

#[test]
fn an_add_that_is_believed() {
    for (gone, says) in [
        (
            (|asked| matches!(asked, Condition::Members { .. })) as fn(&Condition) -> bool,
            "whether all brokers are members",
        ),
        (
            |asked| matches!(asked, Condition::Complete { .. }),
            "whether every partition has all its replicas",
        ),
        (
            |asked| matches!(asked, Condition::Ready { .. }),
            "whether the returning brokers are ready",
        ),
        (
            |asked| matches!(asked, Condition::Led { .. }),
            "whether every partition is led",
        ),
    ] {
        caught(
            |plan| unasked(&mut at(plan, Fb7).after, gone),
            Rule::G8,
            &format!("FB7 does not read back {says}"),
        );
    }
}

#[test]
fn changes_that_are_not_awaited() {
    for id in [Fb5, Fb7, Rt2, Rt3] {
        caught(
            |plan| {
                unasked(&mut at(plan, id).after, |asked| *asked == Condition::ChangeEnded);
            },
            Rule::I5,
            &format!("{id} does not"),
        );
        caught(
            |plan| {
                unasked(&mut at(plan, id).before, |asked| {
                    *asked == Condition::NothingPending
                });
            },
            Rule::I5,
            &format!("{id} does not ask whether a change is pending"),
        );
    }
}

#[test]
fn a_cancel_or_a_second_pause_on_the_way_forward() {
    caught(
        |plan| at(plan, Fb7).effect = Effect::CancelOwn,
        Rule::I16,
        "what is pending is awaited",
    );
    caught(
        |plan| at(plan, Fb7).effect = ZeebeEffect::CancelChange { change: ChangeId(8) }.into(),
        Rule::I5,
        "what is pending is awaited",
    );
    caught(
        |plan| {
            let mut again = at(plan, Fb2b).clone();
            again.id = StepId::Fo1;
            plan.steps.insert(4, again);
        },
        Rule::G6,
        "FO1 would pause exporting a second time",
    );
    caught(
        |plan| at(plan, Rt5).id = Fb4a,
        Rule::G6,
        "FB4a is in the plan 2 times",
    );
    caught(
        |plan| before(plan, Fb2b, Fb1),
        Rule::G6,
        "while a region is built",
    );
}

#[test]
fn a_proof_that_does_not_ask() {
    let gone = |gone: fn(&Condition) -> bool, rule, says: &str| {
        caught(|plan| unasked(&mut plan.proof, gone), rule, says);
    };
    gone(
        |asked| *asked == Condition::SameRecords,
        Rule::G5,
        "both searches hold the same records",
    );
    gone(
        |asked| matches!(asked, Condition::Members { .. }),
        Rule::G8,
        "all brokers are members",
    );
    gone(
        |asked| matches!(asked, Condition::Led { .. }),
        Rule::G8,
        "every partition is led",
    );
    gone(
        |asked| matches!(asked, Condition::Complete { .. }),
        Rule::G8,
        "all its replicas",
    );
    gone(
        |asked| matches!(asked, Condition::ExportingOn { .. }),
        Rule::I17,
        "exporting goes on everywhere",
    );
    gone(
        |asked| *asked == Condition::NothingPending,
        Rule::I5,
        "a change is pending",
    );
    for region in [LONDON, PARIS] {
        caught(
            |plan| {
                unasked(
                    &mut plan.proof,
                    |asked| matches!(asked, Condition::Exporter { exporter: of, .. } if *of == exporter(region)),
                );
            },
            Rule::G8,
            &format!("the exporter of region {region} is on"),
        );
    }
}

#[test]
fn nobody_told() {
    caught(|plan| plan.notes.clear(), Rule::I16, "unprotected");
    caught(|plan| plan.waiting.words.clear(), Rule::G4, "waiting");
}
