//! The loop of every harness: kept cases, untouched seeds, then mutations; what breaks is made small and written down.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use c8dr_domain::plain::is_obeyed;
use c8dr_engine::clock::Clock;

use super::mutate::Chance;

/// How long reading one input may take. A mutated recording is read in a millisecond; two seconds are a blow-up.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a failing input is tried smaller.
const SHRINKS_MAX: usize = 400;

/// What a property says of an input: a sentence if it does not hold.
pub(crate) type Verdict = Result<(), String>;

/// Runs one harness: its corpus `fuzz/corpus/NAME`, its seeds as they are, then `rounds` inputs from `spoil`.
///
/// `C8DR_FUZZ_SECONDS` makes it go on for so long; `C8DR_FUZZ_SEED` lets it draw others.
#[track_caller]
pub(crate) fn fuzz(
    name: &str,
    rounds: u32,
    seeds: &[Vec<u8>],
    mut spoil: impl FnMut(&mut Chance) -> Vec<u8>,
    judge: impl Fn(&[u8]) -> Verdict,
) {
    let clock = Clock::system();
    let begun = clock.now();
    let judged = |input: &[u8]| -> Verdict {
        let before = clock.now();
        let verdict =
            catch_unwind(AssertUnwindSafe(|| judge(input))).unwrap_or_else(|_| Err("it panicked".to_owned()));
        let took = clock.now().since(before);
        verdict?;
        if took > PATIENCE {
            return Err(format!("{} bytes took {took:?}", input.len()));
        }
        Ok(())
    };
    for (file, case) in corpus(name) {
        if let Err(why) = judged(&case) {
            panic!("{name}: the kept case {}: {why}", file.display());
        }
    }
    for seed in seeds {
        if let Err(why) = judged(seed) {
            panic!(
                "{name}: a seed as it was recorded: {why}\n{}",
                String::from_utf8_lossy(seed)
            );
        }
    }
    let number = |variable: &str| {
        std::env::var(variable)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let seconds = number("C8DR_FUZZ_SECONDS").map(Duration::from_secs);
    let mut chance = Chance::new(number("C8DR_FUZZ_SEED").unwrap_or(0), name);
    let mut done = 0_u32;
    while match seconds {
        Some(seconds) => clock.now().since(begun) < seconds,
        None => done < rounds,
    } {
        let input = spoil(&mut chance);
        if let Err(why) = judged(&input) {
            found(name, done, &input, &why, judged);
        }
        done += 1;
    }
    println!("{name}: {done} inputs in {:?}", clock.now().since(begun));
}

/// Makes a failing input smaller while it fails, writes it down, and ends the test.
#[track_caller]
fn found(name: &str, round: u32, input: &[u8], why: &str, judged: impl Fn(&[u8]) -> Verdict) -> ! {
    let mut small = input.to_vec();
    let (mut why, mut tries) = (why.to_owned(), 0);
    let mut step = small.len() / 2;
    while step > 0 && tries < SHRINKS_MAX {
        let mut at = 0;
        while at < small.len() && tries < SHRINKS_MAX {
            let mut smaller = small.clone();
            smaller.drain(at..(at + step).min(small.len()));
            tries += 1;
            match judged(&smaller) {
                Err(words) => (small, why) = (smaller, words),
                Ok(()) => at += step,
            }
        }
        step /= 2;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz").join(name);
    let file = folder.join(format!("round-{round}"));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(&file, &small).unwrap();
    let shown: String = String::from_utf8_lossy(&small).chars().take(600).collect();
    panic!(
        "{name}, round {round}: {why}\n{} bytes of {} are left, kept in {}; `fuzz/README.md` tells what to do with them:\n{shown}",
        small.len(),
        input.len(),
        file.display(),
    );
}

/// The kept cases of a harness, in the order of their names.
pub(crate) fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(name);
    let Ok(files) = std::fs::read_dir(&folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
        .into_iter()
        .map(|file| (file.clone(), std::fs::read(&file).unwrap()))
        .collect()
}

/// Words that come out of a reader, which somebody will see: nothing in them is obeyed, and they are short.
pub(crate) fn harmless(words: &str) -> Verdict {
    // A refusal keeps a thousand characters, each of which may be spelled out with nine.
    bounded(words, 10_000, is_obeyed)
}

/// Words of which `bad` are never there, and which are at most `bytes_max` long.
pub(crate) fn bounded(words: &str, bytes_max: usize, bad: impl Fn(char) -> bool) -> Verdict {
    if let Some(c) = words.chars().find(|c| bad(*c)) {
        let words: String = words.chars().take(300).collect();
        return Err(format!("it says {c:?} in {words:?}"));
    }
    if words.len() > bytes_max {
        let start: String = words.chars().take(300).collect();
        return Err(format!("it says {} bytes: {start}…", words.len()));
    }
    Ok(())
}

/// An error with all its causes, as a screen shows it.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    words
}
