//! Wrong failbacks about the searches: the wrong one, no identity, a snapshot or a restore that is only believed.

use super::*;

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
