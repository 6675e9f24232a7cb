//! What a broker has under it: its disk, and whether it flushes to it.

use std::collections::{BTreeMap, BTreeSet};

use super::survey::Flush;
use super::{Finding, FindingCode, Scene, Severity, finding};
use crate::condition::exporting::lasting;
use crate::condition::{Room, room};
use crate::ids::{BrokerId, RegionId, clause, sentence};
use crate::observation::Sight;

impl Scene<'_> {
    /// For how long the disks of each region that may have to serve alone would last.
    pub(super) fn disks(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for region in self.picture.installation.regions() {
            if self.is_owed(region.id) {
                continue;
            }
            findings.extend(self.disks_of(region.id));
        }
        findings
    }

    fn disks_of(&self, region: RegionId) -> Option<Finding> {
        let brokers = self.picture.installation.brokers_of(region);
        let floor_s = self.survey.configured.floor_s;
        let name = self.name(region);
        let watched = self.watched_s();
        let make_room = "Give the brokers larger disks, or find out what keeps the logs from being compacted: an exporter that stands still does.";
        match room(&self.picture, &brokers, self.survey.configured.reserve_bytes) {
            Room::Unknown => Some(finding(
                Severity::Note,
                FindingCode::DiskUnknown,
                format!(
                    "For how long the disks of region {name} would last is unknown: {}.",
                    self.why_unknown(&brokers)
                ),
                "Watch the brokers' free disk space: it decides how long an outage or a pause may last.",
            )),
            Room::Steady => None,
            Room::Lasts { broker, for_ } if for_.as_secs_f64() < floor_s as f64 => Some(finding(
                Severity::Blocking,
                FindingCode::DiskShort,
                format!(
                    "The disk of broker {broker} of region {name} would last for {} at the pace of the last {watched:.1} s; {floor_s} s are the least while exporting is paused.",
                    lasting(for_)
                ),
                make_room,
            )),
            Room::Lasts { broker, for_ } if for_.as_secs() < HEADROOM_S => Some(finding(
                Severity::Warning,
                FindingCode::DiskShort,
                format!(
                    "The disk of broker {broker} of region {name} would last for {} at the pace of the last {watched:.1} s. A failback pauses exporting as long as a snapshot and a restore take.",
                    lasting(for_)
                ),
                make_room,
            )),
            Room::Lasts { .. } => None,
        }
    }

    fn why_unknown(&self, brokers: &BTreeSet<BrokerId>) -> String {
        let shown: BTreeSet<BrokerId> = (brokers.iter())
            .filter(|broker| {
                let metrics = self
                    .picture
                    .latest
                    .brokers
                    .get(broker)
                    .map(|sight| &sight.metrics);
                metrics
                    .and_then(Sight::seen)
                    .is_some_and(|metrics| metrics.disk_free_bytes.is_some())
            })
            .copied()
            .collect();
        match shown.is_empty() {
            true => "no broker's metrics show `disk_free_bytes`".to_owned(),
            false => "it was watched too shortly to see a pace".to_owned(),
        }
    }

    /// Brokers that acknowledge before their log is on the disk.
    pub(super) fn flush(&self) -> Vec<Finding> {
        let mut by: BTreeMap<Flush, BTreeSet<BrokerId>> = BTreeMap::new();
        let mut untold = BTreeSet::new();
        for (broker, sight) in &self.survey.flush {
            match sight {
                Sight::Seen(Flush::Unsaid) => {
                    untold.insert(*broker);
                }
                Sight::Seen(flush) => {
                    by.entry(*flush).or_default().insert(*broker);
                }
                Sight::NotAsked => {}
                _ => {
                    untold.insert(*broker);
                }
            }
        }
        let remedy = "Leave `zeebe.broker.cluster.raft.flush` as it is by default: enabled, without a delay.";
        let cost = "After a loss of power on both sides of a majority, what was acknowledged may be gone; a failover rests on it being there.";
        let mut findings = Vec::new();
        for (flush, one, many) in [
            (Flush::Off, "does not flush its log.", "do not flush their logs."),
            (
                Flush::Delayed,
                "flushes its log some time after it has acknowledged.",
                "flush their logs some time after they have acknowledged.",
            ),
        ] {
            if let Some(brokers) = by.get(&flush) {
                let who = sentence("broker", brokers, one, many);
                findings.push(finding(
                    Severity::Warning,
                    FindingCode::FlushOff,
                    format!("{who} {cost}"),
                    remedy,
                ));
            }
        }
        if !untold.is_empty() {
            findings.push(finding(
                Severity::Note,
                FindingCode::FlushOff,
                format!(
                    "Whether {} to disk before acknowledging is not shown by `/actuator/configprops`.",
                    clause("broker", &untold, "flushes", "flush")
                ),
                remedy,
            ));
        }
        findings
    }
}

/// Less than this makes a restore of some size a race with the disk: an hour.
const HEADROOM_S: i64 = 3_600;
