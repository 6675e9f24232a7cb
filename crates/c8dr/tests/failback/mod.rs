//! A room for each kind of trouble.

mod laws;
mod straight;

use c8dr_domain::ids::RegionId;
use c8dr_domain::run::{Run, Stop};
use c8dr_engine::drive::Finish;

const REGIONS: [RegionId; 2] = [RegionId(0), RegionId(1)];

/// The region that is lost where it does not matter which.
const LOST: RegionId = RegionId(1);

#[track_caller]
fn assert_verified(finish: &Finish, context: &str) {
    assert!(
        matches!(finish, Finish::Verified { .. }),
        "{context}: {finish:#?}"
    );
}

/// The words with which a run stopped.
#[track_caller]
fn stopped(finish: &Finish, wanted: Stop, says: &str) -> String {
    let Finish::Stopped { stop, words, .. } = finish else {
        panic!("not stopped: {finish:#?}")
    };
    assert_eq!(*stop, wanted, "{words}");
    assert!(words.contains(says), "{says:?} is not in {words:?}");
    words.clone()
}

/// The facts of a certificate: where both searches were proven to be the same, and by what.
#[track_caller]
fn assert_certified(run: &Run, context: &str) {
    let facts = &run.facts;
    let partitions: Vec<_> = run.plan.installation.partitions().collect();
    assert_eq!(facts.positions.len(), partitions.len(), "{context}: V is whole");
    let snapshot = facts.snapshot.as_ref().expect(context);
    assert!(
        snapshot.uuid.is_some(),
        "{context}: the snapshot is known by its uuid"
    );
    assert!(!snapshot.indices.is_empty(), "{context}");
    assert_eq!(
        snapshot.indices,
        snapshot.documents.keys().cloned().collect(),
        "{context}"
    );
    assert_eq!(
        facts.restored, snapshot.indices,
        "{context}: exactly what was in it"
    );
    assert_eq!(facts.clusters.len(), 2, "{context}: both searches are known");
    let compared = facts.compared.as_ref().expect(context);
    for partition in partitions {
        assert!(
            compared.up_to.get(&partition) >= facts.positions.get(&partition),
            "{context}: compared up to V at least"
        );
    }
    let held: Vec<_> = compared.held.values().collect();
    assert_eq!(held.len(), 2, "{context}");
    assert_eq!(held[0], held[1], "{context}: both searches hold the same");
    assert!(
        held[0].values().any(|held| held.count > 0),
        "{context}: and not nothing"
    );
}
