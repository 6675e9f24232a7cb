//! Whether the values of a region are those of its installation: each mistake with its file, its key, what was found and
//! what was expected.
//!
//! A wrong value shows itself at the worst moment: a broker with a wrong region id takes another's place, one that lacks
//! contact points never joins, and one that lacks an exporter's address loses what the other search should have had.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use serde_json::Value;

use super::names::{Described, DescribedRegion};
use super::{Values, told};
use crate::helm::Generation;

/// How much a mistake weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It must be mended.
    Wrong,
    /// It cannot be judged from here.
    Unchecked,
}

/// A mistake in values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// How much it weighs.
    pub weight: Weight,
    /// In which file: the one whose value counts, or into which it belongs.
    pub file: PathBuf,
    /// At which key.
    pub key: String,
    /// What stands there.
    pub found: String,
    /// What should.
    pub expected: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mistake {
            file,
            key,
            found,
            expected,
            ..
        } = self;
        write!(
            f,
            "{}: `{key}` is {found}; expected is {expected}",
            file.display()
        )
    }
}

/// What is seen of the cluster, where it can be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many brokers it has; only told while no region is failed over.
    pub cluster_size: Option<u32>,
    /// How many partitions.
    pub partition_count: Option<u32>,
    /// How many replicas each has; only told while no region is failed over.
    pub replication_factor: Option<u32>,
}

/// Checks the values of the region with this number, 0 or 1.
pub fn check(values: &Values, described: &Described, region: usize, seen: &Seen) -> Vec<Mistake> {
    let mut checker = Checker {
        values,
        described,
        found: Vec::new(),
    };
    checker.regions(region);
    checker.sizes(seen);
    checker.environment();
    checker.webapps();
    checker.found
}

struct Checker<'a> {
    values: &'a Values,
    described: &'a Described,
    found: Vec<Mistake>,
}

/// A variable's value, as far as it can be read.
enum Variable<'a> {
    Text(String),
    /// A reference to a Secret or ConfigMap.
    Reference,
    Shapeless(&'a Value),
}

impl<'a> Checker<'a> {
    fn mistake(&mut self, weight: Weight, key: &str, found: String, expected: impl Into<String>) {
        // A variable stands in its list, and the list has a place in a file.
        let place = key.split('[').next().unwrap_or(key);
        self.found.push(Mistake {
            weight,
            file: self.values.file_of(place),
            key: key.to_owned(),
            found,
            expected: expected.into(),
        });
    }

    fn wrong(&mut self, key: &str, found: String, expected: impl Into<String>) {
        self.mistake(Weight::Wrong, key, found, expected);
    }

    fn regions(&mut self, region: usize) {
        self.number("global.multiregion.regions", 2, "");
        self.number(
            "global.multiregion.regionId",
            u32::try_from(region).unwrap_or(u32::MAX),
            ", as the regions are numbered in the order of the configuration",
        );
        let key = "global.multiregion.installationType";
        let kind = self.values.at(key).and_then(Value::as_str).unwrap_or_default();
        if !matches!(kind, "" | "normal") {
            let found = told(key, &kind.into());
            self.wrong(key, found, "nothing: it belongs to an older procedure");
        }
        let [one, other] = &self.described.regions;
        if one.namespace == other.namespace {
            let found = format!("the same for both regions, `{}`", one.namespace);
            self.wrong(
                "(namespace)",
                found,
                "another one in each region, as the brokers' names would be the same",
            );
        }
    }

    fn sizes(&mut self, seen: &Seen) {
        let described = self.described;
        let root = described.generation.brokers_key();
        // From chart 15 on two of them are variables.
        let as_variables = described.generation >= Generation::Chart15;
        for (name, wanted, seen, variable) in [
            ("clusterSize", described.cluster_size, seen.cluster_size, None),
            (
                "partitionCount",
                described.partition_count,
                seen.partition_count,
                Some("CAMUNDA_CLUSTER_PARTITIONCOUNT"),
            ),
            (
                "replicationFactor",
                described.replication_factor,
                seen.replication_factor,
                Some("CAMUNDA_CLUSTER_REPLICATIONFACTOR"),
            ),
        ] {
            match variable.filter(|_| as_variables) {
                Some(variable) => self.number_variable(variable, wanted),
                None => self.number(&format!("{root}.{name}"), wanted, ""),
            }
            if let Some(seen) = seen.filter(|seen| *seen != wanted) {
                self.wrong(
                    &format!("{root}.{name}"),
                    format!("{seen} in the cluster itself"),
                    format!("{wanted}, as configured"),
                );
            }
        }
        let key = format!("{root}.replicationFactor");
        if described.replication_factor != 4 {
            self.wrong(
                &key,
                described.replication_factor.to_string(),
                "4, of which each region keeps 2",
            );
        }
    }

    fn number(&mut self, key: &str, wanted: u32, why: &str) {
        let found = match self.values.at(key) {
            None => "not set".to_owned(),
            // Charts take both, as they make a text of it anyway.
            Some(value) if number(value) == Some(wanted) => return,
            Some(value) => told(key, value),
        };
        self.wrong(key, found, format!("{wanted}{why}"));
    }

    fn number_variable(&mut self, name: &str, wanted: u32) {
        self.variable(name, &wanted.to_string(), |text| {
            text.trim() == wanted.to_string()
        });
    }

    /// The variables that both regions must have.
    fn environment(&mut self) {
        let described = self.described;
        self.shape();
        self.contact_points();
        for region in &described.regions {
            let class = described.exporter_class(region);
            let prefix = described.exporter_prefix(region);
            self.variable(&format!("{prefix}_CLASSNAME"), class, |text| text.trim() == class);
            let name = described.exporter_url_name(region);
            self.variable(&name, &region.search, |text| {
                is_same_address(text, &region.search)
            });
        }
        let [one, other] = &described.regions;
        if is_same_address(&one.search, &other.search) {
            let key = self.env_of(&described.exporter_url_name(other));
            self.wrong(
                &key,
                format!("the same search for both regions, {}", one.search),
                "one search for each region: each is a copy of the other",
            );
        }
        if described.generation <= Generation::Chart12 {
            let key = "global.elasticsearch.disableExporter";
            let value = self.values.at(key);
            if value != Some(&Value::Bool(true)) {
                let found = value.map_or_else(|| "not set".to_owned(), |value| told(key, value));
                self.wrong(
                    key,
                    found,
                    "true: the chart's own exporter would write beside those of the two regions",
                );
            }
        }
    }

    /// What is laid over a list replaces it, and a name that stands there twice counts once.
    fn shape(&mut self) {
        let key = self.described.env_key();
        let Some(items) = self.values.at(&key).and_then(Value::as_array) else {
            return;
        };
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        for name in items.iter().filter_map(|item| item.get("name")?.as_str()) {
            *counts.entry(name).or_default() += 1;
        }
        let twice: Vec<String> = counts
            .into_iter()
            .filter(|(_, count)| *count > 1)
            .map(|(name, _)| name.to_owned())
            .collect();
        for name in twice {
            self.wrong(
                &self.env_of(&name),
                "there more than once, and the last one counts".to_owned(),
                "one",
            );
        }
    }

    fn contact_points(&mut self) {
        let described = self.described;
        let name = described.contact_points_name();
        let key = self.env_of(name);
        let expected = || {
            format!(
                "every broker of both regions: {}",
                described.contact_points().join(",")
            )
        };
        let text = match self.env(name) {
            None => {
                let found = self.absent();
                return self.wrong(&key, found, expected());
            }
            Some(Variable::Text(text)) => text,
            Some(Variable::Reference) => return self.unread(&key, "every broker of both regions"),
            Some(Variable::Shapeless(value)) => {
                let found = told(&key, value);
                return self.wrong(&key, found, expected());
            }
        };
        let points: BTreeSet<String> = text
            .split(',')
            .map(str::trim)
            .filter(|point| !point.is_empty())
            .map(plain_point)
            .collect();
        // A region's headless Service stands for all of its brokers.
        let service = |region: &DescribedRegion| {
            plain_point(&format!(
                "{}-zeebe.{}.svc.cluster.local:26502",
                region.release, region.namespace
            ))
        };
        let by_service: Vec<&DescribedRegion> = described
            .regions
            .iter()
            .filter(|region| points.contains(&service(region)))
            .collect();
        let wanted: BTreeSet<String> = described
            .contact_points()
            .iter()
            .map(|point| plain_point(point))
            .filter(|point| {
                !by_service
                    .iter()
                    .any(|region| point.contains(&format!(".{}.svc", region.namespace)))
            })
            .chain(by_service.iter().map(|region| service(region)))
            .collect();
        let missing: Vec<&str> = wanted.difference(&points).map(String::as_str).collect();
        let strange: Vec<&str> = points.difference(&wanted).map(String::as_str).collect();
        if !missing.is_empty() || !strange.is_empty() {
            let mut found = Vec::new();
            if !missing.is_empty() {
                found.push(format!("without {}", missing.join(", ")));
            }
            if !strange.is_empty() {
                found.push(format!(
                    "with {}, which is none of its brokers",
                    strange.join(", ")
                ));
            }
            self.wrong(&key, found.join(" and "), expected());
        }
    }

    fn variable(&mut self, name: &str, expected: &str, is_right: impl Fn(&str) -> bool) {
        let key = self.env_of(name);
        let found = match self.env(name) {
            None => self.absent(),
            Some(Variable::Text(text)) if is_right(&text) => return,
            Some(Variable::Text(text)) => told(&key, &Value::String(text)),
            Some(Variable::Reference) => return self.unread(&key, expected),
            Some(Variable::Shapeless(value)) => told(&key, value),
        };
        self.wrong(&key, found, expected);
    }

    fn unread(&mut self, key: &str, expected: &str) {
        let found = "taken from a Secret or ConfigMap, and cannot be read here".to_owned();
        self.mistake(Weight::Unchecked, key, found, expected);
    }

    /// Operate and Tasklist are switched off by the command line while it is needed, never in the files.
    fn webapps(&mut self) {
        if !self.described.webapps {
            return;
        }
        for set in self.described.generation.webapps_off() {
            let key = set.split('=').next().unwrap_or_default();
            if self.values.at(key) == Some(&Value::Bool(false)) {
                self.wrong(
                    key,
                    "false".to_owned(),
                    "nothing: with it they would stay away after a failback (or say `webapps: false` in the configuration)",
                );
            }
        }
    }

    fn env_of(&self, name: &str) -> String {
        format!("{}[{name}]", self.described.env_key())
    }

    /// Why a variable is not there.
    fn absent(&self) -> String {
        let key = self.described.env_key();
        let files = self.values.files_with(&key);
        match files.as_slice() {
            [others @ .., last] if !others.is_empty() => {
                let others: Vec<String> = others.iter().map(|path| path.display().to_string()).collect();
                format!(
                    "not set (the list of {} replaces that of {} as a whole)",
                    last.display(),
                    others.join(" and ")
                )
            }
            _ => "not set".to_owned(),
        }
    }

    /// A variable of the brokers; of a name that stands there twice the last.
    fn env(&self, name: &str) -> Option<Variable<'a>> {
        let values: &'a Values = self.values;
        let items = values.at(&self.described.env_key())?.as_array()?;
        let item = items
            .iter()
            .rev()
            .find(|item| item.get("name").and_then(Value::as_str) == Some(name))?;
        Some(match (item.get("value"), item.get("valueFrom")) {
            (Some(Value::String(text)), _) => Variable::Text(text.clone()),
            (Some(value @ (Value::Number(_) | Value::Bool(_))), _) => Variable::Text(value.to_string()),
            (None | Some(Value::Null), Some(_)) => Variable::Reference,
            (Some(value), _) => Variable::Shapeless(value),
            (None, None) => Variable::Text(String::new()),
        })
    }
}

/// A number that may be written as a text.
pub(super) fn number(value: &Value) -> Option<u32> {
    match value {
        Value::Number(number) => number.as_u64()?.try_into().ok(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A contact point without what may be left out: the dot at the end of a whole name, and the cluster's domain.
fn plain_point(point: &str) -> String {
    let (host, port) = point.rsplit_once(':').unwrap_or((point, ""));
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let host = host.strip_suffix(".cluster.local").unwrap_or(&host);
    format!("{host}:{port}")
}

fn plain_address(address: &str) -> String {
    address
        .trim()
        .trim_end_matches('/')
        .to_ascii_lowercase()
        .replace(".cluster.local.:", ".cluster.local:")
}

fn is_same_address(one: &str, other: &str) -> bool {
    plain_address(one) == plain_address(other)
}
