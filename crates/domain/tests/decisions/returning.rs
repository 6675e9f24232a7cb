//! The conditions of a failback: met, not yet, broken or moved, with the traps that real servers were seen to lay.

mod pause;
mod reach;
mod searches;

use std::collections::BTreeSet;

use c8dr_domain::condition::{Condition, Known, Verdict, judge_all};

use c8dr_domain::facts::{Compared, Facts};
use c8dr_domain::fence::Pale;

use c8dr_domain::history::History;

use c8dr_domain::ids::{PartitionId, RegionId};

use c8dr_domain::observation::{Sight, Silence};

use c8dr_domain::picture::Picture;

use c8dr_domain::search::{Color, Holding, Recovery, SearchSight, SnapshotState};

use c8dr_domain::topology::{ExporterPhase, ExporterStatus};

use crate::asking::{Broken, Met, Moved, NotYet, Stands};

use crate::world::{
    LONDON, PARIS, Voice, Webapp, World, brokers, exporter, facts, indices, repository, snapshot, watched,
};

/// How a condition stands at the end of a history, by what a run has learnt, with a part of what it says.
#[track_caller]
fn over(condition: &Condition, history: &History, facts: &Facts, how: Stands, says: &str) {
    let installation = World::of(4, 4).installation;
    let picture = Picture::of(&installation, history).unwrap();
    let verdict = condition.judge(&picture, &Known::default(), facts);
    let stands = match verdict {
        Verdict::Met(_) => Met,
        Verdict::NotYet(_) => NotYet,
        Verdict::Broken(_) => Broken,
        Verdict::Moved(_) => Moved,
    };
    assert_eq!(stands, how, "{verdict:?}");
    assert!(verdict.words().contains(says), "{says:?} is not in {verdict:?}");
}

#[track_caller]
fn stands(condition: &Condition, world: &World, how: Stands, says: &str) {
    over(condition, &watched(&[(world, 3)]), &facts(), how, says);
}

fn single() -> World {
    World::failed_over(4, 4, PARIS)
}

fn rebuilt() -> World {
    single().rebuilt(PARIS)
}

fn unread<T>() -> Sight<T> {
    Sight::Silent {
        why: Silence::NoAnswer,
        detail: String::new(),
    }
}

#[test]
fn nothing_left_of_before() {
    let left = Condition::NothingLeft { region: PARIS };
    let clean = single().platform(PARIS, |platform| platform.volumes = Sight::Seen([].into()));
    stands(&left, &clean, Met, "Nothing is left");
    let unasked = single().platform(PARIS, |platform| platform.volumes = Sight::NotAsked);
    stands(&left, &unasked, Met, "cannot be seen from here");
    stands(&left, &single(), NotYet, "cannot be read");
    stands(&left, &single().without_platform(PARIS), NotYet, "was not asked");
    let volumes = clean.clone().platform(PARIS, |platform| {
        platform.volumes = Sight::Seen(["data-zeebe-0".to_owned(), "data-zeebe-1".to_owned()].into());
    });
    stands(&left, &volumes, Broken, "data-zeebe-0 and data-zeebe-1");
    stands(
        &left,
        &clean.voice(3, Voice::OldDisk),
        Broken,
        "Broker 3 came back with its old disk",
    );
}

#[test]
fn returning_brokers_joined() {
    let joined = Condition::Joined {
        brokers: brokers(&[1, 3]),
    };
    stands(&joined, &rebuilt(), Met, "Brokers 1 and 3 are listed");
    stands(&joined, &single(), NotYet, "Brokers 1 and 3 are not listed");
    stands(
        &joined,
        &single().voice(1, Voice::Blank).ghost(1, &[]),
        NotYet,
        "Broker 3 is not listed",
    );
    // One gateway that has heard of them is enough, the other may lag.
    stands(&joined, &rebuilt().gateways_of(&[0]), Met, "are listed");
    stands(
        &joined,
        &rebuilt().gateways_of(&[1, 3]),
        NotYet,
        "No surviving gateway",
    );
    stands(
        &joined,
        &rebuilt().voice(1, Voice::OldDisk),
        Broken,
        "came back with its old disk",
    );
    let ghosts = single().ghost(1, &[1]).ghost(3, &[2]);
    stands(&joined, &ghosts, NotYet, "Brokers 1 and 3 are not listed");
    let adding = rebuilt().enabled(PARIS, 6).joined(PARIS, &[1]);
    stands(&joined, &adding, Met, "are listed");
}

#[test]
fn returning_brokers_ready() {
    let ready = Condition::Ready {
        brokers: brokers(&[1, 3]),
    };
    stands(&ready, &rebuilt(), NotYet, "Brokers 1 and 3 are not ready");
    stands(&ready, &rebuilt().unasked(PARIS), NotYet, "are not ready");
    let added = rebuilt().enabled(PARIS, 6).added(PARIS, 8);
    stands(&ready, &added, Met, "Brokers 1 and 3 are ready");
    stands(
        &ready,
        &added.voice(3, Voice::Blank),
        NotYet,
        "Broker 3 is not ready",
    );
}

#[test]
fn complete_by_gateways() {
    let complete = |replication_factor| Condition::Complete { replication_factor };
    stands(&complete(2), &rebuilt(), Met, "complete");
    stands(&complete(4), &rebuilt(), NotYet, "1 and 3 are wanted");
    let added = rebuilt().enabled(PARIS, 6).added(PARIS, 8);
    stands(&complete(4), &added, Met, "complete");
    stands(
        &complete(2),
        &rebuilt().unled(3),
        NotYet,
        "0 leaders and 2 followers of partition 3",
    );
    stands(
        &complete(2),
        &rebuilt().deaf(0),
        NotYet,
        "Gateway gateway-0 lists 0 leaders",
    );
    stands(&complete(2), &rebuilt().gateways_of(&[]), NotYet, "No gateway");
    // Gateways of brokers that are no members say nothing of the cluster.
    stands(
        &complete(2),
        &rebuilt().gateways_of(&[1, 3]),
        NotYet,
        "No gateway",
    );
    stands(&complete(2), &rebuilt().gateways_of(&[0]), Met, "complete");
}

#[test]
fn webapps_down_and_up() {
    let down = Condition::NoWebapps { region: LONDON };
    let up = Condition::WebappsUp { region: LONDON };
    let with = |pods: &[Webapp]| rebuilt().webapps(LONDON, pods);
    stands(&down, &with(&[]), Met, "No pod");
    stands(&down, &with(&[Webapp::Ready]), NotYet, "may write");
    stands(&down, &with(&[Webapp::Starting]), NotYet, "may write");
    stands(&down, &with(&[Webapp::Terminating]), NotYet, "(terminating)");
    stands(&up, &with(&[]), NotYet, "No pod");
    stands(&up, &with(&[Webapp::Ready, Webapp::Ready]), Met, "ready");
    stands(
        &up,
        &with(&[Webapp::Ready, Webapp::Starting]),
        NotYet,
        "not ready yet",
    );
    stands(&up, &with(&[Webapp::Ready, Webapp::Terminating]), Met, "ready");
    stands(&up, &with(&[Webapp::Terminating]), NotYet, "No pod");
    for condition in [&down, &up] {
        let silent = rebuilt().platform(LONDON, |platform| platform.pods = unread());
        stands(condition, &silent, NotYet, "cannot be read");
        stands(
            condition,
            &rebuilt().without_platform(LONDON),
            NotYet,
            "were not read",
        );
    }
}

/// Brokers that were removed and run again, unjoined, are no reason to stop a removal that has been made: only leaders are
/// awaited. While one of them is still a member they are.
#[test]
fn what_was_removed_already_is_not_held_against_its_fence() {
    let conditions = [
        Condition::StillMembers {
            brokers: brokers(&[1, 3]),
        },
        Condition::Fenced {
            lost: PARIS,
            pales: BTreeSet::from([Pale::LostSilent, Pale::SurvivorsUp]),
        },
    ];
    let verdict = |world: &World| {
        let history = watched(&[(world, 3)]);
        let picture = Picture::of(&world.installation, &history).unwrap();
        judge_all(&conditions, &picture, &Known::default(), &facts())
    };
    let removed = verdict(&rebuilt());
    assert!(
        matches!(&removed, Verdict::NotYet(words) if words.contains("leaders are awaited")),
        "{removed:?}"
    );
    let members = verdict(&World::of(4, 4));
    assert!(
        matches!(&members, Verdict::Broken(words) if words.contains("answer at their own endpoints")),
        "{members:?}"
    );
}

/// Among several conditions the worst is told: broken before moved, moved before not yet.
#[test]
fn the_worst_of_several_is_told() {
    let installation = World::of(4, 4).installation;
    let world = rebuilt().voice(1, Voice::OldDisk);
    let history = watched(&[(&world, 3)]);
    let picture = Picture::of(&installation, &history).unwrap();
    let moved = Condition::Unmoved {
        exporter: exporter(LONDON),
    };
    let not_yet = Condition::ExportingPaused {
        brokers: brokers(&[0, 2]),
    };
    let broken = Condition::Joined {
        brokers: brokers(&[1, 3]),
    };
    let met = Condition::NothingPending;
    let all = |conditions: &[&Condition]| {
        let conditions: Vec<Condition> = conditions.iter().copied().cloned().collect();
        judge_all(&conditions, &picture, &Known::default(), &facts())
    };
    assert!(matches!(
        all(&[&not_yet, &moved, &broken, &met]),
        Verdict::Broken(_)
    ));
    assert!(matches!(all(&[&not_yet, &moved, &met]), Verdict::Moved(_)));
    assert!(matches!(all(&[&met, &not_yet]), Verdict::NotYet(_)));
    assert!(all(&[&met]).is_met());
    let off = Condition::Exporter {
        exporter: exporter(PARIS),
        status: ExporterStatus::Disabled,
    };
    assert!(all(&[&met, &off]).is_met());
}
