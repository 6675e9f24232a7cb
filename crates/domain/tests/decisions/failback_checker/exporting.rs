//! Wrong failbacks about exporting: enabled at the wrong place or time, resumed too early or never, no eye on the disks.

use super::*;

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
