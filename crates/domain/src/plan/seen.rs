//! What was seen when a plan was made, so that whoever carries it out later can be told what has moved since.
//!
//! It decides nothing: whether a saved plan still fits is decided by what would be done now. Leaders change by themselves,
//! and a plan whose steps stay the same stays good.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ids::{BrokerId, ChangeId, ExporterId, PartitionId, counted, listed, sentence};
use crate::picture::{Lead, Picture};

/// Who was there, who led, and how the exporters stood. What could not be read is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The members by the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<BTreeSet<BrokerId>>,
    /// The brokers that answered at their own endpoints.
    #[serde(default)]
    pub answering: BTreeSet<BrokerId>,
    /// Who led each partition; `null` where nobody did.
    #[serde(default)]
    pub leaders: BTreeMap<PartitionId, Option<BrokerId>>,
    /// How each exporter stood, in Zeebe's words.
    #[serde(default)]
    pub exporters: BTreeMap<ExporterId, String>,
    /// The brokers on which exporting was paused.
    #[serde(default)]
    pub paused: BTreeSet<BrokerId>,
    /// The configuration change that was pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<ChangeId>,
}

impl Seen {
    /// What a picture shows.
    pub fn of(picture: &Picture<'_>) -> Self {
        let configuration = picture.configuration();
        Seen {
            members: configuration.map(|seen| seen.members.keys().copied().collect()),
            answering: picture.latest.answering(),
            leaders: picture
                .leads()
                .into_iter()
                .filter_map(|(partition, lead)| match lead {
                    Lead::Proven(broker) | Lead::Listed(broker) => Some((partition, Some(broker))),
                    Lead::Nobody => Some((partition, None)),
                    Lead::Claimed(_) | Lead::Twice(_) | Lead::Unknown => None,
                })
                .collect(),
            exporters: picture
                .installation
                .regions()
                .iter()
                .filter_map(|region| {
                    let status = picture.exporter_status(&region.exporter)?;
                    Some((region.exporter.clone(), status.as_str().to_owned()))
                })
                .collect(),
            paused: picture.paused().into_keys().collect(),
            pending: configuration
                .and_then(|seen| seen.pending_change.as_ref())
                .map(|change| change.id),
        }
    }

    /// Whether nothing was seen: so it is with a plan that was made before this was kept.
    pub fn is_nothing(&self) -> bool {
        *self == Seen::default()
    }

    /// What is otherwise now, as sentences of then and now. What was not read at one of both times is not compared.
    pub fn moved(&self, now: &Seen) -> Vec<String> {
        if self.is_nothing() || now.is_nothing() {
            return Vec::new();
        }
        let mut moved = Vec::new();
        if let (Some(then), Some(now)) = (&self.members, &now.members)
            && then != now
        {
            moved.push(format!(
                "The members were {}; now they are {}.",
                counted("broker", then),
                counted("broker", now)
            ));
        }
        let came: BTreeSet<&BrokerId> = now.answering.difference(&self.answering).collect();
        if !came.is_empty() {
            moved.push(sentence(
                "broker",
                came,
                "was silent; now it answers.",
                "were silent; now they answer.",
            ));
        }
        let went: BTreeSet<&BrokerId> = self.answering.difference(&now.answering).collect();
        if !went.is_empty() {
            moved.push(sentence(
                "broker",
                went,
                "answered; now it is silent.",
                "answered; now they are silent.",
            ));
        }
        moved.extend(self.leaders_moved(now));
        for (exporter, then) in &self.exporters {
            if let Some(status) = now.exporters.get(exporter)
                && status != then
            {
                moved.push(format!("The exporter {exporter} was {then}; now it is {status}."));
            }
        }
        if self.paused != now.paused {
            let words = |paused: &BTreeSet<BrokerId>| match paused.is_empty() {
                true => "on no broker".to_owned(),
                false => format!("on {}", counted("broker", paused)),
            };
            moved.push(format!(
                "Exporting was paused {}; now it is paused {}.",
                words(&self.paused),
                words(&now.paused)
            ));
        }
        match (self.pending, now.pending) {
            (then, now) if then == now => {}
            (None, Some(change)) => moved.push(format!("No change was pending; now change {change} is.")),
            (Some(change), None) => moved.push(format!("Change {change} was pending; now none is.")),
            (then, now) => moved.extend(
                then.zip(now)
                    .map(|(then, now)| format!("Change {then} was pending; now change {now} is.")),
            ),
        }
        moved
    }

    /// Partitions that have the same story are told together.
    fn leaders_moved(&self, now: &Seen) -> Vec<String> {
        let mut stories: BTreeMap<(Option<BrokerId>, Option<BrokerId>), Vec<PartitionId>> = BTreeMap::new();
        for (partition, then) in &self.leaders {
            if let Some(leader) = now.leaders.get(partition)
                && leader != then
            {
                stories.entry((*then, *leader)).or_default().push(*partition);
            }
        }
        let by = |leader: Option<BrokerId>| {
            leader.map_or("by nobody".to_owned(), |leader| format!("by broker {leader}"))
        };
        stories
            .into_iter()
            .map(|((then, leader), partitions)| {
                let (was, is) = match partitions.len() {
                    1 => ("was", "it is"),
                    _ => ("were", "they are"),
                };
                let noun = if partitions.len() == 1 {
                    "Partition"
                } else {
                    "Partitions"
                };
                format!(
                    "{noun} {} {was} led {}; now {is} led {}.",
                    listed(partitions),
                    by(then),
                    by(leader)
                )
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(members: &[u32], leaders: [Option<u32>; 4], exporter: &str) -> Seen {
        let brokers = |ids: &[u32]| ids.iter().copied().map(BrokerId).collect::<BTreeSet<_>>();
        Seen {
            members: Some(brokers(members)),
            answering: brokers(members),
            leaders: (1..)
                .map(PartitionId)
                .zip(leaders.map(|leader| leader.map(BrokerId)))
                .collect(),
            exporters: [(ExporterId::new("e1"), exporter.to_owned())].into(),
            paused: BTreeSet::new(),
            pending: None,
        }
    }

    #[test]
    fn what_moved_is_told_of_then_and_now() {
        let then = seen(&[0, 2], [None, None, Some(0), Some(2)], "ENABLED");
        let mut now = seen(&[0, 1, 2, 3], [Some(0), Some(0), Some(0), None], "DISABLED");
        now.pending = Some(ChangeId(7));
        now.paused = [BrokerId(2)].into();
        assert_eq!(
            then.moved(&now),
            [
                "The members were brokers 0 and 2; now they are brokers 0, 1, 2 and 3.",
                "Brokers 1 and 3 were silent; now they answer.",
                "Partitions 1 and 2 were led by nobody; now they are led by broker 0.",
                "Partition 4 was led by broker 2; now it is led by nobody.",
                "The exporter e1 was ENABLED; now it is DISABLED.",
                "Exporting was paused on no broker; now it is paused on broker 2.",
                "No change was pending; now change 7 is.",
            ]
        );
        assert!(then.moved(&then).is_empty());
        assert!(
            Seen::default().moved(&now).is_empty(),
            "nothing is made of what was not kept"
        );
        now.members = None;
        assert!(
            !then.moved(&now)[0].contains("members"),
            "unknown is no difference"
        );
    }
}
