//! Rules about the domain: neither its code nor anything it depends on knows I/O, async, a clock or chance.

use std::collections::{BTreeMap, BTreeSet};

use super::repository::{DependencyKind, TrackedFile};
use super::rust_code::code_only;
use super::{Finding, Rule};

const DOMAIN: &str = "c8dr-domain";
const MANIFEST: &str = "crates/domain/Cargo.toml";

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

/// Nothing that the domain depends on, however far away, knows async, I/O or a network.
pub(crate) const PURE_DOMAIN_DEPENDENCIES: Rule = Rule {
    name: "pure-domain-dependencies",
    reason: "A decision that cannot reach the world can be tested, replayed and trusted.",
    check: |repository| {
        let domain = repository
            .packages
            .iter()
            .filter(|package| package.name == DOMAIN);
        let for_the_product = domain
            .flat_map(|package| &package.dependencies)
            .filter(|d| d.kind != Some(DependencyKind::Dev));
        for_the_product
            .filter_map(|dependency| Some((dependency, way_outside(&repository.locked, &dependency.name)?)))
            .map(|(dependency, way)| Finding {
                path: MANIFEST.into(),
                line: repository.line_declaring(MANIFEST, &dependency.name),
                message: format!("{DOMAIN} reaches the outside world: {}", way.join(" → ")),
                fix: "remove the dependency, or the feature of it that brings this in; what needs the world \
                      belongs to engine or systems"
                    .into(),
            })
            .collect()
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
    use super::{PURE_DOMAIN_CODE, PURE_DOMAIN_DEPENDENCIES};
    use crate::tidy::repository::{Dependency, DependencyKind, Package, Repository, locked};
    use crate::tidy::tests::check_rule;

    /// A repository in which `package` depends on `dependency`, as line 2 of the domain's manifest declares.
    fn depends(package: &str, kind: Option<DependencyKind>, dependency: &str) -> Repository {
        let text = format!("[dependencies]\n{dependency}.workspace = true\n");
        let mut repository = Repository::sample(&[("crates/domain/Cargo.toml", &text)]);
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

    /// Expects just these findings, as line and message.
    #[track_caller]
    fn check(repository: &Repository, expect: &[(usize, &str)]) {
        let findings = (PURE_DOMAIN_DEPENDENCIES.check)(repository);
        let told: Vec<_> = findings
            .iter()
            .map(|finding| (finding.line, finding.message.as_str()))
            .collect();
        assert_eq!(told, expect);
    }

    #[test]
    fn the_domain_depends_on_nothing_that_knows_the_world() {
        let bad = [
            "tokio",
            "reqwest",
            "hyper",
            "hyper-util",
            "tokio-rustls",
            "futures-util",
            "async-trait",
        ];
        for bad in bad {
            let message = format!("c8dr-domain reaches the outside world: {bad}");
            check(&depends("c8dr-domain", None, bad), &[(2, &message)]);
            check(
                &depends("c8dr-domain", Some(DependencyKind::Build), bad),
                &[(2, &message)],
            );
            check(&depends("c8dr-domain", Some(DependencyKind::Dev), bad), &[]);
            check(&depends("c8dr-engine", None, bad), &[]);
        }
        for good in ["serde", "jiff", "asynchronous", "tokenizer"] {
            check(&depends("c8dr-domain", None, good), &[]);
        }
    }

    #[test]
    fn the_domain_does_not_reach_the_world_through_others() {
        let mut repository = depends("c8dr-domain", None, "jiff");
        let entry = |name: &str, on: &str| {
            format!("[[package]]\nname = \"{name}\"\ndependencies = [\n \"{on}\",\n]\n\n")
        };
        let lock = entry("jiff", "clock") + &entry("clock", "jiff") + &entry("c8dr-engine", "tokio");
        repository.locked = locked(&lock);
        check(&repository, &[]);
        repository.locked = locked(&(lock + &entry("clock", "mio 1.0.0")));
        check(
            &repository,
            &[(2, "c8dr-domain reaches the outside world: jiff → clock → mio")],
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
}
