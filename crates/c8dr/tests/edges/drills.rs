//! Drills as text: what is said when a script is not understood or an expectation is not met; and the guide's list of words.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::path::Path;

use c8dr_storm::drill::words;

use super::page::{Page, hold};
use crate::stage::{Ran, Stage};

/// The command of every fault here.
const TYPED: &str = "drill night.drill --virtual";

/// Runs a script that lies in the directory.
fn drilled(stage: &Stage, script: &[u8]) -> Ran {
    std::fs::write(stage.path().join("night.drill"), script).unwrap();
    stage.run(&TYPED.split(' ').collect::<Vec<_>>())
}

#[test]
fn a_script_that_is_not_understood_is_shown_with_the_nearest_word() {
    let stage = Stage::new();
    let mut page = Page::new(
        "drills",
        "Drills",
        "A script that is not understood is not begun; every mistake in it is shown at its place.",
    );
    for (fault, script, nearest) in [
        (
            "A word that there is not",
            "world 8 brokers\nat 5s brake region1\nc8dr status expect diagnosis region-lost\n",
            "Did you mean `break`?",
        ),
        (
            "A region, a step and a code that there are not",
            "world 8 brokers\nat 5s break region2\nafter FB9 kill c8dr\nc8dr failover --lost region1 expect refused lost-region-answer\n",
            "Did you mean `lost-region-answers`?",
        ),
        (
            "A duration with a unit that there is not",
            "world 8 brokers\nat 5sec break region1\nwait 30\nexpect nothing forced within 1h1d\n",
            "`ms`, `s`, `m`, `h`",
        ),
        (
            "A number that is none",
            "world eight brokers\nload 4.5 creates/s\nexpect nothing missing\n",
            "Known here:",
        ),
        (
            "Two worlds",
            "world 8 brokers\nworld 4 brokers\nexpect nothing missing\n",
            "keep one of the two",
        ),
        (
            "A world that is too large",
            "world 400 brokers, 8 partitions\nexpect nothing missing\n",
            "from 4 to 32",
        ),
        (
            "A broker that the world does not have",
            "world 4 brokers\nbreak broker:7\nexpect nothing missing\n",
            "0 to 3",
        ),
        (
            "Something is expected of a command before there was one",
            "world 8 brokers\nexpect verified\nc8dr status\n",
            "Put a `c8dr …` line before it.",
        ),
        (
            "Nothing is expected",
            "world 8 brokers\nat 5s break region1\nc8dr failover --lost region1\n",
            "Add an `expect` line",
        ),
        (
            "A quotation mark is not closed",
            "c8dr run abort --reason \"INC-4711 expect given up\nexpect nothing missing\n",
            "Close it with another",
        ),
        (
            "Nobody waits for what goes on beside the script",
            "world 8 brokers\nben: c8dr status &\nexpect nothing missing\n",
            "Add `wait for ben`",
        ),
        (
            "What does not heal by itself is to",
            "world 8 brokers\nbreak region1 for 30s\nexpect nothing missing\n",
            "heal region1 --bare",
        ),
    ] {
        let ran = drilled(&stage, script.as_bytes())
            .exits(2)
            .says("Nothing was begun.");
        // The frame may break a sentence anywhere.
        let said = ran
            .err
            .split_whitespace()
            .filter(|word| *word != "│")
            .collect::<Vec<_>>()
            .join(" ");
        assert!(said.contains(nearest), "{fault}: {said}");
        page.fault(&stage, fault, TYPED, &ran);
    }

    let ran = drilled(&stage, b"world 4 brokers\nexpect \xff\xfe missing\n").exits(2);
    page.fault(&stage, "The script is not text", TYPED, &ran);
    let ran = stage.run(&["drill", "link-cut-both-alife"]).exits(2);
    page.fault(
        &stage,
        "There is no drill of that name",
        "drill link-cut-both-alife",
        &ran,
    );

    let script = "# One region lives.\nworld 4 brokers, seed 3\nat 5s break region1\nat 20s\nexpect all partitions led, nothing forced\n";
    let ran = drilled(&stage, script.as_bytes())
        .exits(6)
        .says("failed at line 5");
    page.fault(&stage, "An expectation is not met", TYPED, &ran);
    let script = "world 4 brokers, seed 3\nat 5s somebody pauses exporting\nwait 20s\nc8dr status expect diagnosis exporting-paused\n";
    let ran = drilled(&stage, script.as_bytes()).exits(0);
    assert!(ran.out.contains("passed: 1 expectations met"), "{}", ran.out);
    page.check();
}

#[test]
fn the_guide_has_every_word_of_a_drill() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/drills.md");
    let kept = std::fs::read_to_string(&path).unwrap();
    const MARK: &str = "do not edit it. -->\n";
    let (before, _) = kept.split_once(MARK).unwrap();
    let mut text = format!("{before}{MARK}");
    for (heading, words) in words::ALL {
        let _ = write!(
            text,
            "\n### {heading}\n\n| example | what it means |\n|---|---|\n"
        );
        for word in words {
            let _ = writeln!(text, "| `{}` | {} |", word.example, word.means);
        }
    }
    hold(&path, &text);
}
