//! What lies outside this machine: one direction of any number of machines, and a run that another one goes on with.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use c8dr_domain::ids::{RegionId, RunId};
use c8dr_domain::observation::{Sight, Silence};
use c8dr_engine::direction::{self, Claim, Direction, DirectionError};
use c8dr_engine::handover::{self, NotShared, Shared};
use c8dr_engine::ports::{Bucket, PutNew};
use futures_util::future::{BoxFuture, join_all};

const LONDON: RegionId = RegionId(0);
const PARIS: RegionId = RegionId(1);

/// What a bucket does to the puts that come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Well,
    /// The object is there, and the answer is lost.
    LostAfter,
    /// Nothing is there, and the answer is lost.
    LostBefore,
    /// Nobody listens.
    Down,
}

/// A bucket in memory, in one of its moods.
struct Pail {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    mood: Mutex<Mood>,
}

impl Pail {
    fn new() -> Self {
        Pail {
            objects: Mutex::default(),
            mood: Mutex::new(Mood::Well),
        }
    }

    fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    fn holds(&self, key: &str, bytes: &[u8]) {
        self.objects
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key.to_owned(), bytes.to_vec());
    }

    fn keys(&self) -> Vec<String> {
        self.objects
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .cloned()
            .collect()
    }

    fn seen<T>(&self, value: impl FnOnce(&BTreeMap<String, Vec<u8>>) -> T) -> Sight<T> {
        match *self.mood.lock().unwrap_or_else(PoisonError::into_inner) {
            Mood::Down => Sight::Silent {
                why: Silence::Refused,
                detail: String::new(),
            },
            _ => Sight::Seen(value(
                &self.objects.lock().unwrap_or_else(PoisonError::into_inner),
            )),
        }
    }
}

impl Bucket for Pail {
    fn place(&self) -> String {
        "the pail".to_owned()
    }

    fn put_new<'a>(&'a self, key: &'a str, bytes: Vec<u8>) -> BoxFuture<'a, PutNew> {
        Box::pin(async move {
            // Others get their turn between the listing and the put.
            tokio::task::yield_now().await;
            let mood = std::mem::replace(
                &mut *self.mood.lock().unwrap_or_else(PoisonError::into_inner),
                Mood::Well,
            );
            let unknown = PutNew::Unknown {
                detail: "no answer".to_owned(),
            };
            match mood {
                Mood::Down => {
                    self.is(Mood::Down);
                    return PutNew::NotSent {
                        why: Silence::Refused,
                        detail: String::new(),
                    };
                }
                Mood::LostBefore => return unknown,
                Mood::Well | Mood::LostAfter => {}
            }
            let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
            if objects.contains_key(key) {
                return PutNew::Exists;
            }
            objects.insert(key.to_owned(), bytes);
            match mood {
                Mood::LostAfter => unknown,
                _ => PutNew::Written,
            }
        })
    }

    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Sight<Option<Vec<u8>>>> {
        Box::pin(async move { self.seen(|objects| objects.get(key).cloned()) })
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Sight<Vec<String>>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.seen(|objects| {
                objects
                    .keys()
                    .filter(|key| key.starts_with(prefix))
                    .cloned()
                    .collect()
            })
        })
    }
}

fn wanted(lost: RegionId, run: &str) -> Direction {
    Direction {
        format: 0,
        number: 0,
        lost,
        lost_name: format!("region {lost}"),
        run: RunId::new(run),
        by: "somebody".to_owned(),
        at: jiff::Timestamp::UNIX_EPOCH,
    }
}

async fn claim(pail: &Pail, lost: RegionId, run: &str) -> Claim {
    direction::claim(pail, "camunda", &wanted(lost, run)).await
}

#[tokio::test]
async fn of_machines_that_give_up_both_regions_at_once_one_direction_is_granted() {
    let pail = Pail::new();
    let claims = join_all((0..64).map(|i| {
        let pail = &pail;
        async move { (i % 2, claim(pail, RegionId(i % 2), &format!("run-{i}")).await) }
    }))
    .await;
    let mut granted = Vec::new();
    for (region, claimed) in &claims {
        match claimed {
            Claim::Granted(direction) => granted.push((*region, direction.lost, direction.run.clone())),
            Claim::Opposite(direction) => assert_ne!(direction.lost, RegionId(*region)),
            Claim::Unknown(words) | Claim::Unreadable(words) => panic!("{words}"),
        }
    }
    assert_eq!(granted.len(), 32);
    assert!(
        granted
            .iter()
            .all(|(region, lost, run)| RegionId(*region) == *lost && *run == granted[0].2)
    );
    assert_eq!(pail.keys(), ["camunda/direction/000001.json"]);
}

#[tokio::test]
async fn the_opposite_is_refused_until_the_direction_is_closed() {
    let pail = Pail::new();
    let Claim::Granted(first) = claim(&pail, PARIS, "run-1").await else {
        panic!("the first claim is granted");
    };
    assert!(matches!(claim(&pail, LONDON, "run-2").await, Claim::Opposite(found) if found == first));
    assert_eq!(direction::open(&pail, "camunda").await, Ok(Some(first.clone())));
    // Another installation in the same bucket is another matter.
    assert_eq!(direction::open(&pail, "other").await, Ok(None));
    let at = "2026-01-02T12:00:00Z".parse().unwrap();
    let run = RunId::new("run-3");
    for _ in 0..2 {
        direction::close(&pail, "camunda", &first, &run, "failback verified", at)
            .await
            .unwrap();
    }
    assert_eq!(direction::open(&pail, "camunda").await, Ok(None));
    assert!(matches!(claim(&pail, LONDON, "run-4").await, Claim::Granted(found) if found.number == 2));
}

#[tokio::test]
async fn an_answer_that_is_lost_is_settled_by_reading() {
    let pail = Pail::new();
    pail.is(Mood::LostBefore);
    assert!(
        matches!(claim(&pail, PARIS, "run-1").await, Claim::Unknown(words) if words.contains("not known"))
    );
    pail.is(Mood::LostAfter);
    assert!(matches!(claim(&pail, PARIS, "run-1").await, Claim::Granted(_)));
    pail.is(Mood::Down);
    assert!(matches!(claim(&pail, PARIS, "run-1").await, Claim::Unknown(_)));
}

#[tokio::test]
async fn a_record_that_is_not_understood_grants_nothing() {
    let record = r#"{"format":1,"number":1,"lost":1,"lost_name":"paris","run":"r","by":"b","at":"2026-01-01T12:00:00Z"}"#;
    for (bytes, says) in [
        ("<html>".to_owned(), "is no direction record of c8dr"),
        (
            r#"{"format":1,"region":"paris"}"#.to_owned(),
            "is no direction record of c8dr",
        ),
        // A newer form may have any shape but that of its version.
        (
            r#"{"format":9,"given_up":["paris"]}"#.to_owned(),
            "has format 9; this c8dr reads up to 1",
        ),
        (
            record.replace("\"number\":1", "\"number\":4"),
            "calls itself number 4",
        ),
        (record.replace("\"lost\":1", "\"lost\":3"), "names region 3"),
        (
            record[..record.len() / 2].to_owned(),
            "is no direction record of c8dr",
        ),
    ] {
        let pail = Pail::new();
        pail.holds("camunda/direction/000001.json", bytes.as_bytes());
        let claimed = claim(&pail, PARIS, "run-1").await;
        assert!(
            matches!(&claimed, Claim::Unreadable(words) if words.contains(says)),
            "{claimed:?}"
        );
        let open = direction::open(&pail, "camunda").await;
        assert!(
            matches!(&open, Err(DirectionError::Unreadable(words)) if words.contains(says)),
            "{open:?}"
        );
        assert_eq!(
            pail.keys(),
            ["camunda/direction/000001.json"],
            "something was written"
        );
    }
}

#[tokio::test]
async fn a_journal_outside_is_the_journal_byte_by_byte() {
    let pail = Pail::new();
    let run = RunId::new("run-1");
    let mut shared = Shared::new("camunda", run.clone());
    let journal = b"header\none\ntwo\nthree\n";
    for end in [7, 11, 11, 21] {
        shared.share(&pail, &journal[..end]).await.unwrap();
    }
    assert_eq!(handover::text(&pail, "camunda", &run).await.unwrap(), journal);
    assert_eq!(
        handover::runs(&pail, "camunda").await.unwrap(),
        std::slice::from_ref(&run)
    );
    assert_eq!(pail.keys().len(), 3);
    // Going on from there: what is outside is the beginning of ours.
    let mut again = Shared::resumed(&pail, "camunda", run.clone(), journal)
        .await
        .unwrap();
    again
        .share(&pail, b"header\none\ntwo\nthree\nfour\n")
        .await
        .unwrap();
    // The first machine, which knows nothing of it, writes the same number and sees that it is too late.
    assert_eq!(
        shared.share(&pail, b"header\none\ntwo\nthree\nvier\n").await,
        Err(NotShared::TakenOver)
    );
    // Going on anew, it sees that what is there is not its own, and here no journal either.
    let mine = b"header\none\ntwo\nthree\nvier\n";
    let not_shared = Shared::resumed(&pail, "camunda", run, mine).await.unwrap_err();
    assert!(matches!(not_shared, NotShared::Spoilt(_)), "{not_shared:?}");
}

#[tokio::test]
async fn a_piece_whose_answer_is_lost_is_ours_all_the_same() {
    let pail = Pail::new();
    let run = RunId::new("run-1");
    let mut shared = Shared::new("camunda", run.clone());
    pail.is(Mood::LostAfter);
    shared.share(&pail, b"header\n").await.unwrap();
    pail.is(Mood::LostBefore);
    assert!(matches!(
        shared.share(&pail, b"header\none\n").await,
        Err(NotShared::Unreachable(_))
    ));
    shared.share(&pail, b"header\none\n").await.unwrap();
    assert_eq!(
        handover::text(&pail, "camunda", &run).await.unwrap(),
        b"header\none\n"
    );
}

#[tokio::test]
async fn a_record_with_a_hole_or_a_stranger_in_it_is_no_journal() {
    let check = async |keys: &[&str], says: &str| {
        let pail = Pail::new();
        for key in keys {
            pail.holds(&format!("camunda/runs/run-1/{key}"), b"line\n");
        }
        let run = RunId::new("run-1");
        let error = handover::text(&pail, "camunda", &run).await.unwrap_err();
        assert_eq!(error.to_string(), says);
        let not_shared = Shared::resumed(&pail, "camunda", run, b"line\n")
            .await
            .unwrap_err();
        assert_eq!(not_shared, NotShared::Spoilt(says.to_owned()));
    };
    check(
        &["00000001.jsonl", "00000003.jsonl"],
        "The record the pail camunda/runs/run-1/ has a hole: it goes on with 00000003.jsonl where line 2 is due.",
    )
    .await;
    check(
        &["00000002.jsonl"],
        "The record the pail camunda/runs/run-1/ has a hole: it goes on with 00000002.jsonl where line 1 is due.",
    )
    .await;
    check(
        &["00000001.jsonl", "notes.txt"],
        "notes.txt lies in the record the pail camunda/runs/run-1/, and is no piece of a journal.",
    )
    .await;
}
