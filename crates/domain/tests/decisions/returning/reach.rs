//! What pods of the surviving region could write into both searches.

use c8dr_domain::platform::{Trial, WriteTrial};

use super::*;

fn arrives() -> Condition {
    Condition::WritesArrive {
        from: LONDON,
        exporters: [LONDON, PARIS].map(|region| (region, exporter(region))).into(),
    }
}

/// Each of two brokers wrote into its own region's search, and this came of the other one's.
fn tried(theirs: [Trial; 2]) -> World {
    let [one, two] = theirs;
    let written = || Trial::Written {
        cluster: "uuid-of-0".to_owned(),
    };
    let writes = [
        ("camunda-zeebe-0", LONDON, written()),
        ("camunda-zeebe-0", PARIS, one),
        ("camunda-zeebe-1", LONDON, written()),
        ("camunda-zeebe-1", PARIS, two),
    ]
    .map(|(pod, to, outcome)| WriteTrial {
        pod: pod.to_owned(),
        to,
        outcome,
    });
    rebuilt().platform(LONDON, |platform| platform.writes = Sight::Seen(writes.into()))
}

fn there() -> Trial {
    Trial::Written {
        cluster: "uuid-of-1".to_owned(),
    }
}

#[test]
fn what_brokers_write_arrives_where_it_should() {
    let untried = || Trial::Untried {
        why: "there is no curl in it".to_owned(),
    };
    let failed = || Trial::Failed {
        why: "curl there ended with 28".to_owned(),
    };
    let elsewhere = || Trial::Written {
        cluster: "uuid-of-another".to_owned(),
    };
    for (theirs, how, says) in [
        (
            [there(), there()],
            Met,
            "Both searches have taken what camunda-zeebe-0 and camunda-zeebe-1",
        ),
        // One of them is enough to know the way where the others could not try it.
        ([there(), untried()], Met, "Both searches have taken"),
        ([untried(), untried()], Met, "was not tried"),
        // One that does not get there holds up its partitions, whatever the others do.
        (
            [there(), failed()],
            NotYet,
            "camunda-zeebe-1 of region london cannot write into the search of region paris: curl there ended with 28",
        ),
        ([untried(), failed()], NotYet, "cannot write"),
        ([elsewhere(), there()], Broken, "leads elsewhere"),
    ] {
        stands(&arrives(), &tried(theirs), how, says);
    }
}

/// What was not asked, or could not be, is not taken for a way that was proven.
#[test]
fn what_was_not_tried_is_not_proven() {
    stands(&arrives(), &rebuilt(), NotYet, "tried by a run alone");
    stands(
        &arrives(),
        &rebuilt().without_platform(LONDON),
        NotYet,
        "Nothing was tried",
    );
    let silent = rebuilt().platform(LONDON, |platform| platform.writes = unread());
    stands(&arrives(), &silent, NotYet, "cannot be tried");
    let nobody = rebuilt().platform(LONDON, |platform| platform.writes = Sight::Seen(Vec::new()));
    stands(&arrives(), &nobody, Met, "no pod was found to write from");
}

/// A document that arrived somewhere proves nothing while it is not known which cluster should have it.
#[test]
fn a_cluster_that_cannot_be_read_is_not_taken_for_the_right_one() {
    let world = tried([there(), there()]).search(PARIS, |search| search.cluster = unread());
    stands(&arrives(), &world, NotYet, "cannot be read");
}

/// The search whose cluster it should be is asked in the same look, or its UUID could not be compared.
#[test]
fn which_cluster_it_should_be_is_asked_with_it() {
    let asks = c8dr_domain::condition::Asks::of([&arrives()], &facts());
    assert_eq!(asks.searches.keys().copied().collect::<Vec<_>>(), [LONDON, PARIS]);
    assert_eq!(asks.writes[&LONDON].len(), 2);
}
