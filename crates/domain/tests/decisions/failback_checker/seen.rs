//! Plans against what is seen: settled without being so, owed although it is there.

use super::*;

fn settle(plan: &mut Plan, id: StepId) {
    let step = remove(plan, id);
    plan.settled.push(Settled {
        id,
        title: step.title,
        why: "It is.".to_owned(),
    });
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
