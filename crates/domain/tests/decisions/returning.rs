//! The conditions of a failback: met, not yet, broken or moved, with the traps that real servers were seen to lay.

use c8dr_domain::condition::{Condition, Known, Verdict, judge_all};
use c8dr_domain::facts::{Compared, Facts};
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

/// Paused and drained, the snapshot taken and seen from both sides, nothing restored.
fn snapped() -> World {
    rebuilt()
        .paused()
        .measured(Some(1_000), Some(1_000))
        .search(LONDON, |search| search.snapshot = Sight::Seen(Some(snapshot())))
        .search(PARIS, |search| {
            search.snapshot = Sight::Seen(Some(snapshot()));
            search.repository = Sight::Seen(Some(repository().settings));
        })
}

fn unread<T>() -> Sight<T> {
    Sight::Silent {
        why: Silence::NoAnswer,
        detail: String::new(),
    }
}

// The returning region.

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

// The pause.

#[test]
fn paused_hard_by_everyones_own_account() {
    let paused = Condition::ExportingPaused {
        brokers: brokers(&[0, 2]),
    };
    stands(&paused, &rebuilt(), NotYet, "EXPORTING on broker 0");
    stands(&paused, &rebuilt().paused(), Met, "have paused");
    stands(
        &paused,
        &rebuilt().paused().phase_of(2, ExporterPhase::SoftPaused),
        NotYet,
        "SOFT_PAUSED on broker 2",
    );
    stands(
        &paused,
        &rebuilt().paused().phase_of(2, ExporterPhase::Exporting),
        NotYet,
        "EXPORTING on broker 2",
    );
    stands(
        &paused,
        &rebuilt().paused().voice(2, Voice::SaysNothing),
        NotYet,
        "Broker 2 does not say",
    );
    stands(
        &paused,
        &rebuilt().paused().voice(2, Voice::Hangs),
        NotYet,
        "Broker 2 does not say",
    );
}

#[test]
fn exporting_by_everyones_own_account() {
    let on = Condition::ExportingOn {
        brokers: brokers(&[0, 2]),
    };
    stands(&on, &rebuilt(), Met, "Brokers 0 and 2 export");
    stands(&on, &rebuilt().paused(), NotYet, "PAUSED on broker 0");
    stands(
        &on,
        &rebuilt().phase_of(2, ExporterPhase::Paused),
        NotYet,
        "PAUSED on broker 2",
    );
    stands(
        &on,
        &rebuilt().phase_of(2, ExporterPhase::Closed),
        NotYet,
        "on broker 2",
    );
    stands(&on, &rebuilt().silent(2), NotYet, "Broker 2 does not say");
}

fn drained() -> Condition {
    Condition::Drained {
        exporter: exporter(LONDON),
    }
}

#[test]
fn drained_by_the_leaders_metrics_of_the_enabled_exporter() {
    // Followers' series and the disabled exporter's are 475 and 381 for ever: they are in every page of this world.
    let world = rebuilt().paused().measured(Some(1_000), Some(1_000));
    over(
        &drained(),
        &watched(&[(&world, 1)]),
        &facts(),
        Met,
        "Nothing is in the hands",
    );
    let in_hand = rebuilt().paused().measured(Some(1_030), Some(1_000));
    stands(
        &drained(),
        &in_hand,
        NotYet,
        "handed records up to 1030, and has acknowledged 1000",
    );
}

#[test]
fn unequal_metrics_are_not_drained_however_long_they_stand() {
    let in_hand = rebuilt().paused().measured(Some(1_030), Some(1_000));
    over(
        &drained(),
        &watched(&[(&in_hand, 60)]),
        &facts(),
        NotYet,
        "handed records up to 1030",
    );
}

/// Without metrics only time can tell: fifteen seconds in which the position stood still, paused.
#[test]
fn without_metrics_the_weaker_criterion_counts() {
    let blind = rebuilt().paused();
    over(
        &drained(),
        &watched(&[(&blind, 2)]),
        &facts(),
        NotYet,
        "has stood still for",
    );
    over(&drained(), &watched(&[(&blind, 29)]), &facts(), NotYet, "of 15 s");
    over(&drained(), &watched(&[(&blind, 31)]), &facts(), Met, "Nothing");
    let moved = blind.clone().positions(Some(1_000), Some(990));
    over(
        &drained(),
        &watched(&[(&moved, 40), (&blind, 5)]),
        &facts(),
        NotYet,
        "has stood still for 2",
    );
    // Before the pause records were on their way: standing still then says nothing.
    let running = rebuilt();
    over(
        &drained(),
        &watched(&[(&running, 40), (&blind, 5)]),
        &facts(),
        NotYet,
        "has stood still for 2",
    );
    let no_series = rebuilt().paused().measured(None, None);
    over(
        &drained(),
        &watched(&[(&no_series, 5)]),
        &facts(),
        NotYet,
        "the metrics do not tell",
    );
    over(
        &drained(),
        &watched(&[(&no_series, 31)]),
        &facts(),
        Met,
        "Nothing",
    );
}

/// Metrics of an older leadership differ from what the broker says itself: they are not believed, equal or not.
#[test]
fn metrics_that_contradict_the_broker_are_not_believed() {
    let old = rebuilt().paused().measured(Some(900), Some(900));
    over(
        &drained(),
        &watched(&[(&old, 5)]),
        &facts(),
        NotYet,
        "the metrics do not tell",
    );
}

#[test]
fn an_unknown_position_is_never_drained() {
    let unknown = rebuilt()
        .paused()
        .positions(Some(1_000), None)
        .measured(Some(1_000), Some(1_000));
    over(
        &drained(),
        &watched(&[(&unknown, 60)]),
        &facts(),
        NotYet,
        "does not know how far",
    );
    let unled = rebuilt().paused().unled(2).measured(Some(1_000), Some(1_000));
    over(
        &drained(),
        &watched(&[(&unled, 60)]),
        &facts(),
        NotYet,
        "Partition 2 has no leader",
    );
}

#[test]
fn v_unmoved() {
    let unmoved = Condition::Unmoved {
        exporter: exporter(LONDON),
    };
    let here = rebuilt().paused();
    stands(&unmoved, &here, Met, "still stands at V");
    stands(&unmoved, &rebuilt(), Moved, "Somebody has resumed it");
    // Resumed and paused again: invisible in the phases.
    let moved = here.clone().positions(Some(1_010), Some(1_001));
    stands(&unmoved, &moved, Moved, "partition 1 from 1000 to 1001");
    // A leader that has fewer acknowledged: another one, at an older position.
    let behind = here.clone().positions(Some(1_010), Some(999));
    stands(&unmoved, &behind, Moved, "or a leader changed");
    stands(
        &unmoved,
        &here.clone().positions(Some(1_000), None),
        NotYet,
        "does not know",
    );
    stands(
        &unmoved,
        &here.clone().unled(4),
        NotYet,
        "Partition 4 has no leader",
    );
    stands(
        &unmoved,
        &here.clone().phase(ExporterPhase::SoftPaused),
        NotYet,
        "SOFT_PAUSED",
    );
    let history = watched(&[(&here, 3)]);
    let unknown = Facts {
        positions: Default::default(),
        ..facts()
    };
    over(&unmoved, &history, &unknown, NotYet, "not known yet");
}

#[test]
fn room_on_the_disks() {
    const GB: u64 = 1_000_000_000;
    let room = |floor_s| Condition::RoomLeft {
        brokers: brokers(&[0, 2]),
        floor_s,
        reserve_bytes: 2 * GB,
    };
    let free = |bytes| rebuilt().paused().disks(bytes);
    stands(&room(600), &rebuilt(), Met, "unknown");
    stands(&room(600), &free(50 * GB), Met, "unknown");
    over(
        &room(600),
        &watched(&[(&free(50 * GB), 12)]),
        &facts(),
        Met,
        "No disk fills up",
    );
    // 6 s, 30 MB in each of which 5 MB/s: 8 GB above the reserve last for about 1600 s.
    let filling: Vec<World> = (0..12).map(|i| free(10 * GB - i * 2_500_000)).collect();
    let scenes: Vec<(&World, usize)> = filling.iter().map(|world| (world, 1)).collect();
    over(&room(600), &watched(&scenes), &facts(), Met, "last for 1");
    over(
        &room(3_600),
        &watched(&scenes),
        &facts(),
        Broken,
        "3600 s are the least",
    );
    // Compacted a while ago, and filling since: the pace is that of the filling.
    let full = free(4 * GB);
    let mut since = vec![(&full, 100)];
    since.extend(&scenes);
    over(&room(3_600), &watched(&since), &facts(), Broken, "lasts for 1");
    // Steady for a while, and filling since.
    let steady = free(10 * GB);
    let mut since = vec![(&steady, 100)];
    since.extend(&scenes);
    over(&room(3_600), &watched(&since), &facts(), Broken, "lasts for 1");
    stands(&room(600), &free(2 * GB), Broken, "lasts for 0 s");
    stands(&room(600), &free(GB), Broken, "lasts for 0 s");
}

// The searches.

#[test]
fn searches_are_told_by_their_uuids() {
    let well = |region| Condition::SearchWell { region };
    stands(&well(LONDON), &rebuilt(), Met, "is well");
    stands(&well(PARIS), &rebuilt(), Met, "is well");
    stands(&well(PARIS), &single(), NotYet, "cannot be read");
    let renamed = |region: RegionId, uuid: &'static str| {
        rebuilt().search(region, |search| {
            if let Sight::Seen(cluster) = &mut search.cluster {
                uuid.clone_into(&mut cluster.uuid);
            }
        })
    };
    stands(
        &well(PARIS),
        &renamed(PARIS, "uuid-of-0"),
        Broken,
        "one and the same cluster",
    );
    stands(
        &well(PARIS),
        &renamed(PARIS, "uuid-of-2"),
        Broken,
        "another one than before",
    );
    // Before the run knows them, what is seen of both counts.
    let nothing = Facts::of(crate::world::run_id());
    let history = watched(&[(&renamed(PARIS, "uuid-of-0"), 1)]);
    for region in [LONDON, PARIS] {
        over(
            &well(region),
            &history,
            &nothing,
            Broken,
            "one and the same cluster",
        );
    }
    let colored = |color| {
        rebuilt().search(PARIS, |search| {
            if let Sight::Seen(cluster) = &mut search.cluster {
                cluster.color = color;
            }
        })
    };
    stands(&well(PARIS), &colored(Color::Yellow), Met, "is well");
    stands(&well(PARIS), &colored(Color::Red), NotYet, "data is missing");
}

#[test]
fn repository_as_it_should_be() {
    let registered = Condition::Registered {
        region: LONDON,
        repository: repository(),
    };
    let with =
        |registration| rebuilt().search(LONDON, |search| search.repository = Sight::Seen(registration));
    stands(&registered, &rebuilt(), Met, "is registered");
    stands(&registered, &with(None), NotYet, "is not registered");
    let mut other = repository().settings;
    other["settings"]["bucket"] = "another".into();
    stands(&registered, &with(Some(other)), NotYet, "its `bucket` differs");
    let mut readonly = repository().settings;
    readonly["settings"]["readonly"] = "true".into();
    readonly["settings"]["max_restore_bytes_per_sec"] = "40mb".into();
    stands(&registered, &with(Some(readonly)), Met, "is registered");
    let mut typed = repository().settings;
    typed["type"] = "fs".into();
    stands(&registered, &with(Some(typed)), NotYet, "its `type` differs");
    let silent = rebuilt().search(LONDON, |search| search.repository = unread());
    stands(&registered, &silent, NotYet, "cannot be read");
}

fn whole(region: RegionId) -> Condition {
    Condition::SnapshotWhole {
        region,
        repository: repository().name,
    }
}

#[test]
fn snapshot_whole_from_both_sides() {
    stands(&whole(LONDON), &snapped(), Met, "is whole");
    stands(&whole(PARIS), &snapped(), Met, "is whole");
    let tuned = |region, tune: fn(&mut c8dr_domain::search::Snapshot)| {
        snapped().search(region, |search| {
            if let Sight::Seen(Some(snapshot)) = &mut search.snapshot {
                tune(snapshot);
            }
        })
    };
    stands(
        &whole(LONDON),
        &tuned(LONDON, |snapshot| {
            snapshot.state = SnapshotState::InProgress;
            snapshot.shards_done = 1;
        }),
        NotYet,
        "1 of 3 shards",
    );
    for (state, says) in [
        (SnapshotState::Partial, "ended as PARTIAL"),
        (SnapshotState::Failed, "ended as FAILED"),
    ] {
        let world = snapped().search(LONDON, |search| {
            if let Sight::Seen(Some(snapshot)) = &mut search.snapshot {
                snapshot.state = state;
            }
        });
        stands(&whole(LONDON), &world, Moved, says);
    }
    stands(
        &whole(LONDON),
        &tuned(LONDON, |snapshot| snapshot.shards_failed = 1),
        Moved,
        "with 1 failed shards",
    );
    stands(
        &whole(PARIS),
        &tuned(PARIS, |snapshot| snapshot.state = SnapshotState::Incompatible),
        Broken,
        "another version",
    );
    stands(
        &whole(LONDON),
        &tuned(LONDON, |snapshot| {
            "uuid-of-another".clone_into(&mut snapshot.uuid)
        }),
        Moved,
        "another one than before",
    );
    stands(
        &whole(PARIS),
        &tuned(PARIS, |snapshot| "uuid-of-another".clone_into(&mut snapshot.uuid)),
        Moved,
        "another one than before",
    );
    stands(
        &whole(LONDON),
        &tuned(LONDON, |snapshot| {
            snapshot
                .metadata
                .insert("c8dr".to_owned(), "c8dr-somebody-1".into());
        }),
        Broken,
        "was not taken by this run",
    );
}

#[test]
fn snapshot_that_vanished_or_lacks_something() {
    let gone = |region| snapped().search(region, |search| search.snapshot = Sight::Seen(None));
    stands(&whole(LONDON), &gone(LONDON), Moved, "has vanished");
    // The returning side may have registered the repository too early; it is registered anew.
    stands(
        &whole(PARIS),
        &gone(PARIS),
        NotYet,
        "cannot be seen from region paris",
    );
    let not_taken = Facts {
        snapshot: None,
        ..facts()
    };
    let history = watched(&[(&gone(LONDON), 1)]);
    over(&whole(LONDON), &history, &not_taken, NotYet, "cannot be seen");
    let without_one = snapped().search(LONDON, |search| {
        if let Sight::Seen(Some(snapshot)) = &mut search.snapshot {
            snapshot.indices.remove("operate-list-view-8.3.0_");
        }
    });
    stands(
        &whole(LONDON),
        &without_one,
        Moved,
        "lacks the index operate-list-view-8.3.0_",
    );
    // Indices of the server's own are no matter.
    let without_own = snapped().search(LONDON, |search| {
        if let Sight::Seen(Some(snapshot)) = &mut search.snapshot {
            snapshot.indices.remove(".tasks");
        }
    });
    stands(&whole(LONDON), &without_own, Met, "is whole");
    let uncounted = snapped().search(LONDON, |search| {
        if let Sight::Seen(indices) = &mut search.indices {
            indices[0].documents = None;
        }
    });
    stands(&whole(LONDON), &uncounted, NotYet, "is not known");
}

fn in_paris(tune: impl FnOnce(&mut SearchSight)) -> World {
    snapped().search(PARIS, tune)
}

#[test]
fn the_way_of_the_restore() {
    let clear = Condition::WayClear { region: PARIS };
    stands(&clear, &snapped(), Met, "Nothing stands in the way");
    let empty = in_paris(|search| {
        let mut there = indices();
        there[1].documents = Some(0);
        search.indices = Sight::Seen(vec![there.remove(1)]);
    });
    stands(&clear, &empty, NotYet, "zeebe-record_job_8.6.0_2026-01-01");
    stands(
        &clear,
        &snapped().restored(PARIS),
        Broken,
        "operate-list-view-8.3.0_ (40 documents)",
    );
    let closed = in_paris(|search| {
        let mut there = indices();
        there[0].documents = None;
        search.indices = Sight::Seen(vec![there.remove(0)]);
    });
    stands(&clear, &closed, Broken, "(unreadable)");
    // Of other names, nothing is in the way.
    let others = in_paris(|search| {
        let mut there = indices();
        "somebody-elses".clone_into(&mut there[0].name);
        there.truncate(1);
        search.indices = Sight::Seen(there);
    });
    stands(&clear, &others, Met, "Nothing");
    // What this run has restored before, it may take away again.
    let mut again = facts();
    again.restored = again.snapshot.clone().unwrap().indices;
    let history = watched(&[(&snapped().restored(PARIS), 1)]);
    over(&clear, &history, &again, NotYet, "there are already");
    stands(
        &clear,
        &in_paris(|search| search.indices = unread()),
        NotYet,
        "cannot be read",
    );
}

#[test]
fn restored_with_every_document() {
    let restored = Condition::Restored { region: PARIS };
    let back = || snapped().restored(PARIS);
    stands(&restored, &back(), Met, "2 indices with 52 documents");
    stands(&restored, &snapped(), NotYet, "is not back in region paris yet");
    for (documents, how, says) in [
        (Some(39), NotYet, "has 39 of 40 documents"),
        (Some(41), NotYet, "has 41 of 40 documents"),
        (None, NotYet, "cannot be read"),
    ] {
        let world = back().search(PARIS, |search| {
            if let Sight::Seen(indices) = &mut search.indices {
                indices[0].documents = documents;
            }
        });
        stands(&restored, &world, how, says);
    }
    let recovering = |is_done| {
        back().search(PARIS, |search| {
            search.recoveries = Sight::Seen(vec![Recovery {
                index: "operate-list-view-8.3.0_".to_owned(),
                snapshot: facts().snapshot_name(),
                is_done,
                bytes_done: 10,
                bytes_total: 100,
            }]);
        })
    };
    stands(&restored, &recovering(false), NotYet, "10 of 100 bytes");
    stands(&restored, &recovering(true), Met, "are back");
    let unread = back().search(PARIS, |search| search.recoveries = unread());
    stands(&restored, &unread, NotYet, "cannot be read");
}

#[test]
fn a_copy_is_as_well_as_its_source() {
    let restored = Condition::Restored { region: PARIS };
    let colored = |here, there| {
        let paint = |color| {
            move |search: &mut SearchSight| {
                if let Sight::Seen(cluster) = &mut search.cluster {
                    cluster.color = color;
                }
            }
        };
        snapped()
            .restored(PARIS)
            .search(LONDON, paint(here))
            .search(PARIS, paint(there))
    };
    stands(
        &restored,
        &colored(Color::Green, Color::Yellow),
        NotYet,
        "is not green yet",
    );
    stands(&restored, &colored(Color::Yellow, Color::Yellow), Met, "are back");
    stands(
        &restored,
        &colored(Color::Yellow, Color::Red),
        NotYet,
        "is not green yet",
    );
}

#[test]
fn the_same_records_everywhere() {
    let holding = |count: u64, hash: &str| Holding {
        count,
        hash: hash.to_owned(),
        highest: Some(1_000),
    };
    let held = |region: RegionId, of_2: Holding| {
        move |world: World| {
            world.search(region, |search| {
                search.holdings = Sight::Seen(
                    (1..=4)
                        .map(|partition| {
                            let holding = if partition == 2 {
                                of_2.clone()
                            } else {
                                holding(7, "aa")
                            };
                            (PartitionId(partition), holding)
                        })
                        .collect(),
                );
            })
        }
    };
    let both = |one: Holding, other: Holding| held(PARIS, other)(held(LONDON, one)(rebuilt()));
    let up_to = |position: i64, partitions: u32| Facts {
        compared: Some(Compared {
            up_to: (1..=partitions)
                .map(|partition| (PartitionId(partition), position))
                .collect(),
            held: Default::default(),
        }),
        ..facts()
    };
    let check = |world: &World, facts: &Facts, how, says: &str| {
        over(&Condition::SameRecords, &watched(&[(world, 1)]), facts, how, says);
    };
    let same = both(holding(7, "aa"), holding(7, "aa"));
    check(
        &same,
        &up_to(1_200, 4),
        Met,
        "the same 28 records of 4 partitions",
    );
    check(&same, &facts(), NotYet, "Up to where to compare is not known yet");
    check(&same, &up_to(1_200, 0), NotYet, "partition 1 is not known yet");
    check(&same, &up_to(1_200, 3), NotYet, "partition 4 is not known yet");
    check(&same, &up_to(999, 4), NotYet, "before V");
    let fewer = both(holding(7, "aa"), holding(6, "ab"));
    check(
        &fewer,
        &up_to(1_200, 4),
        NotYet,
        "Partition 2: region 0 holds 7 records, region 1 6.",
    );
    let others = both(holding(7, "aa"), holding(7, "ab"));
    check(&others, &up_to(1_200, 4), NotYet, "and not the same");
    let unread = same.search(PARIS, |search| search.holdings = unread());
    check(&unread, &up_to(1_200, 4), NotYet, "cannot be read");
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
