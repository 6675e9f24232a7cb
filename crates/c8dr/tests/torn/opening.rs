//! Opening what is left of a whole run's journal: every cut, every tear, every flipped bit near its end, at every record.

use std::path::Path;

use c8dr_domain::ids::RegionId;
use c8dr_engine::drive::Finish;
use c8dr_engine::journal::{FileJournal, Journal, JournalError, recover};

use super::{Tear, home};
use crate::world::{Mortal, World};

const LOST: RegionId = RegionId(1);

/// How much of a line's beginning and end is cut at every byte; in between it is cut at every so many bytes, in a failover's
/// journal and in a failback's, which is long: each cut reads all that is before it.
const EDGE_BYTES: usize = 8;

/// Primes, so that all kinds of places are met.
const STRIDES: [usize; 2] = [3, 211];

/// The bytes of the journals of a failover and of the failback behind it, as they end verified.
async fn there_and_back() -> [Vec<u8>; 2] {
    let mut world = World::new(4, 4, 73).with_memory();
    world.loss_proven(LOST).await;
    let plan = world.plan(LOST).unwrap();
    let journal = Mortal::default();
    let there = journal.kept.clone();
    let (finish, _) = world.carry_out(plan, journal).await.unwrap();
    assert!(matches!(finish, Finish::Verified { .. }), "{finish:?}");
    world.lab.rebuild_bare(crate::world::back::region(LOST));
    let (finish, _, back) = world.fail_back_told(LOST, &|_: &_| {}).await;
    assert!(matches!(finish, Finish::Verified { .. }), "{finish:?}");
    [there, back].map(|kept| Mortal::reopened(&kept).text().to_vec())
}

/// Where each line ends, the header first.
fn ends(text: &[u8]) -> Vec<usize> {
    let ends = text.iter().zip(1..).filter(|(byte, _)| **byte == b'\n');
    ends.map(|(_, end)| end).collect()
}

/// What is left is read to as many records as are whole.
#[track_caller]
fn assert_reads(text: &[u8], records: usize, whole_bytes: usize, context: &str) {
    match recover(Path::new("journal.jsonl"), text) {
        Ok(recovered) => {
            assert_eq!(recovered.events.len(), records, "{context}");
            assert_eq!(recovered.whole_bytes, whole_bytes, "{context}");
            assert_eq!(recovered.torn, &text[whole_bytes..], "{context}");
        }
        Err(JournalError::Empty { .. }) => assert_eq!(records, 0, "{context}"),
        Err(other) => panic!("{context}: {other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn every_cut_of_a_whole_run_leaves_all_records_before_it() {
    for (text, stride) in there_and_back().await.into_iter().zip(STRIDES) {
        let ends = ends(&text);
        let mut cuts = 0;
        for (record, (from, to)) in ends.iter().zip(&ends[1..]).enumerate() {
            for cut in *from..*to {
                let is_edge = cut - from < EDGE_BYTES || to - cut < EDGE_BYTES;
                if !is_edge && (cut - from) % stride != 0 {
                    continue;
                }
                let context = format!("cut at byte {cut}, in record {}", record + 1);
                assert_reads(&text[..cut], record, *from, &context);
                cuts += 1;
            }
        }
        assert!(cuts > 1_000, "only {cuts} cuts");
    }
}

/// On a disk, with what is left of it set aside.
#[tokio::test(start_paused = true)]
async fn whatever_is_left_of_a_line_is_set_aside_and_no_record_before_it_is_lost() {
    let home = home();
    for (text, run) in there_and_back().await.into_iter().zip(["test-1", "test-2"]) {
        let ends = ends(&text);
        for (record, (from, to)) in ends.iter().zip(&ends[1..]).enumerate() {
            for tear in Tear::ALL {
                let context = format!("{tear:?} of record {} of {run}", record + 1);
                let left = tear.of(&text[*from..*to], *from);
                let there = [&text[..*from], &left].concat();
                match tear.is_whole() {
                    true => assert_reads(&there, record + 1, *to, &context),
                    false => assert_reads(&there, record, *from, &context),
                }
                // The disk is slow: of each record one kind is opened on it.
                if record > 0 && Tear::ALL[record % Tear::ALL.len()] == tear {
                    let directory = home.path().join(format!("{record}")).join(run);
                    std::fs::create_dir_all(&directory).unwrap();
                    assert_opens(
                        &directory,
                        &there,
                        if tear.is_whole() { *to } else { *from },
                        &context,
                    );
                }
            }
        }
    }
}

/// The journal is opened, cut behind its last whole line, and what was cut lies beside it.
#[track_caller]
fn assert_opens(directory: &Path, there: &[u8], whole_bytes: usize, context: &str) {
    let path = directory.join("journal.jsonl");
    std::fs::write(&path, there).unwrap();
    let (journal, recovered) = FileJournal::reopen(directory).unwrap();
    assert_eq!(journal.text(), &there[..whole_bytes], "{context}");
    assert_eq!(std::fs::read(&path).unwrap(), &there[..whole_bytes], "{context}");
    let aside = directory.join(format!("torn-at-{whole_bytes}.bin"));
    assert_eq!(recovered.torn, &there[whole_bytes..], "{context}");
    match recovered.torn.is_empty() {
        true => assert!(!aside.exists(), "{context}"),
        false => assert_eq!(std::fs::read(aside).unwrap(), recovered.torn, "{context}"),
    }
}

/// What was durable may have been acted upon: it is never dropped in silence.
#[tokio::test(start_paused = true)]
async fn a_last_line_that_was_changed_or_written_twice_is_refused_and_stays_as_it_is() {
    let home = home();
    for (text, run) in there_and_back().await.into_iter().zip(["test-1", "test-2"]) {
        let directory = home.path().join(run);
        std::fs::create_dir(&directory).unwrap();
        let path = directory.join("journal.jsonl");
        let ends = ends(&text);
        for (record, (from, to)) in ends.iter().zip(&ends[1..]).enumerate() {
            let line = &text[*from..*to];
            // The newline is left: without it the line is one that was never whole.
            let place = from + record * 37 % (line.len() - 1);
            let mut flipped = text[..*to].to_vec();
            flipped[place] ^= 1 << (record % 8);
            let twice = [&text[..*to], line].concat();
            for (there, at) in [(flipped, record + 2), (twice, record + 3)] {
                std::fs::write(&path, &there).unwrap();
                let context = format!("record {} of {run}", record + 1);
                match FileJournal::reopen(&directory) {
                    Err(JournalError::Damaged { line, .. }) => {
                        // A bit may make a newline: what stands behind it is the next line then.
                        assert!(line == at || line == at + 1, "{context}: line {line}, not {at}");
                    }
                    // Zeros are what sectors read as that never came; one bit makes none of JSON's letters to one.
                    other => panic!("{context}: {other:?}"),
                }
                assert_eq!(std::fs::read(&path).unwrap(), there, "{context}: it was changed");
            }
        }
    }
}
