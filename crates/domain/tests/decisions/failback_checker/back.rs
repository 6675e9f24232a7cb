//! Wrong ways back: the wrong brokers, no fence, the survivors' exporter, something else altogether.

use super::*;

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
            });
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
            });
        },
        Rule::I2,
        "exactly the survivors are members",
    );
    caught(
        |plan| {
            unasked(&mut at(plan, Rt2).after, |asked| {
                matches!(asked, Condition::Led { .. })
            });
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
