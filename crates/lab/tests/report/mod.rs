//! What became of each recording, and the page that tells it: `docs/storm/fidelity.md`.
#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "test support: a failure is the point"
)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What became of a recording.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Status, type, shape and every value that is not chance are the recorded ones.
    Same,
    /// The same, but for who leads and for positions.
    SameShape,
    /// The lab goes through the recorded stages in the recorded order; when each was reached, recorded and in the lab.
    OverTime(Vec<(f64, f64)>),
    /// It does not agree.
    Differs(Vec<String>),
    /// It was not compared.
    Not(String),
}

/// The recordings of a folder, by their numbers.
pub type Folder = BTreeMap<u32, (String, Verdict)>;

thread_local! {
    static LEDGER: RefCell<BTreeMap<String, Folder>> = RefCell::default();
}

/// Notes what became of a recording, for whoever writes the page on this thread. The worse of two verdicts stays.
pub fn note(folder: &str, number: u32, step: &str, verdict: Verdict) {
    let weight = |v: &Verdict| match v {
        Verdict::Differs(_) => 0,
        Verdict::OverTime(_) => 1,
        Verdict::Same => 2,
        Verdict::SameShape => 3,
        Verdict::Not(_) => 4,
    };
    LEDGER.with_borrow_mut(|ledger| {
        let folder = ledger.entry(folder.to_owned()).or_default();
        let before = folder.get(&number).map(|(_, v)| weight(v));
        if before.is_none_or(|before| weight(&verdict) < before) {
            folder.insert(number, (step.to_owned(), verdict));
        }
    });
}

/// What was noted on this thread.
pub fn noted() -> BTreeMap<String, Folder> {
    LEDGER.with_borrow(Clone::clone)
}

pub fn page_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/storm/fidelity.md")
}

/// Compares the generated page with the kept one, or writes it where snapshots are written.
pub fn hold(text: &str) {
    let path = page_path();
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = kept.lines().zip(text.lines()).find(|(kept, now)| kept != now);
    assert!(
        kept == text,
        "{} is no longer true. First difference: {differs:?}. Read the new text, and write it with INSTA_UPDATE=always.",
        path.display()
    );
}

/// Numbers as ranges: 1–3, 5.
pub fn ranges(numbers: impl IntoIterator<Item = u32>) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, to)) if *to + 1 == number => *to = number,
            _ => ranges.push((number, number)),
        }
    }
    let words = ranges.iter().map(|(from, to)| match from == to {
        true => from.to_string(),
        false => format!("{from}–{to}"),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// One row per folder: how many recordings, and what became of them.
pub fn summary(folders: &BTreeMap<String, Folder>) -> String {
    let mut text = String::from(
        "| recordings | in all | equal to the value | equal in shape | over time | differ | not compared |\n|---|---|---|---|---|---|---|\n",
    );
    let mut all = [0; 6];
    let mut row = |name: &str, counts: [usize; 6]| {
        let cells = counts.map(|count| count.to_string()).join(" | ");
        let _ = writeln!(text, "| {name} | {cells} |");
    };
    for (name, folder) in folders {
        let count = |is: fn(&Verdict) -> bool| folder.values().filter(|(_, v)| is(v)).count();
        let counts = [
            folder.len(),
            count(|v| matches!(v, Verdict::Same)),
            count(|v| matches!(v, Verdict::SameShape)),
            count(|v| matches!(v, Verdict::OverTime(_))),
            count(|v| matches!(v, Verdict::Differs(_))),
            count(|v| matches!(v, Verdict::Not(_))),
        ];
        for (sum, one) in all.iter_mut().zip(counts) {
            *sum += one;
        }
        row(name, counts);
    }
    row("**all**", all);
    text
}

/// When each stage was reached.
pub fn times(folders: &BTreeMap<String, Folder>) -> String {
    let mut text = String::from("| recording | step | recorded, s | lab, s |\n|---|---|---|---|\n");
    for (name, folder) in folders {
        for (number, (step, verdict)) in folder {
            let Verdict::OverTime(stages) = verdict else {
                continue;
            };
            let listed = |one: fn(&(f64, f64)) -> f64| {
                let words: Vec<String> = stages.iter().map(|s| format!("{:.1}", one(s))).collect();
                words.join(", ")
            };
            let (recorded, lab) = (listed(|s| s.0), listed(|s| s.1));
            if !stages.is_empty() {
                let _ = writeln!(text, "| {name} {number} | {step} | {recorded} | {lab} |");
            }
        }
    }
    text
}

/// What differs, word for word, and why, where that is known.
pub fn differences(
    folders: &BTreeMap<String, Folder>,
    known: impl Fn(&str, u32) -> Option<&'static str>,
) -> String {
    let mut text = String::new();
    for (name, folder) in folders {
        for (number, (step, verdict)) in folder {
            if let Verdict::Differs(how) = verdict {
                let why = known(name, *number).unwrap_or("**not explained**");
                let _ = writeln!(text, "- {name} {number} ({step}): {why}");
                for one in how {
                    let _ = writeln!(text, "  - `{}`", one.replace(['\n', '`'], " "));
                }
            }
        }
    }
    text
}

/// What was not compared, by its reason.
pub fn not_compared(folders: &BTreeMap<String, Folder>) -> String {
    let mut reasons: BTreeMap<&str, BTreeMap<&str, Vec<u32>>> = BTreeMap::new();
    for (name, folder) in folders {
        for (number, (_, verdict)) in folder {
            if let Verdict::Not(why) = verdict {
                reasons
                    .entry(why)
                    .or_default()
                    .entry(name)
                    .or_default()
                    .push(*number);
            }
        }
    }
    let mut text = String::new();
    for (why, wheres) in reasons {
        let wheres: Vec<String> = wheres
            .into_iter()
            .map(|(name, numbers)| format!("{name} {}", ranges(numbers)))
            .collect();
        let _ = writeln!(text, "- {why}: {}", wheres.join("; "));
    }
    text
}
