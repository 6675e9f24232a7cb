//! The searches: which they are, the repository, the snapshot, the way of the restore, the restore, the same records.

use super::*;

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
    // A region that was filled by a failback has it for reading only; as the source of the next one it has to write.
    stands(
        &registered,
        &with(Some(readonly.clone())),
        NotYet,
        "its `readonly` differs",
    );
    let mut more = repository().settings;
    more["settings"]["max_restore_bytes_per_sec"] = "40mb".into();
    stands(&registered, &with(Some(more)), Met, "is registered");
    let mut for_reading = repository();
    for_reading.settings["settings"]["readonly"] = true.into();
    let for_reading = Condition::Registered {
        region: LONDON,
        repository: for_reading,
    };
    stands(&for_reading, &with(Some(readonly)), Met, "is registered");
    stands(&for_reading, &rebuilt(), NotYet, "its `readonly` differs");
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
            "uuid-of-another".clone_into(&mut snapshot.uuid);
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
        Moved,
        "that this run has not taken at V",
    );
    stands(
        &whole(LONDON),
        &tuned(LONDON, |snapshot| snapshot.metadata.clear()),
        Moved,
        "that this run has not taken at V",
    );
    stands(
        &whole(LONDON),
        &tuned(LONDON, |snapshot| {
            snapshot.metadata.insert("positions".to_owned(), "1=1".into());
        }),
        Moved,
        "that this run has not taken at V",
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
        (
            Some(41),
            Broken,
            "has 41 documents in region paris, and the snapshot 40",
        ),
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
    // One node that was given indices with replicas is yellow for ever; several will be green.
    let nodes = |nodes: u64, color: Color| {
        colored(Color::Green, color).search(PARIS, |search| {
            if let Sight::Seen(cluster) = &mut search.cluster {
                cluster.data_nodes = Some(nodes);
            }
        })
    };
    stands(
        &restored,
        &nodes(1, Color::Yellow),
        Met,
        "its one node cannot hold replicas",
    );
    stands(&restored, &nodes(2, Color::Yellow), NotYet, "is not green yet");
    stands(&restored, &nodes(1, Color::Red), NotYet, "is not green yet");
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
