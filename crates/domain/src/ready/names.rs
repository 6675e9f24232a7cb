//! The users' names: that they can be read, point where the cluster serves, and are pointed by nobody else.
//!
//! A failover ends only when they are read at the surviving region (UT2), so what would hold that up is told before.

use std::collections::BTreeSet;

use super::endpoints::unheard;
use super::survey::NamesSurvey;
use super::{Finding, FindingCode, Scene, Severity, finding};
use crate::ids::{RegionId, listed};
use crate::picture::Membership;
use crate::traffic::{TrafficSight, regions_words};

impl Scene<'_> {
    /// What speaks against pointing the users' names elsewhere, where c8dr is what points them.
    pub(super) fn names(&self) -> Option<Finding> {
        let names = self.survey.names.as_ref()?;
        let Some(seen) = names.seen.seen() else {
            return unheard("What points the users' names", &names.seen, Severity::Blocking);
        };
        strange(seen).or_else(|| self.elsewhere(names, seen))
    }

    fn elsewhere(&self, names: &NamesSurvey, seen: &TrafficSight) -> Option<Finding> {
        let wanted: BTreeSet<RegionId> = match self.picture.membership() {
            Membership::Whole => names.normal.clone(),
            Membership::Only(serving) => [serving].into(),
            _ => return None,
        };
        if seen.is_at(&wanted) {
            return None;
        }
        let installation = self.picture.installation;
        Some(finding(
            Severity::Warning,
            FindingCode::NamesElsewhere,
            format!(
                "The users' names point otherwise than the cluster serves: {}, and not to {}.",
                seen.words(installation),
                regions_words(installation, &wanted)
            ),
            "Point them there, or say with `normal` under `traffic` where they belong when both regions serve.",
        ))
    }
}

fn strange(seen: &TrafficSight) -> Option<Finding> {
    if seen.strange().is_empty() {
        return None;
    }
    let each = (seen.strange().into_iter())
        .map(|(name, targets)| format!("{name} to {}", listed(targets.iter().map(String::as_str))));
    Some(finding(
        Severity::Blocking,
        FindingCode::NamesElsewhere,
        format!(
            "Somebody has pointed users' names to what belongs to neither region: {}. A failover leaves that alone, and waits for it in UT2.",
            listed(each)
        ),
        "Point them to the regions again, or correct `traffic` in the configuration if those are targets of a region.",
    ))
}
