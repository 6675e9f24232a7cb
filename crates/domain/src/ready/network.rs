//! The way between the regions, as far as it can be seen: from the brokers' own place, not from ours.
//!
//! That we reach both regions proves nothing of it. Gateways list the brokers that they hear; an exporter whose position
//! moves reaches its search. Those two are the cluster's own word.

use std::collections::BTreeSet;

use super::{Finding, FindingCode, Scene, Severity, finding};
use crate::exporting::ExporterPositions;
use crate::ids::{BrokerId, ExporterId, PartitionId, clause, counted, listed};
use crate::observation::Observation;
use crate::picture::{Membership, Picture};
use crate::topology::ExporterStatus;

/// How many positions an exporter may be behind what is processed without a word: it sends a thousand records at once, or
/// what five seconds brought, and positions are not all records.
const BEHIND_MAX: i64 = 5_000;

/// How far one exporter is, over all partitions.
struct Lag {
    /// Positions between what is processed and what it has acknowledged, on the partition where that is most.
    behind: i64,
    /// On which partition.
    partition: PartitionId,
    /// Whether it was as far in the first reading already.
    stands_still: bool,
}

impl Scene<'_> {
    /// Gateways that do not list the other region's brokers: they do not hear them.
    pub(super) fn regions_apart(&self) -> Vec<Finding> {
        if self.picture.membership() != Membership::Whole {
            return Vec::new();
        }
        let mut findings = Vec::new();
        for (name, region, topology) in self.picture.latest.topologies() {
            let unlisted: BTreeSet<BrokerId> = (self.picture.installation)
                .brokers_of(region.other())
                .into_iter()
                .filter(|broker| !topology.brokers.contains_key(broker))
                .collect();
            if !unlisted.is_empty() {
                findings.push(finding(
                    Severity::Blocking,
                    FindingCode::RegionsApart,
                    format!(
                        "The gateway {name} of region {} does not list {} of region {}: it does not hear from there.",
                        self.name(region),
                        counted("broker", &unlisted),
                        self.name(region.other())
                    ),
                    "See to the network and the DNS between the regions: brokers need ports 26501 and 26502 of each other, by name.",
                ));
            }
        }
        findings
    }

    /// Exporters that are far behind, or do not move: their search is not reached from the brokers.
    pub(super) fn exporters_behind(&self) -> Vec<Finding> {
        let enabled: Vec<_> = (self.picture.installation.regions().iter())
            .filter(|region| self.picture.exporter_status(&region.exporter) == Some(ExporterStatus::Enabled))
            .collect();
        let mut findings = Vec::new();
        for region in enabled {
            let Some(lag) = self.lag(&region.exporter) else {
                continue;
            };
            if lag.behind <= BEHIND_MAX {
                continue;
            }
            let watched = self.watched_s();
            let (severity, still) = match lag.stands_still {
                true => (
                    Severity::Blocking,
                    format!(", and did not move in {watched:.1} s"),
                ),
                false => (Severity::Warning, String::new()),
            };
            findings.push(finding(
                severity,
                FindingCode::ExporterBehind,
                format!(
                    "The exporter {} is {} positions behind on partition {}{still}.",
                    region.exporter, lag.behind, lag.partition
                ),
                format!(
                    "See whether the search of region {} takes writes, and whether brokers of both regions reach it: their logs tell. What is not exported is not compacted.",
                    region.name
                ),
            ));
        }
        findings
    }

    /// How far an exporter is behind; `None` where no leader tells.
    fn lag(&self, exporter: &ExporterId) -> Option<Lag> {
        let picture = &self.picture;
        let first = picture.history.readings().find(|reading| {
            reading
                .brokers
                .values()
                .any(|broker| broker.metrics.seen().is_some())
        });
        picture
            .installation
            .partitions()
            .filter_map(|partition| {
                let now = account(picture, picture.latest, exporter, partition)?;
                let before = first
                    .filter(|first| first.at < picture.latest.at)
                    .and_then(|first| account(picture, first, exporter, partition));
                Some(Lag {
                    behind: now.processed.saturating_sub(now.acknowledged),
                    partition,
                    stands_still: before.is_some_and(|before| before.acknowledged == now.acknowledged),
                })
            })
            .max_by_key(|lag| lag.behind)
    }

    /// For how long the cluster was watched, in seconds.
    pub(super) fn watched_s(&self) -> f64 {
        let first = self.picture.history.readings().next();
        first.map_or(0.0, |first| {
            self.picture.latest.until.duration_since(first.at).as_secs_f64()
        })
    }

    /// What was not looked at, and what our own reach does not prove.
    pub(super) fn not_looked_at(&self) -> Finding {
        let mut proven = Vec::new();
        let mut open = Vec::new();
        let heard = self.picture.latest.topologies().next().is_some() && self.regions_apart().is_empty();
        if heard && self.picture.membership() == Membership::Whole {
            proven.push(
                "that the regions hear each other (gateways list the other region's brokers)".to_owned(),
            );
        }
        for region in self.picture.installation.regions() {
            let reaches = format!("that brokers reach the search of region {}", region.name);
            match self.lag(&region.exporter) {
                Some(lag) if lag.behind <= BEHIND_MAX => {
                    proven.push(format!("{reaches} (its exporter keeps up)"));
                }
                _ => open.push(reaches),
            }
        }
        if self.survey.names.is_none() {
            open.push("where users' traffic goes".to_owned());
        }
        open.extend(["that brokers of a rebuilt region find the others", "backups"].map(str::to_owned));
        let mut what = String::new();
        if !proven.is_empty() {
            what = format!("The cluster itself shows {}. ", listed(proven));
        }
        what.push_str(&format!(
            "Not seen from here: {}. That this machine reaches something says nothing of the brokers' way to it.",
            listed(open)
        ));
        finding(
            Severity::Note,
            FindingCode::NotLookedAt,
            what,
            "Practise: `c8dr drill` on a lab, and a failover and failback on a staging installation.",
        )
    }

    /// Servers whose clocks are not this machine's, nor each other's.
    pub(super) fn clocks(&self) -> Option<Finding> {
        let clocks = &self.survey.clocks;
        let (first, ahead) = clocks.iter().max_by_key(|(_, ahead)| **ahead)?;
        let (last, behind) = clocks.iter().min_by_key(|(_, ahead)| **ahead)?;
        let apart = |one: i64, other: i64| one.abs_diff(other) > CLOCKS_APART_MAX_S;
        let far: Vec<String> = match apart(ahead.as_secs(), behind.as_secs()) {
            true => vec![told(first, ahead.as_secs()), told(last, behind.as_secs())],
            false if apart(ahead.as_secs(), 0) => vec![told(first, ahead.as_secs())],
            false if apart(behind.as_secs(), 0) => vec![told(last, behind.as_secs())],
            false => return None,
        };
        Some(finding(
            Severity::Warning,
            FindingCode::ClocksDiffer,
            format!(
                "By the dates of their answers, {} this machine's.",
                clause("the clock", far, "is not", "are not")
            ),
            "Set the clocks by NTP, this machine's too: S3 refuses requests that are 15 minutes off, and journals of two machines would not fit.",
        ))
    }
}

/// How far clocks may be apart. A date in an answer has whole seconds, and answers take some; S3 refuses what is 15 minutes off.
const CLOCKS_APART_MAX_S: u64 = 30;

fn told(who: &str, ahead_s: i64) -> String {
    let word = if ahead_s < 0 { "behind" } else { "ahead" };
    format!("of {who} ({} s {word})", ahead_s.unsigned_abs())
}

struct Account {
    processed: i64,
    acknowledged: i64,
}

/// What a partition's leader says of itself and of an exporter, in a reading.
fn account(
    picture: &Picture<'_>,
    reading: &Observation,
    exporter: &ExporterId,
    partition: PartitionId,
) -> Option<Account> {
    let leader = picture.lead(partition, reading).leader()?;
    let sight = reading.brokers.get(&leader)?;
    let processed = sight.partitions.seen()?.get(&partition)?.processed_position?;
    let positions: &ExporterPositions = sight.metrics.seen()?.exporters.get(&partition)?.get(exporter)?;
    Some(Account {
        processed,
        acknowledged: positions.acknowledged?,
    })
}
