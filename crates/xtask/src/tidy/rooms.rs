//! Rules about the rooms of the house: which there are, who may use whom, and what the domain must never know.

use std::collections::{BTreeMap, BTreeSet};

use super::repository::{DependencyKind, Package, Repository, TrackedFile};
use super::rust_code::code_only;
use super::{Finding, Rule};

/// A crate of ours and whom it may use.
struct Room {
    /// Its folder under `crates/`.
    folder: &'static str,
    /// The name of its package.
    package: &'static str,
    /// The packages of ours that it may use.
    may_use: &'static [&'static str],
    /// The packages of ours that its tests may use besides.
    tests_may_use: &'static [&'static str],
}

const DOMAIN: &str = "c8dr-domain";
const ENGINE: &str = "c8dr-engine";
const SYSTEMS: &str = "c8dr-systems";
const LAB: &str = "c8dr-lab";

/// All rooms: `domain ← engine ← {systems, lab} ← c8dr`, and xtask beside them.
///
/// systems and lab must never share types: where both sides of a wire are made from one structure, one
/// misunderstanding passes both. The lab's tests may drive it through the real adapters, which is the opposite: it
/// holds the two understandings against each other.
const ROOMS: &[Room] = &[
    Room {
        folder: "domain",
        package: DOMAIN,
        may_use: &[],
        tests_may_use: &[],
    },
    Room {
        folder: "engine",
        package: ENGINE,
        may_use: &[DOMAIN],
        tests_may_use: &[],
    },
    Room {
        folder: "systems",
        package: SYSTEMS,
        may_use: &[DOMAIN, ENGINE],
        tests_may_use: &[],
    },
    Room {
        folder: "lab",
        package: LAB,
        may_use: &[DOMAIN, ENGINE],
        tests_may_use: &[SYSTEMS],
    },
    Room {
        folder: "c8dr",
        package: "c8dr",
        may_use: &[DOMAIN, ENGINE, SYSTEMS, LAB],
        tests_may_use: &[],
    },
    Room {
        folder: "xtask",
        package: "xtask",
        may_use: &[],
        tests_may_use: &[],
    },
];

/// Packages, or beginnings of their names up to a dash, that bring async, I/O or a network with them.
const OUTSIDE_WORLD: &[&str] = &[
    "async", "axum", "futures", "hyper", "kube", "mio", "reqwest", "smol", "socket2", "tokio", "tonic",
    "tower",
];

/// What code of the domain must not say, and what it should say or do instead.
const NOT_IN_DOMAIN: &[(&[&str], &str)] = &[
    (
        &["async fn", "async move", "async {", ".await"],
        "decide on values that were read before; reading them is engine's work",
    ),
    (
        &[
            "std::env",
            "std::fs",
            "std::io",
            "std::net",
            "std::process",
            "std::thread",
        ],
        "take the content as an argument; reading it is engine's or systems' work",
    ),
    (
        &["SystemTime", "Instant", "Timestamp::now", "Zoned::now"],
        "take the time as an argument",
    ),
    (
        &["HashMap", "HashSet"],
        "use BTreeMap or BTreeSet, whose order is the same in every run",
    ),
];

/// Every crate has its place in the order of rooms.
pub(crate) const UNKNOWN_ROOM: Rule = Rule {
    name: "unknown-room",
    reason: "A crate that nobody placed is a crate whose dependencies nobody watches.",
    check: |repository| {
        let mut seen = BTreeSet::new();
        let mut findings = Vec::new();
        for file in &repository.files {
            let Some((folder, _)) = file
                .path
                .strip_prefix("crates/")
                .and_then(|path| path.split_once('/'))
            else {
                continue;
            };
            if seen.insert(folder) && !ROOMS.iter().any(|room| room.folder == folder) {
                findings.push(Finding {
                    path: file.path.clone(),
                    line: 1,
                    message: format!("`crates/{folder}` is no room that we know"),
                    fix: "move the code to the room that it belongs to; for a new room add it to ROOMS in \
                          crates/xtask/src/tidy/rooms.rs and to ARCHITECTURE.md, with whom it may use"
                        .into(),
                });
            }
        }
        for package in &repository.packages {
            if !ROOMS.iter().any(|room| room.package == package.name) {
                findings.push(Finding {
                    path: "Cargo.toml".into(),
                    line: repository.line_beginning("Cargo.toml", "members"),
                    message: format!("the package `{}` belongs to no room", package.name),
                    fix: "call the package in crates/<room> c8dr-<room>".into(),
                });
            }
        }
        findings
    },
};

/// Dependencies among our crates point in one direction.
pub(crate) const ROOM_DIRECTION: Rule = Rule {
    name: "room-direction",
    reason: "Decisions stay pure, and adapters and lab stay strangers, only while no dependency points back.",
    check: |repository| {
        let ours = |name: &str| ROOMS.iter().any(|room| room.package == name);
        let mut findings = Vec::new();
        for (package, room) in placed(repository) {
            for dependency in package
                .dependencies
                .iter()
                .filter(|dependency| ours(&dependency.name))
            {
                let name = dependency.name.as_str();
                let for_tests = dependency.kind == Some(DependencyKind::Dev);
                if room.may_use.contains(&name) || (for_tests && room.tests_may_use.contains(&name)) {
                    continue;
                }
                let path = manifest(room);
                findings.push(Finding {
                    line: repository.line_beginning(&path, name),
                    path,
                    message: format!("{} must not depend on {name}", room.package),
                    fix: match room.may_use {
                        [] => "remove the dependency: this room uses none of the others".into(),
                        may => format!(
                            "use only {}; move what both need down to one of them",
                            may.join(", ")
                        ),
                    },
                });
            }
        }
        findings
    },
};

/// Nothing that the domain depends on, however far away, knows async, I/O or a network.
pub(crate) const PURE_DOMAIN_DEPENDENCIES: Rule = Rule {
    name: "pure-domain-dependencies",
    reason: "A decision that cannot reach the world can be tested, replayed and trusted.",
    check: |repository| {
        let mut findings = Vec::new();
        for (package, room) in placed(repository).filter(|(package, _)| package.name == DOMAIN) {
            let for_the_product = package
                .dependencies
                .iter()
                .filter(|d| d.kind != Some(DependencyKind::Dev));
            for dependency in for_the_product {
                let Some(way) = way_outside(&repository.locked, &dependency.name) else {
                    continue;
                };
                let path = manifest(room);
                findings.push(Finding {
                    line: repository.line_beginning(&path, &dependency.name),
                    path,
                    message: format!("{DOMAIN} reaches the outside world: {}", way.join(" → ")),
                    fix: "remove the dependency, or the feature of it that brings this in; what needs the world \
                          belongs to engine or systems"
                        .into(),
                });
            }
        }
        findings
    },
};

/// The domain's code neither waits, nor reads, nor looks at a clock, nor depends on a map's chance order.
pub(crate) const PURE_DOMAIN_CODE: Rule = Rule {
    name: "pure-domain-code",
    reason: "The same observation must always lead to the same plan, on every machine and in every replay.",
    check: |repository| {
        let mut findings = Vec::new();
        for file in repository.files.iter().filter(|file| is_domain_code(file)) {
            let code = code_only(&file.text);
            for (index, line) in without_tests(&code) {
                for (words, fix) in NOT_IN_DOMAIN {
                    findings.extend(words.iter().find(|word| says(line, word)).map(|word| Finding {
                        path: file.path.clone(),
                        line: index + 1,
                        message: format!("`{word}` has no place in the domain"),
                        fix: (*fix).into(),
                    }));
                }
            }
        }
        findings
    },
};

/// Every crate is under the workspace's lints.
pub(crate) const SHARED_LINTS: Rule = Rule {
    name: "shared-lints",
    reason: "Lints such as `unsafe_code = \"forbid\"` hold only where a crate takes them over.",
    check: |repository| {
        repository
            .files
            .iter()
            .filter(|file| file.path.starts_with("crates/") && file.path.ends_with("/Cargo.toml"))
            .filter(|file| !file.text.contains("[lints]\nworkspace = true\n"))
            .map(|file| Finding {
                path: file.path.clone(),
                line: repository.line_beginning(&file.path, "[lints"),
                message: "the crate is not under the workspace's lints".into(),
                fix: "write `[lints]` and, in the next line, `workspace = true`".into(),
            })
            .collect()
    },
};

/// The packages that have a room, with it.
fn placed(repository: &Repository) -> impl Iterator<Item = (&Package, &'static Room)> {
    repository.packages.iter().filter_map(|package| {
        ROOMS
            .iter()
            .find(|room| room.package == package.name)
            .map(|room| (package, room))
    })
}

fn manifest(room: &Room) -> String {
    format!("crates/{}/Cargo.toml", room.folder)
}

/// The shortest chain of dependencies from `start` to a package that knows the outside world, both ends included.
fn way_outside(locked: &BTreeMap<String, BTreeSet<String>>, start: &str) -> Option<Vec<String>> {
    let mut seen = BTreeSet::from([start.to_owned()]);
    let mut ways = vec![vec![start.to_owned()]];
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let Some(last) = way.last() else { continue };
            if OUTSIDE_WORLD
                .iter()
                .any(|name| last.split('-').next() == Some(*name))
            {
                return Some(way);
            }
            for next in locked.get(last).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    longer.push([way.as_slice(), std::slice::from_ref(next)].concat());
                }
            }
        }
        ways = longer;
    }
    None
}

/// Whether this is code of the domain that goes into the product.
fn is_domain_code(file: &TrackedFile) -> bool {
    file.is_rust()
        && file.path.starts_with("crates/domain/src/")
        && !file.path.ends_with("/tests.rs")
        && !file.path.contains("/tests/")
}

/// The lines before the module of unit tests, which clippy keeps at a file's end, with their indices.
fn without_tests(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines: Vec<&str> = code.lines().collect();
    let opens_tests =
        |pair: &[&str]| pair[0].trim() == "#[cfg(test)]" && pair[1].contains("mod ") && pair[1].contains('{');
    let end = lines.windows(2).position(opens_tests).unwrap_or(lines.len());
    lines.into_iter().enumerate().take(end)
}

/// Whether the code says these words, and not only as parts of longer ones.
fn says(code: &str, words: &str) -> bool {
    let of_a_name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(words).any(|(at, _)| {
        let inside_before = words.starts_with(of_a_name) && code[..at].ends_with(of_a_name);
        let inside_after = words.ends_with(of_a_name) && code[at + words.len()..].starts_with(of_a_name);
        !inside_before && !inside_after
    })
}

#[cfg(test)]
mod tests {
    use super::{PURE_DOMAIN_CODE, PURE_DOMAIN_DEPENDENCIES, ROOM_DIRECTION, SHARED_LINTS, UNKNOWN_ROOM};
    use crate::tidy::Rule;
    use crate::tidy::repository::{Dependency, DependencyKind, Package, Repository, locked};
    use crate::tidy::tests::check_rule;

    const NORMAL: Option<DependencyKind> = None;
    const DEV: Option<DependencyKind> = Some(DependencyKind::Dev);
    const BUILD: Option<DependencyKind> = Some(DependencyKind::Build);

    /// A repository in which `package` depends on `dependency`, with a manifest of two lines that declares it.
    fn depends(package: &str, kind: Option<DependencyKind>, dependency: &str) -> Repository {
        let room = package.trim_start_matches("c8dr-");
        let manifest = format!("[dependencies]\n{dependency}.workspace = true\n");
        let mut repository = Repository::sample(&[(&format!("crates/{room}/Cargo.toml"), &manifest)]);
        let dependencies = vec![Dependency {
            name: dependency.into(),
            kind,
        }];
        repository.packages.push(Package {
            name: package.into(),
            dependencies,
        });
        repository
    }

    /// Expects one finding in line 2 of the manifest if `refused`, and none otherwise. Gives its message.
    #[track_caller]
    fn check(rule: &Rule, repository: &Repository, refused: bool) -> Option<String> {
        let mut findings = (rule.check)(repository);
        let lines: Vec<usize> = findings.iter().map(|finding| finding.line).collect();
        assert_eq!(lines, if refused { vec![2] } else { vec![] }, "{findings:#?}");
        findings.pop().map(|finding| finding.message)
    }

    #[test]
    fn room_direction_is_kept_by_every_pair_of_rooms() {
        let names = [
            "c8dr-domain",
            "c8dr-engine",
            "c8dr-systems",
            "c8dr-lab",
            "c8dr",
            "xtask",
        ];
        let may = [
            ("c8dr-engine", "c8dr-domain"),
            ("c8dr-systems", "c8dr-domain"),
            ("c8dr-systems", "c8dr-engine"),
            ("c8dr-lab", "c8dr-domain"),
            ("c8dr-lab", "c8dr-engine"),
            ("c8dr", "c8dr-domain"),
            ("c8dr", "c8dr-engine"),
            ("c8dr", "c8dr-systems"),
            ("c8dr", "c8dr-lab"),
        ];
        for user in names {
            for used in names {
                let allowed = may.contains(&(user, used));
                check(&ROOM_DIRECTION, &depends(user, NORMAL, used), !allowed);
                check(&ROOM_DIRECTION, &depends(user, BUILD, used), !allowed);
                let allowed_in_tests = allowed || (user, used) == ("c8dr-lab", "c8dr-systems");
                check(&ROOM_DIRECTION, &depends(user, DEV, used), !allowed_in_tests);
            }
        }
    }

    #[test]
    fn room_direction_leaves_foreign_packages_alone() {
        check(&ROOM_DIRECTION, &depends("c8dr-domain", NORMAL, "serde"), false);
    }

    #[test]
    fn unknown_rooms_are_refused_once_each() {
        let files = [
            ("crates/lab/src/lib.rs", ""),
            ("crates/attic/Cargo.toml", ""),
            ("crates/attic/src/lib.rs", ""),
            ("docs/rooms.md", ""),
        ];
        check_rule(&UNKNOWN_ROOM, &files, &[("crates/attic/Cargo.toml", 1)]);
    }

    #[test]
    fn a_package_with_a_name_of_its_own_belongs_to_no_room() {
        let mut repository = Repository::sample(&[("Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\n")]);
        repository.packages.push(Package {
            name: "c8dr-attic".into(),
            dependencies: vec![],
        });
        let message = check(&UNKNOWN_ROOM, &repository, true);
        assert_eq!(
            message.as_deref(),
            Some("the package `c8dr-attic` belongs to no room")
        );
    }

    #[test]
    fn the_domain_depends_on_nothing_that_knows_the_world() {
        for bad in [
            "tokio",
            "reqwest",
            "hyper",
            "hyper-util",
            "tokio-rustls",
            "futures-util",
            "async-trait",
        ] {
            check(
                &PURE_DOMAIN_DEPENDENCIES,
                &depends("c8dr-domain", NORMAL, bad),
                true,
            );
            check(
                &PURE_DOMAIN_DEPENDENCIES,
                &depends("c8dr-domain", DEV, bad),
                false,
            );
            check(
                &PURE_DOMAIN_DEPENDENCIES,
                &depends("c8dr-engine", NORMAL, bad),
                false,
            );
        }
        for good in ["serde", "jiff", "asynchronous", "tokenizer"] {
            check(
                &PURE_DOMAIN_DEPENDENCIES,
                &depends("c8dr-domain", NORMAL, good),
                false,
            );
        }
    }

    #[test]
    fn the_domain_does_not_reach_the_world_through_others() {
        let mut repository = depends("c8dr-domain", NORMAL, "jiff");
        let entry = |name: &str, on: &str| {
            format!("[[package]]\nname = \"{name}\"\ndependencies = [\n \"{on}\",\n]\n\n")
        };
        let lock = entry("jiff", "clock") + &entry("clock", "jiff") + &entry("c8dr-engine", "tokio");
        repository.locked = locked(&lock);
        check(&PURE_DOMAIN_DEPENDENCIES, &repository, false);
        repository.locked = locked(&(lock + &entry("clock", "mio 1.0.0")));
        let message = check(&PURE_DOMAIN_DEPENDENCIES, &repository, true);
        assert_eq!(
            message.as_deref(),
            Some("c8dr-domain reaches the outside world: jiff → clock → mio")
        );
    }

    #[test]
    fn the_domains_code_neither_waits_nor_reads_nor_looks_at_a_clock() {
        const FILE: &str = "crates/domain/src/diagnose.rs";
        for bad in [
            "async fn look() {}",
            "let x = f().await;",
            "use std::fs;",
            "std::env::var(NAME)",
            "let t = SystemTime::now();",
            "use std::time::{Duration, Instant};",
            "let t = jiff::Timestamp::now();",
            "use std::collections::HashMap;",
        ] {
            let text = format!("//! A doc.\n\n{bad}\n");
            check_rule(&PURE_DOMAIN_CODE, &[(FILE, &text)], &[(FILE, 3)]);
            check_rule(&PURE_DOMAIN_CODE, &[("crates/engine/src/drive.rs", &text)], &[]);
            check_rule(
                &PURE_DOMAIN_CODE,
                &[("crates/domain/src/diagnose/tests.rs", &text)],
                &[],
            );
            let comment = format!("//! A doc.\n// {bad}\n");
            check_rule(&PURE_DOMAIN_CODE, &[(FILE, &comment)], &[]);
            let tests = format!("//! A doc.\n#[cfg(test)]\nmod tests {{\n{bad}\n}}\n");
            check_rule(&PURE_DOMAIN_CODE, &[(FILE, &tests)], &[]);
            let tests_elsewhere = format!("//! A doc.\n#[cfg(test)]\nmod tests;\n{bad}\n");
            check_rule(&PURE_DOMAIN_CODE, &[(FILE, &tests_elsewhere)], &[(FILE, 4)]);
        }
        for good in [
            "fn awaiting() {}",
            "use std::time::Duration;",
            "struct Instantly;",
            "env!(\"X\")",
        ] {
            check_rule(&PURE_DOMAIN_CODE, &[(FILE, good)], &[]);
        }
    }

    #[test]
    fn every_crate_is_under_the_workspaces_lints() {
        const FILE: &str = "crates/lab/Cargo.toml";
        check_rule(
            &SHARED_LINTS,
            &[(FILE, "[package]\n\n[lints]\nworkspace = true\n")],
            &[],
        );
        check_rule(&SHARED_LINTS, &[(FILE, "[package]\n")], &[(FILE, 1)]);
        check_rule(
            &SHARED_LINTS,
            &[(FILE, "[package]\n\n[lints.rust]\nunsafe_code = \"allow\"\n")],
            &[(FILE, 3)],
        );
        check_rule(&SHARED_LINTS, &[("Cargo.toml", "[workspace]\n")], &[]);
    }
}
