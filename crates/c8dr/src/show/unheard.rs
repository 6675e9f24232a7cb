//! Which endpoints brought nothing that can be used, why, and what to check: one entry for all that fail alike, as the ten
//! of a lost region do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use c8dr_domain::history::History;
use c8dr_domain::ids::{BrokerId, counted};
use c8dr_domain::observation::{Sight, Silence};
use c8dr_systems::zeebe::{BaseUrl, Endpoints};
use serde::Serialize;

use super::{DIM, OPEN, shortened, styled};

/// Endpoints that fail alike.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Unheard {
    /// Which, as a person would call them: `gateway london-0 (REST, management)`, `brokers 1 and 3`.
    endpoints: Vec<String>,
    /// Where they are.
    urls: Vec<String>,
    /// What came instead of an answer.
    instead: String,
    /// What it means, and what to check.
    check: &'static str,
    /// Whether it was waited for in vain, so that it depends on how long one waits.
    #[serde(skip)]
    is_late: bool,
}

/// How alike, and in what order. What was answered comes before what was not: it is the rarer and the odder.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Manner {
    is_silent: bool,
    instead: String,
    check: &'static str,
    is_late: bool,
}

/// Who fails in one manner.
#[derive(Default)]
struct Failing {
    /// Brokers of which nothing was heard.
    brokers: BTreeSet<BrokerId>,
    /// Others, with what of them.
    names: BTreeMap<String, Vec<&'static str>>,
    urls: BTreeSet<String>,
}

/// What the newest reading lacks.
pub(crate) fn unheard(endpoints: &Endpoints, history: &History) -> Vec<Unheard> {
    let mut failing: BTreeMap<Manner, Failing> = BTreeMap::new();
    let Some(latest) = history.latest() else {
        return Vec::new();
    };
    let mut add = |manner: Option<Manner>, name: String, port: &'static str, url: &BaseUrl| {
        let Some(manner) = manner else { return };
        let failing = failing.entry(manner).or_default();
        failing.urls.insert(url.to_string());
        let ports = failing.names.entry(name).or_default();
        if !ports.contains(&port) {
            ports.push(port);
        }
    };
    for (name, sight) in &latest.gateways {
        let Some(gateway) = endpoints.gateways.get(name) else {
            continue;
        };
        let called = || format!("gateway {name}");
        match (&gateway.rest, &gateway.grpc) {
            (Some(url), _) => add(manner(&sight.topology, url), called(), "REST", url),
            (None, Some(url)) => add(manner(&sight.topology, url), called(), "gRPC", url),
            (None, None) => {}
        }
        if let Some(url) = &gateway.management {
            add(manner(&sight.configuration, url), called(), "management", url);
            add(manner(&sight.exporters, url), called(), "management", url);
        }
    }
    for (id, sight) in &latest.brokers {
        let Some(url) = endpoints.brokers.get(id) else {
            continue;
        };
        // The same port: where both questions fail, the first says it.
        match manner(&sight.ready, url) {
            Some(manner) => {
                let failing = failing.entry(manner).or_default();
                failing.brokers.insert(*id);
                failing.urls.insert(url.to_string());
            }
            None => {
                if let Some(manner) = manner(&sight.partitions, url) {
                    let failing = failing.entry(manner).or_default();
                    failing.names.insert(format!("broker {id}"), vec!["partitions"]);
                    failing.urls.insert(url.to_string());
                }
            }
        }
    }
    failing
        .into_iter()
        .map(|(manner, failing)| Unheard {
            endpoints: called(&failing),
            urls: failing.urls.into_iter().collect(),
            instead: manner.instead,
            check: manner.check,
            is_late: manner.is_late,
        })
        .collect()
}

fn called(failing: &Failing) -> Vec<String> {
    let brokers = (!failing.brokers.is_empty()).then(|| counted("broker", &failing.brokers));
    let others = failing
        .names
        .iter()
        .map(|(name, ports)| format!("{name} ({})", ports.join(", ")));
    others.chain(brokers).collect()
}

/// How a question failed, without the address, which differs where the manner does not.
fn manner<T>(sight: &Sight<T>, url: &BaseUrl) -> Option<Manner> {
    let check = sight.hint()?;
    let instead = match sight {
        Sight::Silent { why, detail } => {
            let target = url.target();
            let detail = detail
                .strip_prefix(&target)
                .map_or(detail.as_str(), |rest| rest.trim_start_matches([':', ' ']));
            match detail.is_empty() {
                true => why.words().to_owned(),
                false => format!("{why}: {detail}"),
            }
        }
        other => other.instead()?,
    };
    Some(Manner {
        is_silent: sight.is_silent(),
        instead,
        check,
        is_late: matches!(
            sight,
            Sight::Silent {
                why: Silence::NoConnection | Silence::NoAnswer,
                ..
            }
        ),
    })
}

/// The entries for people; nothing if everything was heard.
pub(crate) fn human(unheard: &[Unheard], endpoints: &Endpoints) -> String {
    let mut text = String::new();
    for entry in unheard {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "unheard     {}: {}\n            {}\n            {}",
            entry.endpoints.join(", "),
            styled(OPEN, shortened(&entry.instead)),
            entry.check,
            styled(DIM, entry.urls.join(" "))
        );
    }
    if unheard.iter().any(|entry| entry.is_late) {
        let limits = &endpoints.limits;
        let _ = writeln!(
            text,
            "            {}",
            styled(
                DIM,
                format!(
                    "All are asked at once, with {:?} to connect and {:?} to answer (`timeouts` in the configuration).",
                    limits.connect, limits.read
                )
            )
        );
    }
    text
}
