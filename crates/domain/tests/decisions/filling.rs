//! What goes out for an effect, and what a run has learnt for it: never a guess, never somebody else's, never with documents.

use std::collections::BTreeSet;

use c8dr_domain::effect::{Effect, PlatformEffect, Request, SearchEffect, SearchTask, ZeebeEffect};
use c8dr_domain::facts::Facts;
use c8dr_domain::fill::request;
use c8dr_domain::history::History;
use c8dr_domain::ids::{BrokerId, ChangeId, PartitionId, RunId};
use c8dr_domain::observation::Sight;
use c8dr_domain::picture::Picture;
use c8dr_domain::topology::ExporterPhase;

use crate::world::{
    LONDON, PARIS, World, adding, exporter, facts, gateway, indices, repository, run_id, snapshot, watched,
};

fn rebuilt() -> World {
    World::failed_over(4, 4, PARIS).rebuilt(PARIS)
}

fn filled(
    effect: &Effect,
    world: &World,
    facts: &Facts,
    attempts: usize,
    own: &[i64],
) -> Result<Request, String> {
    let history = watched(&[(world, 1)]);
    let installation = World::of(4, 4).installation;
    let picture = Picture::of(&installation, &history).unwrap();
    let own: BTreeSet<ChangeId> = own.iter().copied().map(ChangeId).collect();
    request(effect, Some(&gateway(0)), &picture, facts, attempts, &own)
}

#[track_caller]
fn refused(effect: &Effect, world: &World, facts: &Facts, says: &str) {
    let why = filled(effect, world, facts, 0, &[]).unwrap_err();
    assert!(why.contains(says), "{says:?} is not in {why:?}");
}

fn searching(task: SearchTask) -> Effect {
    Effect::Search { region: PARIS, task }
}

fn snapshotting() -> Effect {
    Effect::Search {
        region: LONDON,
        task: SearchTask::Snapshot {
            repository: repository().name,
        },
    }
}

fn zeebe(effect: ZeebeEffect) -> Request {
    Request::Zeebe {
        gateway: gateway(0),
        effect,
    }
}

#[test]
fn no_snapshot_without_v() {
    let nothing = Facts::of(run_id());
    refused(
        &snapshotting(),
        &rebuilt(),
        &nothing,
        "The position vector is not known",
    );
    let Ok(Request::Search {
        region,
        effect: SearchEffect::Snapshot { name, metadata, .. },
    }) = filled(&snapshotting(), &rebuilt(), &facts(), 0, &[])
    else {
        panic!("no snapshot");
    };
    assert_eq!((region, name.as_str()), (LONDON, "c8dr-20260101-120000-a1b2-1"));
    assert_eq!(metadata["c8dr"], *name);
    assert_eq!(metadata["positions"], "1=1000 2=1000 3=1000 4=1000");
}

#[test]
fn each_take_has_a_name_of_its_own() {
    let mut again = facts();
    again.take += 1;
    assert_ne!(again.snapshot_name(), facts().snapshot_name());
    let odd = Facts::of(RunId::new("Run Ä/7"));
    assert_eq!(odd.snapshot_name(), "c8dr-run___7-1");
}

/// The servers take 1,024 bytes of metadata, counted as they write it.
#[test]
fn metadata_fits_whatever_the_size() {
    for partitions in [1, 4, 24, 63, 128, 1_000] {
        for position in [1, i64::MAX] {
            let mut facts = facts();
            facts.positions = (1..=partitions)
                .map(|partition| (PartitionId(partition), position))
                .collect();
            let metadata = facts.snapshot_metadata();
            let bytes = serde_json::to_vec(&metadata).unwrap().len();
            assert!(bytes <= 1_024, "{bytes} bytes for {partitions} partitions");
            // What does not fit is bound by its hash: another V has another one.
            let mut other = facts.clone();
            other.positions.insert(PartitionId(1), 2);
            assert_ne!(other.snapshot_metadata(), metadata);
        }
    }
}

#[test]
fn no_restore_without_a_snapshot_and_only_by_its_list() {
    let restore = searching(SearchTask::Restore {
        repository: repository().name,
    });
    refused(&restore, &rebuilt(), &Facts::of(run_id()), "No snapshot is known");
    let Ok(Request::Search {
        effect: SearchEffect::Restore { name, indices, .. },
        ..
    }) = filled(&restore, &rebuilt(), &facts(), 0, &[])
    else {
        panic!("no restore");
    };
    assert_eq!(name, facts().snapshot_name());
    let wanted = ["operate-list-view-8.3.0_", "zeebe-record_job_8.6.0_2026-01-01"];
    assert_eq!(indices, wanted.map(str::to_owned).into());
    assert!(indices.iter().all(|index| !index.contains('*')));
}

#[test]
fn nothing_with_documents_is_deleted() {
    let clear = searching(SearchTask::ClearTheWay);
    let with = |documents: [Option<u64>; 2]| {
        rebuilt().search(PARIS, |search| {
            let mut there = indices();
            for (index, documents) in there.iter_mut().zip(documents) {
                index.documents = documents;
            }
            search.indices = Sight::Seen(there);
        })
    };
    let deleted = |world: &World, facts: &Facts| match filled(&clear, world, facts, 0, &[]) {
        Ok(Request::Search {
            region,
            effect:
                SearchEffect::DeleteIndices {
                    indices,
                    cluster_uuid,
                },
        }) => {
            assert_eq!((region, cluster_uuid.as_str()), (PARIS, "uuid-of-1"));
            indices
        }
        other => panic!("{other:?}"),
    };
    let second = || BTreeSet::from(["zeebe-record_job_8.6.0_2026-01-01".to_owned()]);
    assert_eq!(deleted(&with([Some(1), Some(0)]), &facts()), second());
    assert_eq!(deleted(&with([None, Some(0)]), &facts()), second());
    refused(
        &clear,
        &with([Some(1), None]),
        &facts(),
        "Nothing that may be deleted",
    );
    refused(&clear, &rebuilt(), &facts(), "Nothing that may be deleted");
    // Restored by an earlier take of this very run: these may go.
    let mut again = facts();
    again.restored = second();
    assert_eq!(deleted(&with([Some(40), Some(12)]), &again), second());
    // Without a name there is no list, and without an identity no place.
    let unknown = Facts {
        snapshot: None,
        ..facts()
    };
    refused(
        &clear,
        &with([Some(0), Some(0)]),
        &unknown,
        "Nothing that may be deleted",
    );
    let nowhere = Facts {
        clusters: [(LONDON, "uuid-of-0".to_owned())].into(),
        ..facts()
    };
    refused(&clear, &with([Some(0), Some(0)]), &nowhere, "is not known");
    refused(
        &clear,
        &World::failed_over(4, 4, PARIS).search(PARIS, |search| {
            search.indices = Sight::Empty;
        }),
        &facts(),
        "cannot be read",
    );
}

#[test]
fn only_an_own_change_is_cancelled() {
    let pending = rebuilt().pending(8, adding(&rebuilt(), PARIS));
    let cancel = |own: &[i64]| filled(&Effect::CancelOwn, &pending, &facts(), 0, own);
    assert_eq!(
        cancel(&[6, 8]),
        Ok(zeebe(ZeebeEffect::CancelChange { change: ChangeId(8) }))
    );
    for others in [[].as_slice(), &[6, 7, 9]] {
        assert!(
            cancel(others)
                .unwrap_err()
                .contains("Change 8 is pending and is not ours")
        );
    }
    refused(&Effect::CancelOwn, &rebuilt(), &facts(), "No change is pending");
    refused(
        &Effect::CancelOwn,
        &pending.coordinator_hangs(),
        &facts(),
        "No change is pending",
    );
}

#[test]
fn a_resume_that_failed_is_finished_broker_by_broker() {
    let resume = Effect::from(ZeebeEffect::ResumeExporting);
    let paused = rebuilt().paused();
    let sent = |world: &World, attempts| filled(&resume, world, &facts(), attempts, &[]).unwrap();
    assert_eq!(sent(&paused, 0), zeebe(ZeebeEffect::ResumeExporting));
    assert_eq!(
        sent(&paused, 1),
        zeebe(ZeebeEffect::ResumeExportingOn { broker: BrokerId(0) })
    );
    // It has done its part on broker 0; and a soft pause is a pause.
    for phase in [ExporterPhase::Paused, ExporterPhase::SoftPaused] {
        let half = rebuilt().phase_of(2, phase);
        assert_eq!(
            sent(&half, 1),
            zeebe(ZeebeEffect::ResumeExportingOn { broker: BrokerId(2) })
        );
    }
    assert_eq!(sent(&rebuilt(), 1), zeebe(ZeebeEffect::ResumeExporting));
}

#[test]
fn what_needs_no_filling_goes_out_as_it_is() {
    let install = Effect::Platform {
        region: PARIS,
        effect: PlatformEffect::Install,
    };
    assert_eq!(
        filled(&install, &rebuilt(), &facts(), 0, &[]),
        Ok(Request::Platform {
            region: PARIS,
            effect: PlatformEffect::Install
        })
    );
    let enable = ZeebeEffect::EnableExporter {
        exporter: exporter(PARIS),
        initialize_from: exporter(LONDON),
    };
    assert_eq!(
        filled(&enable.clone().into(), &rebuilt(), &facts(), 0, &[]),
        Ok(zeebe(enable.clone()))
    );
    let history = watched(&[(&rebuilt(), 1)]);
    let installation = World::of(4, 4).installation;
    let picture = Picture::of(&installation, &history).unwrap();
    let nowhere = request(&enable.into(), None, &picture, &facts(), 0, &BTreeSet::new());
    assert!(nowhere.unwrap_err().contains("No surviving gateway"));
}

fn learnt(facts: &Facts, effect: &Effect, history: &History) -> Facts {
    let installation = World::of(4, 4).installation;
    facts.after(effect, &Picture::of(&installation, history).unwrap())
}

#[test]
fn the_pause_teaches_v_and_who_the_searches_are() {
    let pause = Effect::from(ZeebeEffect::PauseExporting);
    let world = rebuilt().paused().positions(Some(1_000), Some(980));
    let learned = learnt(&Facts::of(run_id()), &pause, &watched(&[(&world, 1)]));
    assert_eq!(learned.positions.len(), 4);
    assert!(learned.positions.values().all(|position| *position == 980));
    assert_eq!(learned.clusters, facts().clusters);
    // A second take reads V anew, and keeps who the searches were.
    let renamed = world.positions(Some(1_010), Some(1_010)).search(PARIS, |search| {
        if let Sight::Seen(cluster) = &mut search.cluster {
            "uuid-of-another".clone_into(&mut cluster.uuid);
        }
    });
    let again = learnt(&learned, &pause, &watched(&[(&renamed, 1)]));
    assert!(again.positions.values().all(|position| *position == 1_010));
    assert_eq!(again.clusters, facts().clusters);
    // An unknown position leaves no half vector behind.
    let unknown = learnt(&learned, &pause, &watched(&[(&rebuilt().paused().unled(1), 1)]));
    assert!(unknown.positions.is_empty());
}

#[test]
fn the_snapshot_teaches_its_indices_and_documents() {
    let taken = rebuilt().search(LONDON, |search| search.snapshot = Sight::Seen(Some(snapshot())));
    let before = Facts {
        snapshot: None,
        ..facts()
    };
    let learned = learnt(&before, &snapshotting(), &watched(&[(&taken, 1)]));
    assert_eq!(learned, facts());
    let unseen = learnt(&before, &snapshotting(), &watched(&[(&rebuilt(), 1)]));
    assert_eq!(unseen, before);
}

#[test]
fn a_restore_is_remembered_before_it_goes_out() {
    let request = Request::Search {
        region: PARIS,
        effect: SearchEffect::Restore {
            repository: repository().name,
            name: facts().snapshot_name(),
            indices: ["one".to_owned(), "two".to_owned()].into(),
        },
    };
    let mut known = facts();
    known.restored = ["zero".to_owned()].into();
    let restored: Vec<String> = known.before(&request).restored.into_iter().collect();
    assert_eq!(restored, ["one", "two", "zero"]);
    let pause = zeebe(ZeebeEffect::PauseExporting);
    assert_eq!(facts().before(&pause), facts());
}
