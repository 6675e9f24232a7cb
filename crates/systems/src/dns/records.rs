//! What the names' records are: read into regions, written as one token that tells whether somebody has changed them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use c8dr_domain::effect::TrafficEffect;
use c8dr_domain::ids::RegionId;
use c8dr_domain::traffic::{Pointing, TrafficSight};

/// Where a record leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// An A record.
    V4(Ipv4Addr),
    /// An AAAA record.
    V6(Ipv6Addr),
    /// A CNAME record: small letters, without the dot at its end.
    Name(String),
}

/// What is no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither an address nor a name")]
pub struct Wrong(pub String);

impl FromStr for Target {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        if let Ok(address) = text.parse() {
            return Ok(Target::V4(address));
        }
        if let Ok(address) = text.parse() {
            return Ok(Target::V6(address));
        }
        plain_name(text)
            .map(Target::Name)
            .ok_or_else(|| Wrong(text.to_owned()))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::V4(address) => address.fmt(f),
            Target::V6(address) => address.fmt(f),
            Target::Name(name) => f.write_str(name),
        }
    }
}

impl Target {
    /// The type of its record.
    pub fn kind(&self) -> &'static str {
        match self {
            Target::V4(_) => "A",
            Target::V6(_) => "AAAA",
            Target::Name(_) => "CNAME",
        }
    }
}

/// A name of a host as the DNS compares it: small letters, without the dot at its end; `None` if it is none.
pub fn plain_name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' || byte == b'*')
    };
    // A name of numbers alone is a slip in an address.
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    (name.len() <= 253 && !is_number && name.split('.').all(is_label)).then_some(name)
}

/// The targets of each region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets(pub BTreeMap<RegionId, BTreeSet<Target>>);

impl Targets {
    /// What a name has to lead to, to lead to these regions.
    pub fn of(&self, regions: &BTreeSet<RegionId>) -> BTreeSet<Target> {
        regions
            .iter()
            .filter_map(|region| self.0.get(region))
            .flatten()
            .cloned()
            .collect()
    }

    /// What a name has to lead to, to lead to these regions, where that can be.
    ///
    /// # Errors
    /// Why it cannot be, as a phrase.
    pub fn wanted(&self, to: &BTreeSet<RegionId>) -> Result<BTreeSet<Target>, &'static str> {
        let wanted = self.of(to);
        if wanted.is_empty() {
            return Err("the names would lead nowhere");
        }
        let is_name = |target: &Target| matches!(target, Target::Name(_));
        match wanted.len() > 1 && wanted.iter().any(is_name) {
            true => Err("a name that leads to another name leads to that one alone"),
            false => Ok(wanted),
        }
    }

    /// Where targets lead: a region counts when all of its targets are there. What is left belongs to none: a part of a
    /// region's targets is as strange as another's.
    fn pointing(&self, found: &BTreeSet<Target>) -> Pointing {
        let regions: BTreeSet<RegionId> = self
            .0
            .iter()
            .filter(|(_, targets)| !targets.is_empty() && targets.is_subset(found))
            .map(|(region, _)| *region)
            .collect();
        let known = self.of(&regions);
        Pointing {
            strange: found.difference(&known).map(ToString::to_string).collect(),
            regions,
        }
    }
}

/// The records of each name, and how long they may be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// By name: small letters, without the dot at its end.
    pub names: BTreeMap<String, BTreeSet<Target>>,
    /// The longest time to live, in seconds.
    pub ttl_s: Option<u32>,
}

impl Records {
    /// As the domain sees them.
    pub fn sight(&self, targets: &Targets) -> TrafficSight {
        TrafficSight {
            names: self
                .names
                .iter()
                .map(|(name, found)| (name.clone(), targets.pointing(found)))
                .collect(),
            ttl_s: self.ttl_s,
            version: Some(self.version()),
        }
    }

    /// All records as one token: they are changed only if they are still so.
    pub fn version(&self) -> String {
        let each: Vec<String> = self
            .names
            .iter()
            .map(|(name, targets)| {
                let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
                format!("{name}={}", targets.join(","))
            })
            .collect();
        each.join(";")
    }

    /// What the names led to when they were read last, by what a change was told: `None` if it was told nothing, `Some(None)`
    /// if that is about other names.
    pub(crate) fn expected(effect: &TrafficEffect, names: &BTreeSet<String>) -> Option<Option<Records>> {
        let records = Records::of_version(effect.expected.as_deref()?);
        Some(records.filter(|records| records.names.keys().eq(names.iter())))
    }

    /// The records that a token stands for; `None` if it is none of ours.
    pub fn of_version(version: &str) -> Option<Records> {
        let mut names = BTreeMap::new();
        for each in version.split(';') {
            let (name, targets) = each.split_once('=')?;
            let targets: BTreeSet<Target> = targets
                .split(',')
                .filter(|target| !target.is_empty())
                .map(str::parse)
                .collect::<Result<_, _>>()
                .ok()?;
            names.insert(plain_name(name)?, targets);
        }
        Some(Records { names, ttl_s: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets() -> Targets {
        let set = |list: &[&str]| list.iter().map(|target| target.parse().unwrap()).collect();
        Targets(
            [
                (RegionId(0), set(&["10.0.0.10", "10.0.0.11"])),
                (RegionId(1), set(&["10.1.0.10"])),
            ]
            .into(),
        )
    }

    fn records(list: &[&str]) -> Records {
        let found = list.iter().map(|target| target.parse().unwrap()).collect();
        Records {
            names: [("gateway.dr.test".to_owned(), found)].into(),
            ttl_s: Some(5),
        }
    }

    #[test]
    fn a_region_counts_with_all_of_its_targets() {
        let at = |list: &[&str]| {
            let sight = records(list).sight(&targets());
            let pointing = &sight.names["gateway.dr.test"];
            let regions: Vec<u32> = pointing.regions.iter().map(|region| region.0).collect();
            let strange: Vec<String> = pointing.strange.iter().cloned().collect();
            (regions, strange.join(" "))
        };
        assert_eq!(at(&["10.0.0.10", "10.0.0.11"]), (vec![0], String::new()));
        assert_eq!(
            at(&["10.0.0.10", "10.0.0.11", "10.1.0.10"]),
            (vec![0, 1], String::new())
        );
        assert_eq!(at(&[]), (vec![], String::new()));
        assert_eq!(at(&["10.0.0.10"]), (vec![], "10.0.0.10".to_owned()));
        assert_eq!(
            at(&["10.1.0.10", "192.0.2.1", "old.example.org"]),
            (vec![1], "192.0.2.1 old.example.org".to_owned())
        );
    }

    #[test]
    fn a_version_is_read_back() {
        for list in [
            vec![],
            vec!["10.0.0.10"],
            vec!["10.1.0.10", "fd00::1", "lb.example.org"],
        ] {
            let records = records(&list);
            let read = Records::of_version(&records.version()).unwrap();
            assert_eq!(read.names, records.names);
        }
        for odd in ["", "a", "a=b c", "=1.2.3.4", "1.2.3=", "a=x;;"] {
            assert_eq!(Records::of_version(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn a_target_is_an_address_or_a_name() {
        assert_eq!(
            "LB.Example.org.".parse(),
            Ok(Target::Name("lb.example.org".to_owned()))
        );
        assert_eq!("fd00::1".parse::<Target>().unwrap().kind(), "AAAA");
        for odd in ["", "10.0.0", "10.0.0.300", "a b", "http://x", "x..y", "-;"] {
            assert!(odd.parse::<Target>().is_err(), "{odd:?}");
        }
    }
}
