//! What is said of planted mistakes, and by builds that have none: `docs/storm/planted.md` names every one that there is.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

use c8dr_domain::planted::Bug;

fn c8dr(args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_c8dr"));
    let run = command.env_clear().args(args).output().unwrap();
    (run.status.code(), String::from_utf8(run.stderr).unwrap())
}

#[test]
fn the_page_names_every_mistake_and_no_other() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/storm/planted.md");
    let page = std::fs::read_to_string(page).unwrap();
    let named: Vec<&str> = (page.lines())
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let known: Vec<&str> = Bug::ALL.iter().map(|bug| bug.as_str()).collect();
    assert_eq!(
        named, known,
        "the table of `c8dr storm --planted all` is out of date"
    );
    for bug in Bug::ALL {
        assert!(page.contains(bug.words()), "{}", bug.words());
    }
}

#[cfg(not(feature = "planted"))]
#[test]
fn a_real_build_has_nothing_to_plant_and_says_how_to_get_one_that_has() {
    for args in [
        &["storm", "--planted", "all"][..],
        &["storm", "--seed", "3", "--planted", "blind-repeat"],
    ] {
        let (code, said) = c8dr(args);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("--features planted"), "{said}");
    }
}

#[cfg(feature = "planted")]
#[test]
fn a_mistake_that_there_is_not_is_answered_with_the_nearest() {
    let (code, said) = c8dr(&["storm", "--planted", "blind-repaet"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("Did you mean `blind-repeat`?"), "{said}");
}

#[test]
fn parts_that_there_are_not_are_refused_with_those_that_there_are() {
    let (code, said) = c8dr(&["storm", "--without", "1,cutt"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("cut, old-disks, bucket"), "{said}");
}
