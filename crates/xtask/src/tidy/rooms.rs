//! Rules about the rooms of the house: which there are, who may use whom, and that all share the same lints.

use std::collections::BTreeSet;

use super::repository::{DependencyKind, Package, Repository};
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
const STORM: &str = "c8dr-storm";
const SOCKETS: &str = "c8dr-sockets";

/// All rooms: `domain ← engine ← {systems, lab} ← storm ← c8dr`, and sockets and xtask beside them.
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
        folder: "storm",
        package: STORM,
        may_use: &[DOMAIN, ENGINE, SYSTEMS, LAB],
        tests_may_use: &[],
    },
    Room {
        folder: "sockets",
        package: SOCKETS,
        may_use: &[],
        tests_may_use: &[DOMAIN, ENGINE, SYSTEMS, LAB],
    },
    Room {
        folder: "c8dr",
        package: "c8dr",
        may_use: &[DOMAIN, ENGINE, SYSTEMS, LAB, STORM],
        tests_may_use: &[],
    },
    Room {
        folder: "xtask",
        package: "xtask",
        may_use: &[],
        tests_may_use: &[],
    },
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
                    line: repository.line_declaring(&path, name),
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

#[cfg(test)]
mod tests {
    use super::{ROOM_DIRECTION, SHARED_LINTS, UNKNOWN_ROOM};
    use crate::tidy::Rule;
    use crate::tidy::repository::{Dependency, DependencyKind, Package, Repository};
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
            "c8dr-storm",
            "c8dr-sockets",
            "c8dr",
            "xtask",
        ];
        let may = [
            ("c8dr-engine", "c8dr-domain"),
            ("c8dr-systems", "c8dr-domain"),
            ("c8dr-systems", "c8dr-engine"),
            ("c8dr-lab", "c8dr-domain"),
            ("c8dr-lab", "c8dr-engine"),
            ("c8dr-storm", "c8dr-domain"),
            ("c8dr-storm", "c8dr-engine"),
            ("c8dr-storm", "c8dr-systems"),
            ("c8dr-storm", "c8dr-lab"),
            ("c8dr", "c8dr-domain"),
            ("c8dr", "c8dr-engine"),
            ("c8dr", "c8dr-systems"),
            ("c8dr", "c8dr-lab"),
            ("c8dr", "c8dr-storm"),
        ];
        for user in names {
            for used in names {
                let allowed = may.contains(&(user, used));
                check(&ROOM_DIRECTION, &depends(user, NORMAL, used), !allowed);
                check(&ROOM_DIRECTION, &depends(user, BUILD, used), !allowed);
                let rings = ["c8dr-domain", "c8dr-engine", "c8dr-systems", "c8dr-lab"];
                let allowed_in_tests = allowed
                    || (user, used) == ("c8dr-lab", "c8dr-systems")
                    || (user == "c8dr-sockets" && rings.contains(&used));
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
