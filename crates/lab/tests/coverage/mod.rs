//! Which recordings the lab is held against, and why not against the others.
#![expect(unreachable_pub, reason = "test support")]

use std::collections::BTreeMap;

use crate::recorded::files;
use crate::report::{Folder, Verdict};

const COVERED: &str = "compared with the lab's answer";
const POLL: &str = "compared with the lab's answers over time";
const SEARCH: &str = "what the search stand-in counted: the lab's search is counted by `audit` instead";
const GRPC: &str = "printed by zbctl; gRPC answers from the same view as REST, `grpc.rs` checks that";
const LOAD: &str = "the clients' own log: outcomes are checked in `edges.rs`";
const START: &str = "the first start of a cluster is not modelled: a lab begins healthy";
const ASSERTED: &str = "held by an assertion of the script, not by comparing the answer";
const MOMENT: &str = "a moment in the middle of something that chance places elsewhere";
const SIMILAR: &str = "positions and ids of a long run; the behaviour is checked in `edges.rs`";

/// Folder, first and last number, and what becomes of them.
const TABLE: &[(&str, u32, u32, &str)] = &[
    ("1-main-4-brokers", 1, 1, START),
    ("1-main-4-brokers", 2, 20, COVERED),
    ("1-main-4-brokers", 21, 21, GRPC),
    ("1-main-4-brokers", 22, 23, SEARCH),
    ("1-main-4-brokers", 24, 62, COVERED),
    ("1-main-4-brokers", 63, 63, POLL),
    (
        "1-main-4-brokers",
        64,
        65,
        "the same answers as 66 and 74, for longer",
    ),
    ("1-main-4-brokers", 66, 74, COVERED),
    ("1-main-4-brokers", 75, 75, GRPC),
    ("1-main-4-brokers", 76, 76, COVERED),
    ("1-main-4-brokers", 77, 78, SEARCH),
    ("1-main-4-brokers", 79, 87, COVERED),
    ("1-main-4-brokers", 88, 89, POLL),
    ("1-main-4-brokers", 90, 90, "the same answer as 94"),
    ("1-main-4-brokers", 91, 101, COVERED),
    ("1-main-4-brokers", 102, 102, GRPC),
    ("1-main-4-brokers", 103, 104, SEARCH),
    ("1-main-4-brokers", 105, 110, COVERED),
    ("1-main-4-brokers", 111, 112, SEARCH),
    ("1-main-4-brokers", 113, 117, COVERED),
    ("1-main-4-brokers", 118, 118, POLL),
    ("1-main-4-brokers", 119, 135, COVERED),
    ("1-main-4-brokers", 136, 136, GRPC),
    ("1-main-4-brokers", 137, 145, COVERED),
    ("1-main-4-brokers", 146, 147, SEARCH),
    ("1-main-4-brokers", 148, 152, COVERED),
    ("1-main-4-brokers", 153, 153, SEARCH),
    ("1-main-4-brokers", 154, 154, COVERED),
    ("1-main-4-brokers", 155, 156, SEARCH),
    ("1-main-4-brokers", 157, 161, COVERED),
    ("1-main-4-brokers", 162, 162, POLL),
    ("1-main-4-brokers", 163, 163, MOMENT),
    ("1-main-4-brokers", 164, 165, ASSERTED),
    ("1-main-4-brokers", 166, 183, COVERED),
    ("1-main-4-brokers", 184, 185, GRPC),
    ("1-main-4-brokers", 186, 187, COVERED),
    ("1-main-4-brokers", 188, 189, SEARCH),
    ("1-main-4-brokers", 190, 190, LOAD),
    ("2-main-8-brokers", 1, 3, START),
    ("2-main-8-brokers", 4, 36, COVERED),
    ("2-main-8-brokers", 37, 37, GRPC),
    ("2-main-8-brokers", 38, 39, SEARCH),
    ("2-main-8-brokers", 40, 41, COVERED),
    (
        "2-main-8-brokers",
        42,
        43,
        "the same answers as 44 and 60, for longer",
    ),
    ("2-main-8-brokers", 44, 60, COVERED),
    ("2-main-8-brokers", 61, 61, GRPC),
    ("2-main-8-brokers", 62, 62, COVERED),
    ("2-main-8-brokers", 63, 64, SEARCH),
    ("2-main-8-brokers", 65, 68, COVERED),
    ("2-main-8-brokers", 69, 69, "the same answer as 71"),
    ("2-main-8-brokers", 70, 71, COVERED),
    ("2-main-8-brokers", 72, 88, MOMENT),
    ("2-main-8-brokers", 89, 89, GRPC),
    ("2-main-8-brokers", 90, 91, SEARCH),
    ("2-main-8-brokers", 92, 96, COVERED),
    ("2-main-8-brokers", 97, 97, MOMENT),
    ("2-main-8-brokers", 98, 99, SEARCH),
    ("2-main-8-brokers", 100, 133, COVERED),
    ("2-main-8-brokers", 134, 134, GRPC),
    ("2-main-8-brokers", 135, 143, COVERED),
    ("2-main-8-brokers", 144, 145, SEARCH),
    ("2-main-8-brokers", 146, 150, COVERED),
    ("2-main-8-brokers", 151, 151, SEARCH),
    ("2-main-8-brokers", 152, 152, COVERED),
    ("2-main-8-brokers", 153, 154, SEARCH),
    ("2-main-8-brokers", 155, 160, COVERED),
    ("2-main-8-brokers", 161, 165, MOMENT),
    ("2-main-8-brokers", 166, 199, COVERED),
    ("2-main-8-brokers", 200, 201, GRPC),
    ("2-main-8-brokers", 202, 202, COVERED),
    (
        "2-main-8-brokers",
        203,
        203,
        "who leads after a rebalance is chance with 8 brokers; 187 of the first run is compared",
    ),
    ("2-main-8-brokers", 204, 205, SEARCH),
    ("2-main-8-brokers", 206, 206, LOAD),
    ("3-stuck-4-brokers", 1, 1, START),
    ("3-stuck-4-brokers", 2, 4, COVERED),
    (
        "3-stuck-4-brokers",
        5,
        5,
        "the same answer as before a cancel, for longer",
    ),
    ("3-stuck-4-brokers", 6, 11, COVERED),
    ("3-stuck-4-brokers", 12, 12, "the same answer as 15, for longer"),
    ("3-stuck-4-brokers", 13, 22, COVERED),
    ("3-stuck-4-brokers", 23, 23, "the same answer as 24"),
    ("3-stuck-4-brokers", 24, 29, COVERED),
    ("3-stuck-4-brokers", 30, 30, ASSERTED),
    ("3-stuck-4-brokers", 31, 31, COVERED),
    ("3-stuck-4-brokers", 32, 32, ASSERTED),
    ("3-stuck-4-brokers", 33, 33, POLL),
    ("3-stuck-4-brokers", 34, 34, MOMENT),
    ("3-stuck-4-brokers", 35, 36, COVERED),
    ("3-stuck-4-brokers", 37, 37, LOAD),
    ("6-drain", 1, 11, SIMILAR),
    ("6-drain", 12, 13, SEARCH),
    ("6-drain", 14, 14, COVERED),
    ("6-drain", 15, 40, SIMILAR),
    (
        "6-drain",
        41,
        41,
        "a metrics page: the lab's series are held against its names",
    ),
    ("7-survivor-down", 1, 1, ASSERTED),
    ("7-survivor-down", 2, 3, COVERED),
    ("7-survivor-down", 4, 4, "the pending change of 9, for longer"),
    ("7-survivor-down", 5, 20, COVERED),
    (
        "7-survivor-down",
        21,
        21,
        "whether the ended broker is still listed is a matter of seconds",
    ),
    ("7-survivor-down", 22, 22, COVERED),
    ("7-survivor-down", 23, 24, ASSERTED),
    ("7-survivor-down", 25, 25, COVERED),
    ("7-survivor-down", 26, 26, ASSERTED),
    ("7-survivor-down", 27, 27, "as 21"),
    ("7-survivor-down", 90, 90, "a log of the real broker"),
    ("8-resume-incomplete", 1, 2, "as in the first run"),
    ("8-resume-incomplete", 3, 3, COVERED),
    ("8-resume-incomplete", 4, 5, SIMILAR),
    ("8-resume-incomplete", 6, 7, COVERED),
    ("8-resume-incomplete", 8, 10, ASSERTED),
    ("8-resume-incomplete", 11, 11, COVERED),
    ("8-resume-incomplete", 12, 12, ASSERTED),
    ("8-resume-incomplete", 13, 25, COVERED),
    ("8-resume-incomplete", 26, 26, ASSERTED),
    ("8-resume-incomplete", 27, 28, COVERED),
    ("8-resume-incomplete", 29, 29, ASSERTED),
    ("8-resume-incomplete", 30, 31, COVERED),
    ("8-resume-incomplete", 32, 36, COVERED),
    ("8-resume-incomplete", 37, 40, "a second restart, as 25 to 31"),
    ("12-stale-lastChange", 1, 3, COVERED),
    ("12-stale-lastChange", 4, 4, ASSERTED),
    ("14-region0-lost", 1, 22, COVERED),
    ("14-region0-lost", 23, 23, ASSERTED),
    ("14-region0-lost", 24, 24, POLL),
    ("14-region0-lost", 25, 36, COVERED),
    (
        "14-region0-lost",
        37,
        39,
        "the change of 36 under way; its outcome is 40",
    ),
    ("14-region0-lost", 40, 42, COVERED),
];

/// Compares what was noted with the table: what it calls compared must have been, and the rest gets its reason.
pub fn explain(folders: &mut BTreeMap<String, Folder>) -> Vec<String> {
    let mut problems = Vec::new();
    for (folder, first, last, what) in TABLE {
        let noted = folders.entry((*folder).to_owned()).or_default();
        for name in files(folder) {
            let number = name.split('-').next().and_then(|n| n.parse::<u32>().ok());
            let Some(number) = number.filter(|n| (first..=last).contains(&n)) else {
                continue;
            };
            let claimed = *what == COVERED || *what == POLL;
            if claimed != noted.contains_key(&number) {
                problems.push(format!("{folder} {number}: the table says {what:?}"));
            }
            if !claimed {
                let step = name
                    .split_once('-')
                    .map_or("", |(_, rest)| rest.trim_end_matches(".json"));
                noted.insert(number, (step.to_owned(), Verdict::Not((*what).to_owned())));
            }
        }
    }
    problems
}

#[test]
fn every_recording_is_covered_or_explained() {
    let mut folders: Vec<&str> = TABLE.iter().map(|(folder, ..)| *folder).collect();
    folders.dedup();
    for folder in folders {
        for name in files(folder) {
            let Some(number) = name.split('-').next().and_then(|n| n.parse::<u32>().ok()) else {
                continue;
            };
            let entries = TABLE
                .iter()
                .filter(|(f, a, b, _)| *f == folder && (*a..=*b).contains(&number));
            assert_eq!(entries.count(), 1, "{folder}/{name}");
        }
    }
}
