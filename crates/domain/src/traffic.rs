//! Where the users' names point: which regions serve them, as an authoritative place says.
//!
//! `spec: procedure.md I3`. c8dr knows no name server: a driver reads the names and says which regions their targets belong
//! to. What a resolver has cached is no reading; it follows within the time to live.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ids::{RegionId, listed};
use crate::installation::Installation;

/// What one look at the users' names brought.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficSight {
    /// Each name that users come by, and where it points. Never empty: what has no names was not seen.
    pub names: BTreeMap<String, Pointing>,
    /// How long resolvers may keep an answer, in seconds: the longest of all names. `None` is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_s: Option<u32>,
    /// What the records were when they were read (a serial, an etag): they are changed only if they are still so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Where one name points.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointing {
    /// The regions whose targets it has; none: it points to neither.
    #[serde(default)]
    pub regions: BTreeSet<RegionId>,
    /// Targets that belong to neither region: somebody has put them there.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub strange: BTreeSet<String>,
}

impl TrafficSight {
    /// Whether every name points to exactly these regions, and to nothing else.
    pub fn is_at(&self, regions: &BTreeSet<RegionId>) -> bool {
        let holds = |pointing: &Pointing| pointing.regions == *regions && pointing.strange.is_empty();
        !self.names.is_empty() && self.names.values().all(holds)
    }

    /// The names that point to something that belongs to neither region, with what that is.
    pub fn strange(&self) -> BTreeMap<&str, &BTreeSet<String>> {
        (self.names.iter())
            .filter(|(_, pointing)| !pointing.strange.is_empty())
            .map(|(name, pointing)| (name.as_str(), &pointing.strange))
            .collect()
    }

    /// Where each name points, as a phrase: `zeebe.example.org to london and paris`.
    pub fn words(&self, installation: &Installation) -> String {
        let each = self.names.iter().map(|(name, pointing)| {
            let regions = pointing
                .regions
                .iter()
                .filter_map(|region| known(installation, *region));
            let targets: Vec<String> = regions.chain(pointing.strange.iter().cloned()).collect();
            match targets.is_empty() {
                true => format!("{name} to nothing"),
                false => format!("{name} to {}", targets.join(" and ")),
            }
        });
        listed(each)
    }
}

/// Regions by their names, as a phrase.
pub fn regions_words(installation: &Installation, regions: &BTreeSet<RegionId>) -> String {
    let names: Vec<String> = (regions.iter())
        .filter_map(|region| known(installation, *region))
        .collect();
    match names.is_empty() {
        true => "no region".to_owned(),
        false => names.join(" and "),
    }
}

fn known(installation: &Installation, region: RegionId) -> Option<String> {
    (installation.regions().iter())
        .find(|known| known.id == region)
        .map(|known| known.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointing(regions: &[u32]) -> Pointing {
        Pointing {
            regions: regions.iter().copied().map(RegionId).collect(),
            strange: BTreeSet::new(),
        }
    }

    #[test]
    fn names_that_differ_are_at_no_place() {
        let mut seen = TrafficSight::default();
        let both = [RegionId(0), RegionId(1)].into();
        assert!(!seen.is_at(&[].into()), "without a name nothing was seen");
        seen.names.insert("a".to_owned(), pointing(&[0]));
        seen.names.insert("b".to_owned(), pointing(&[1]));
        assert!(!seen.is_at(&both));
        seen.names.insert("a".to_owned(), pointing(&[0, 1]));
        seen.names.insert("b".to_owned(), pointing(&[0, 1]));
        assert!(seen.is_at(&both));
    }

    #[test]
    fn a_strange_target_is_never_right() {
        let mut seen = TrafficSight::default();
        let mut odd = pointing(&[0]);
        odd.strange.insert("192.0.2.1".to_owned());
        seen.names.insert("a".to_owned(), odd);
        assert!(!seen.is_at(&[RegionId(0)].into()));
        assert_eq!(seen.strange().len(), 1);
    }
}
