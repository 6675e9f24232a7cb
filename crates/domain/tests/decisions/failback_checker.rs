//! Planted bugs in failbacks: plans with mistakes that would lose records, restart survivors, delete in the wrong region or
//! leave exporting paused, each caught by name and rule.

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

fn settle(plan: &mut Plan, id: StepId) {
    let step = remove(plan, id);
    plan.settled.push(Settled {
        id,
        title: step.title,
        why: "It is.".to_owned(),
    });
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
                *asked == Condition::NoWebapps { region }
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
fn a_snapshot_of_the_wrong_search() {
    caught(
        |plan| {
            at(plan, Fb3b).effect = Effect::Search {
                region: PARIS,
                task: SearchTask::Snapshot {
                    repository: repository().name,
                },
            };
        },
        Rule::I10,
        "only the surviving search has the data",
    );
}

#[test]
fn a_snapshot_that_may_be_partial() {
    caught(
        |plan| {
            unasked(&mut at(plan, Fb3b).after, |asked| {
                matches!(asked, Condition::SnapshotWhole { .. })
            });
        },
        Rule::I10,
        "PARTIAL is answered 200 as well",
    );
}

#[test]
fn a_repository_registered_too_early_or_not_anew() {
    caught(
        |plan| before(plan, Fb3c, Fb3b),
        Rule::I11,
        "the snapshot would not be seen from there",
    );
    caught(
        |plan| before(plan, Fb3e, Fb3c),
        Rule::I11,
        "FB3e would come before FB3c",
    );
    caught(
        |plan| {
            if let Effect::Search {
                task: SearchTask::Register { anew, .. },
                ..
            } = &mut at(plan, Fb3c).effect
            {
                *anew = false;
            }
        },
        Rule::I11,
        "keeps an older registration",
    );
    caught(
        |plan| {
            unasked(&mut at(plan, Fb3c).after, |asked| {
                matches!(asked, Condition::SnapshotWhole { region: PARIS, .. })
            });
        },
        Rule::I11,
        "FB3c does not read back whether the snapshot is seen",
    );
    caught(
        |plan| drop(remove(plan, Fb3c)),
        Rule::I11,
        "nothing registers the repository in the returning search",
    );
    caught(
        |plan| drop(remove(plan, Fb3a)),
        Rule::G6,
        "nothing registers the repository for it",
    );
}

#[test]
fn two_repositories() {
    caught(
        |plan| {
            at(plan, Fb3e).effect = Effect::Search {
                region: PARIS,
                task: SearchTask::Restore {
                    repository: "another".to_owned(),
                },
            };
        },
        Rule::I11,
        "FB3e is about another repository",
    );
    caught(
        |plan| {
            if let Effect::Search {
                task: SearchTask::Register { settings, .. },
                ..
            } = &mut at(plan, Fb3c).effect
            {
                settings["settings"]["bucket"] = "another".into();
            }
        },
        Rule::I11,
        "FB3c is about another repository",
    );
    caught(
        |plan| {
            for asked in &mut at(plan, Fb3c).after {
                if let Condition::SnapshotWhole { repository, .. } = asked {
                    "another".clone_into(repository);
                }
            }
        },
        Rule::I11,
        "FB3c asks about another repository",
    );
}

#[test]
fn destruction_in_the_surviving_search() {
    let there = |task: SearchTask| Effect::Search { region: LONDON, task };
    caught(
        |plan| at(plan, Fb3d).effect = there(SearchTask::ClearTheWay),
        Rule::G10,
        "nothing is deleted in the surviving search",
    );
    caught(
        |plan| {
            at(plan, Fb3e).effect = there(SearchTask::Restore {
                repository: repository().name,
            });
        },
        Rule::G10,
        "nothing is restored over the surviving search",
    );
}

#[test]
fn destruction_without_identity() {
    for id in [Fb3d, Fb3e, Fb5] {
        caught(
            |plan| {
                unasked(&mut at(plan, id).before, |asked| {
                    *asked == Condition::SearchWell { region: PARIS }
                });
            },
            Rule::G10,
            &format!("{id} does not ask whether the search of region 1 is the one it was"),
        );
    }
    caught(
        |plan| {
            unasked(&mut at(plan, Fb2b).after, |asked| {
                *asked == Condition::SearchWell { region: PARIS }
            });
        },
        Rule::G10,
        "which cluster the search of region 1 is",
    );
    caught(
        |plan| {
            unasked(&mut at(plan, Fb3e).before, |asked| {
                *asked == Condition::WayClear { region: PARIS }
            });
        },
        Rule::G10,
        "anything stands in the way",
    );
    caught(
        |plan| before(plan, Fb3e, Fb3d),
        Rule::G10,
        "restored ones would be deleted",
    );
}

#[test]
fn a_restore_that_is_not_proven() {
    caught(
        |plan| {
            unasked(&mut at(plan, Fb3e).after, |asked| {
                matches!(asked, Condition::Restored { .. })
            });
        },
        Rule::I12,
        "`_status` tells of the snapshot instead",
    );
    caught(
        |plan| before(plan, Fb5, Fb3e),
        Rule::I12,
        "FB5 would come before FB3e",
    );
    caught(
        |plan| drop(remove(plan, Fb3e)),
        Rule::I12,
        "nothing is restored before it",
    );
    caught(
        |plan| drop(remove(plan, Fb3b)),
        Rule::I10,
        "this plan takes no snapshot of",
    );
}

#[test]
fn an_enable_without_a_pause() {
    caught(
        |plan| {
            for id in [Fb2b, Fb6] {
                remove(plan, id);
            }
        },
        Rule::I13,
        "The exporter is enabled, and nothing pauses exporting before it",
    );
    caught(
        |plan| before(plan, Fb5, Fb2b),
        Rule::I13,
        "FB5 would come before FB2b",
    );
}

#[test]
fn an_enable_of_the_wrong_exporter_or_position() {
    let enable = |one, other| {
        move |plan: &mut Plan| {
            at(plan, Fb5).effect = ZeebeEffect::EnableExporter {
                exporter: exporter(one),
                initialize_from: exporter(other),
            }
            .into();
        }
    };
    caught(
        enable(LONDON, LONDON),
        Rule::I13,
        "not the returning region's exporter",
    );
    caught(
        enable(PARIS, PARIS),
        Rule::I13,
        "begins at the position of elasticsearchregion1",
    );
}

#[test]
fn a_resume_before_the_enable() {
    caught(
        |plan| before(plan, Fb6, Fb5),
        Rule::I13,
        "FB6 would come before FB5",
    );
    caught(
        |plan| before(plan, Fb6, Fb3b),
        Rule::I18,
        "resumed between the pause and the enable",
    );
    caught(
        |plan| {
            unasked(
                &mut at(plan, Fb6).before,
                |asked| matches!(asked, Condition::Exporter { exporter: of, .. } if *of == exporter(PARIS)),
            );
        },
        Rule::I13,
        "FB6 does not ask whether the exporter of region 1 is on",
    );
    caught(
        |plan| {
            unasked(&mut at(plan, Fb6).before, |asked| {
                *asked == Condition::NothingPending
            });
        },
        Rule::I13,
        "the enable may not have ended",
    );
    caught(
        |plan| {
            unasked(
                &mut at(plan, Fb5).after,
                |asked| matches!(asked, Condition::Exporter { exporter: of, .. } if *of == exporter(PARIS)),
            );
        },
        Rule::I13,
        "FB5 does not read back whether the returning exporter is on everywhere",
    );
}

#[test]
fn an_enable_after_the_resume() {
    caught(
        |plan| {
            let again = at(plan, Fb5).clone();
            plan.steps.push(again);
        },
        Rule::I18,
        "FB5 would enable the exporter elasticsearchregion1 at the position of elasticsearchregion0 a second time",
    );
    caught(
        |plan| {
            at(plan, Fb6).effect = ZeebeEffect::DisableExporter {
                exporter: exporter(PARIS),
            }
            .into();
        },
        Rule::I18,
        "on the way back only",
    );
    for id in [Fb2b, Fb5] {
        caught(
            |plan| {
                unasked(&mut at(plan, id).before, |asked| {
                    matches!(
                        asked,
                        Condition::Exporter {
                            status: ExporterStatus::Disabled,
                            ..
                        }
                    )
                });
            },
            Rule::I18,
            &format!("{id} does not ask whether the returning exporter is off"),
        );
    }
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
fn no_room_while_paused() {
    let room = |asked: &Condition| matches!(asked, Condition::RoomLeft { .. });
    for id in [Fb2b, Fb3a, Fb3b, Fb3c, Fb3d, Fb3e, Fb4a, Fb4b, Fb5] {
        caught(
            |plan| unasked(&mut at(plan, id).before, room),
            Rule::I17,
            &format!("{id} does not ask whether the survivors' disks have room"),
        );
    }
    for id in [Fb3b, Fb3e, Fb4a, Fb4b] {
        caught(
            |plan| unasked(&mut at(plan, id).after, room),
            Rule::I17,
            &format!("{id} may wait for"),
        );
    }
    caught(
        |plan| {
            for asked in &mut at(plan, Fb3e).before {
                if let Condition::RoomLeft { brokers: of, .. } = asked {
                    *of = brokers(&[1, 3, 5, 7]);
                }
            }
        },
        Rule::I17,
        "FB3e does not ask whether the survivors' disks have room",
    );
    caught(
        |plan| {
            for asked in &mut at(plan, Fb3e).before {
                if let Condition::RoomLeft { floor_s, .. } = asked {
                    *floor_s = 0;
                }
            }
        },
        Rule::I17,
        "FB3e does not ask",
    );
}

#[test]
fn a_pause_that_nobody_resumes() {
    caught(
        |plan| drop(remove(plan, Fb6)),
        Rule::I17,
        "and nothing resumes it",
    );
    caught(
        |plan| at(plan, Fb6).after.clear(),
        Rule::I17,
        "FB6 does not read back whether exporting goes on",
    );
    caught(
        |plan| {
            at(plan, Fb6).effect = ZeebeEffect::ResumeExportingOn {
                broker: brokers(&[0]).into_iter().next().unwrap(),
            }
            .into();
        },
        Rule::I17,
        "the others would stay paused",
    );
    caught(
        |plan| drop(remove(plan, Rt4)),
        Rule::G9,
        "does not resume exporting",
    );
    caught(|plan| plan.retreat.clear(), Rule::G9, "does not resume exporting");
    caught(
        |plan| at(plan, Rt4).after.clear(),
        Rule::G9,
        "RT4 does not read back",
    );
    for id in [Fb6, Rt4] {
        caught(
            |plan| at(plan, id).class = Class::Orderly,
            Rule::G9,
            &format!("{id} resumes exporting, and is not called a matter of safety"),
        );
    }
    caught(
        |plan| at(plan, Rt4).before.push(Condition::NothingPending),
        Rule::G9,
        "if that never holds, exporting stays paused",
    );
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
fn a_way_back_that_removes_the_wrong_ones() {
    let force = |keep: &'static [u32], gone: &'static [u32]| {
        move |plan: &mut Plan| {
            at(plan, Rt2).effect = ZeebeEffect::ForceRemove {
                keep: brokers(keep),
                remove: brokers(gone),
            }
            .into();
        }
    };
    let swapped = || force(&[1, 3, 5, 7], &[0, 2, 4, 6]);
    caught(swapped(), Rule::G2, "RT2 would remove brokers 0, 2, 4 and 6");
    caught(swapped(), Rule::I19, "RT2 would keep brokers 1, 3, 5 and 7");
    caught(
        force(&[0, 2, 4], &[1, 3, 5, 7]),
        Rule::I19,
        "RT2 would keep brokers 0, 2 and 4",
    );
    caught(
        force(&[0, 2, 4, 6], &[1, 3]),
        Rule::G2,
        "RT2 would remove brokers 1 and 3",
    );
}

#[test]
fn a_way_back_without_a_fence() {
    for (pale, rule, says) in [
        (
            Pale::LostSilent,
            Rule::G3,
            "whether the returning region is silent",
        ),
        (Pale::SurvivorsUp, Rule::I20, "leaves SurvivorsUp out"),
    ] {
        caught(
            |plan| {
                for asked in &mut at(plan, Rt2).before {
                    if let Condition::Fenced { pales, .. } = asked {
                        assert!(pales.remove(&pale));
                    }
                }
            },
            rule,
            says,
        );
    }
    caught(
        |plan| {
            for asked in &mut at(plan, Rt2).before {
                if let Condition::Fenced { lost, .. } = asked {
                    *lost = LONDON;
                }
            }
        },
        Rule::G3,
        "whether the returning region is silent",
    );
    caught(
        |plan| {
            unasked(&mut at(plan, Rt2).before, |asked| {
                matches!(asked, Condition::Up { .. })
            })
        },
        Rule::I20,
        "whether every kept broker is up",
    );
    caught(
        |plan| {
            unasked(&mut at(plan, Rt2).before, |asked| {
                matches!(asked, Condition::StillMembers { .. })
            });
        },
        Rule::I5,
        "a repeated force drops every leader",
    );
    caught(
        |plan| {
            unasked(&mut at(plan, Rt2).after, |asked| {
                matches!(asked, Condition::Members { .. })
            })
        },
        Rule::I2,
        "exactly the survivors are members",
    );
    caught(
        |plan| {
            unasked(&mut at(plan, Rt2).after, |asked| {
                matches!(asked, Condition::Led { .. })
            })
        },
        Rule::I6,
        "led by a survivor",
    );
}

#[test]
fn a_way_back_that_silences_the_survivors() {
    caught(
        |plan| {
            at(plan, Rt3).effect = ZeebeEffect::DisableExporter {
                exporter: exporter(LONDON),
            }
            .into();
        },
        Rule::G1,
        "RT3 disables elasticsearchregion0",
    );
    caught(
        |plan| {
            unasked(&mut at(plan, Rt3).before, |asked| {
                matches!(asked, Condition::Exporter { .. })
            });
        },
        Rule::I6,
        "with both off",
    );
    caught(
        |plan| {
            unasked(&mut at(plan, Rt3).after, |asked| {
                matches!(
                    asked,
                    Condition::Exporter {
                        status: ExporterStatus::Disabled,
                        ..
                    }
                )
            });
        },
        Rule::G8,
        "whether the exporter is off",
    );
}

#[test]
fn a_way_back_that_does_something_else() {
    caught(
        |plan| at(plan, Rt1).effect = ZeebeEffect::CancelChange { change: ChangeId(8) }.into(),
        Rule::I5,
        "only a change of this run may be cancelled",
    );
    caught(
        |plan| at(plan, Rt5).effect = ZeebeEffect::PauseExporting.into(),
        Rule::G9,
        "the way back pauses nothing",
    );
    caught(
        |plan| {
            at(plan, Rt5).effect = Effect::Platform {
                region: PARIS,
                effect: PlatformEffect::WebappsUp,
            };
        },
        Rule::I8,
        "webapps of the returning region",
    );
    caught(
        |plan| {
            at(plan, Rt1).effect = Effect::Search {
                region: PARIS,
                task: SearchTask::ClearTheWay,
            };
        },
        Rule::G10,
        "leaves the searches alone",
    );
    for (id, says) in [
        (Rt1, "does not cancel the run's own change"),
        (Rt2, "does not remove the returning brokers"),
        (Rt3, "does not disable the returning exporter"),
        (Rt5, "does not bring the webapps up"),
    ] {
        caught(|plan| drop(remove(plan, id)), Rule::G9, says);
    }
    caught(
        |plan| before(plan, Rt3, Rt2),
        Rule::I4,
        "RT3 would come before RT2",
    );
    caught(
        |plan| before(plan, Rt2, Rt1),
        Rule::I5,
        "RT2 would come before RT1",
    );
    caught(
        |plan| before(plan, Rt4, Rt3),
        Rule::I13,
        "RT4 would come before RT3",
    );
}

#[test]
fn nobody_told() {
    caught(|plan| plan.notes.clear(), Rule::I16, "unprotected");
    caught(|plan| plan.waiting.words.clear(), Rule::G4, "waiting");
}

/// What is called settled, against what is seen.
#[test]
fn settled_without_being_so() {
    #[track_caller]
    fn check_claim(world: &World, claimed: &[StepId], rule: Rule, says: &str) {
        let mut plan = of(&single());
        for id in claimed {
            settle(&mut plan, *id);
        }
        complained(&check(&plan, Some(&world.look(0))), rule, says);
    }
    let rebuilt = || single().rebuilt(PARIS);
    let upto_fb5 = [Fb1, Fb2a, Fb2b, Fb3a, Fb3b, Fb3c, Fb3d, Fb3e, Fb5];
    check_claim(&single(), &[Fb1], Rule::I7, "no surviving gateway lists");
    check_claim(
        &single()
            .ghost(1, &[1])
            .ghost(3, &[2])
            .ghost(5, &[3])
            .ghost(7, &[4]),
        &[Fb1],
        Rule::I7,
        "as empty",
    );
    check_claim(
        &rebuilt().webapps(PARIS, &[crate::world::Webapp::Starting]),
        &[Fb1],
        Rule::I8,
        "webapps run in the returning region",
    );
    check_claim(
        &rebuilt(),
        &upto_fb5,
        Rule::I13,
        "FB5 is called settled, but the returning exporter is DISABLED",
    );
    let and_fb6 = [upto_fb5.as_slice(), &[Fb6]].concat();
    check_claim(
        &rebuilt().enabled(PARIS, 6).paused(),
        &and_fb6,
        Rule::I17,
        "FB6 is called settled, but exporting is paused",
    );
    let and_fb7 = [and_fb6.as_slice(), &[Fb7]].concat();
    check_claim(
        &rebuilt().enabled(PARIS, 6),
        &and_fb7,
        Rule::I19,
        "brokers 1, 3, 5 and 7 are no members",
    );
    check_claim(
        &rebuilt().enabled(PARIS, 6).joined(PARIS, &[1, 2]),
        &and_fb7,
        Rule::I19,
        "partition 3 lacks replicas",
    );
    check_claim(
        &rebuilt().voice(3, crate::world::Voice::OldDisk),
        &[Fb1],
        Rule::G12,
        "Broker 3 came back with its old disk",
    );
}

#[test]
fn owed_against_what_is_seen() {
    let rebuilt = || single().rebuilt(PARIS);
    let told = |world: &World| check(&of(&rebuilt()), Some(&world.look(0)));
    assert_eq!(told(&rebuilt()), []);
    complained(
        &told(&rebuilt().enabled(PARIS, 6)),
        Rule::I18,
        "is ENABLED already",
    );
    complained(
        &told(&rebuilt().paused()),
        Rule::I17,
        "nobody took that pause over",
    );
    complained(
        &told(&rebuilt().pending(9, crate::world::removal(&rebuilt(), PARIS))),
        Rule::I5,
        "Change 9 is pending",
    );
    complained(
        &told(&rebuilt().exporter_is(LONDON, ExporterStatus::Disabled)),
        Rule::I13,
        "no position to begin at",
    );
    let mut without = Request::new(PARIS, repository());
    without.webapps = false;
    let quiet = rebuilt().webapps(LONDON, &[]);
    let plan = plan(&quiet.installation, &watched(&[(&quiet, LONG)]), &without, noon()).unwrap();
    complained(
        &check(&plan, Some(&rebuilt().look(0))),
        Rule::I9,
        "Webapps run in region 0, and the plan knows of none",
    );
}

/// A failover after an add that broke off: partitions that were not joined are led all the time, and that is no gap.
#[test]
fn a_failover_of_a_broken_failback_needs_no_leaderless_fence() {
    let whole = World::of(8, 8).loses(PARIS);
    let mut forced = failover::plan(
        &whole.installation,
        &watched(&[(&whole, LONG)]),
        &failover::Request::new(PARIS),
        noon(),
    )
    .unwrap();
    for asked in &mut forced.steps[0].before {
        if let Condition::Fenced { pales, .. } = asked {
            assert!(pales.remove(&Pale::Leaderless));
        }
    }
    let broken = |joined: &[u32]| {
        let world = single().rebuilt(PARIS).enabled(PARIS, 6).joined(PARIS, joined);
        [1, 3, 5, 7].into_iter().fold(world, World::silent)
    };
    for world in [broken(&[]), broken(&[1, 2]), broken(&[]).without_members(&[3])] {
        assert_eq!(check(&forced, Some(&world.look(0))), []);
    }
    let pending = broken(&[1]).pending(8, crate::world::adding(&single(), PARIS));
    for world in [whole, pending] {
        complained(
            &check(&forced, Some(&world.look(0))),
            Rule::G3,
            "leaves Leaderless out of the fence",
        );
    }
    forced.retreat = of(&single()).retreat;
    complained(&check(&forced, None), Rule::G1, "A failover has no way back");
}
