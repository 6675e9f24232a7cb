//! What the readings amount to: who leads what and how surely, which region answers, who is a member.
//!
//! A picture draws conclusions from readings but decides nothing; diagnosis, guards and conditions are built on it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use crate::history::{History, Streak};
use crate::ids::{BrokerId, ExporterId, PartitionId, RegionId};
use crate::installation::Installation;
use crate::observation::{Observation, Sight};
use crate::topology::{ClusterConfiguration, ExporterPhase, ExporterStatus, Health};

/// How a region's brokers answer at their own endpoints, in one reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionSight {
    /// Those that answered anything.
    pub answering: BTreeSet<BrokerId>,
    /// Those that were asked and kept silent.
    pub silent: BTreeSet<BrokerId>,
    /// Those whose endpoints are not known.
    pub unasked: BTreeSet<BrokerId>,
}

impl RegionSight {
    /// Every broker answered.
    pub fn all_answer(&self) -> bool {
        self.silent.is_empty() && self.unasked.is_empty()
    }

    /// Every broker was asked and none answered.
    pub fn all_silent(&self) -> bool {
        self.answering.is_empty() && self.unasked.is_empty()
    }
}

/// Who leads a partition, and how surely, in one reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lead {
    /// One broker says of itself that it leads and takes commands.
    Proven(BrokerId),
    /// Gateways list this broker as healthy leader, and its own endpoint is not known to us, so that nothing contradicts.
    Listed(BrokerId),
    /// Gateways list these, but they do not confirm it: they hang, or answer nothing. A stale leader looks like this.
    Claimed(BTreeSet<BrokerId>),
    /// More than one broker says of itself that it leads.
    Twice(BTreeSet<BrokerId>),
    /// Every replica that answers denies, and no one else is claimed to lead.
    Nobody,
    /// Not to be told: replicas did not say.
    Unknown,
}

impl Lead {
    /// The leader, where it may be believed.
    pub fn leader(&self) -> Option<BrokerId> {
        match self {
            Lead::Proven(broker) | Lead::Listed(broker) => Some(*broker),
            _ => None,
        }
    }
}

/// Who belongs to the cluster by its own configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// All brokers of both regions.
    Whole,
    /// Exactly the brokers of one region: the other was removed.
    Only(RegionId),
    /// Some other set.
    Mixed(BTreeSet<BrokerId>),
    /// Nobody can tell: the coordinator does not answer and the gateways do not agree on a size that tells.
    Unknown,
}

/// The newest reading, seen against the installation and the readings before.
#[derive(Clone, Copy)]
pub struct Picture<'a> {
    /// What ought to be.
    pub installation: &'a Installation,
    /// What was seen, newest last.
    pub history: &'a History,
    /// The newest reading.
    pub latest: &'a Observation,
}

impl<'a> Picture<'a> {
    /// The picture of the newest reading; `None` if nothing was read yet.
    pub fn of(installation: &'a Installation, history: &'a History) -> Option<Self> {
        history.latest().map(|latest| Picture {
            installation,
            history,
            latest,
        })
    }

    /// How a region's brokers answered in a reading.
    pub fn region(&self, region: RegionId, reading: &Observation) -> RegionSight {
        let mut sight = RegionSight {
            answering: BTreeSet::new(),
            silent: BTreeSet::new(),
            unasked: BTreeSet::new(),
        };
        for broker in self.installation.brokers_in(region) {
            match reading.brokers.get(&broker) {
                Some(seen) if seen.answers() => sight.answering.insert(broker),
                Some(seen) if seen.is_silent() => sight.silent.insert(broker),
                _ => sight.unasked.insert(broker),
            };
        }
        sight
    }

    /// For how long a whole region has kept silent.
    pub fn region_silent(&self, region: RegionId) -> Streak {
        let brokers = self.installation.brokers_of(region);
        self.history.streak(|reading| {
            (brokers.iter()).all(|broker| reading.brokers.get(broker).is_some_and(|sight| sight.is_silent()))
        })
    }

    /// Who leads a partition by a reading.
    pub fn lead(&self, partition: PartitionId, reading: &Observation) -> Lead {
        let mut own = reading
            .own_replicas(partition)
            .filter(|(_, replica)| replica.leads())
            .map(|(broker, _)| broker);
        if let Some(leader) = own.next() {
            let others: BTreeSet<BrokerId> = own.collect();
            return match others.is_empty() {
                true => Lead::Proven(leader),
                false => Lead::Twice(others.into_iter().chain([leader]).collect()),
            };
        }
        self.lead_by_gateways(partition, reading)
    }

    /// No broker says of itself that it leads: what gateways list, and whether it may be.
    fn lead_by_gateways(&self, partition: PartitionId, reading: &Observation) -> Lead {
        let mut listed = BTreeSet::new();
        let mut unconfirmed = BTreeSet::new();
        for (_, _, topology) in reading.topologies() {
            for (broker, replica) in topology.leaders(partition) {
                match reading.brokers.get(&broker).map(|seen| &seen.partitions) {
                    // It was asked itself and denies: the listing is old.
                    Some(Sight::Seen(_)) => {}
                    None | Some(Sight::NotAsked) if replica.health == Health::Healthy => {
                        listed.insert(broker);
                    }
                    _ => {
                        unconfirmed.insert(broker);
                    }
                }
            }
        }
        match (listed.len(), unconfirmed.is_empty()) {
            (1, true) => listed
                .first()
                .map_or(Lead::Unknown, |leader| Lead::Listed(*leader)),
            (0, true) => self.lead_of_the_unlisted(partition, reading),
            _ => Lead::Claimed(listed.into_iter().chain(unconfirmed).collect()),
        }
    }

    /// Nobody is listed: either every replica denies, or some do not say.
    fn lead_of_the_unlisted(&self, partition: PartitionId, reading: &Observation) -> Lead {
        let configuration = reading.configuration().map(|(_, configuration)| configuration);
        let placed = match configuration {
            Some(_) => BTreeSet::new(),
            None => self.installation.replicas_of(partition),
        };
        let holds = |broker: &BrokerId| match configuration {
            Some(configuration) => {
                let member = configuration.members.get(broker);
                member.is_some_and(|member| member.partitions.contains_key(&partition))
            }
            None => placed.contains(broker),
        };
        let (mut undecided, mut heard) = (false, reading.topologies().next().is_some());
        for (_, sight) in reading.brokers.iter().filter(|(broker, _)| holds(broker)) {
            match sight.partitions.seen() {
                Some(_) => heard = true,
                None => undecided |= sight.answers(),
            }
        }
        if undecided || !heard {
            Lead::Unknown
        } else {
            Lead::Nobody
        }
    }

    /// The replicas of a partition: by the configuration where it was seen, else where they belong.
    pub fn replicas(&self, partition: PartitionId, reading: &Observation) -> BTreeSet<BrokerId> {
        match reading.configuration() {
            Some((_, configuration)) => configuration
                .members
                .iter()
                .filter(|(_, member)| member.partitions.contains_key(&partition))
                .map(|(broker, _)| *broker)
                .collect(),
            None => self.installation.replicas_of(partition),
        }
    }

    /// The least and the most replicas that any partition has inside a region, by the configuration; `None` where it was not read.
    pub fn replicas_within(&self, region: RegionId) -> Option<(usize, usize)> {
        self.configuration()?;
        let counts = self.installation.partitions().map(|partition| {
            let replicas = self.replicas(partition, self.latest);
            (replicas.iter())
                .filter(|broker| RegionId::of(**broker) == region)
                .count()
        });
        let counts: Vec<usize> = counts.collect();
        Some((*counts.iter().min()?, *counts.iter().max()?))
    }

    /// Whether a partition has more replicas inside a region than it has there when all is well: it was reinforced.
    pub fn is_reinforced(&self, region: RegionId) -> bool {
        (self.replicas_within(region))
            .is_some_and(|(_, most)| most > self.installation.regional_replicas() as usize)
    }

    /// Who leads each partition in the newest reading.
    pub fn leads(&self) -> BTreeMap<PartitionId, Lead> {
        self.history.leads(self.installation, || self.leads_anew())
    }

    fn leads_anew(&self) -> BTreeMap<PartitionId, Lead> {
        // What each broker says of itself is gone through once, not once for each partition.
        let mut own: BTreeMap<PartitionId, BTreeSet<BrokerId>> = BTreeMap::new();
        for (broker, sight) in &self.latest.brokers {
            let replicas = sight.partitions.seen().into_iter().flatten();
            for (partition, _) in replicas.filter(|(_, replica)| replica.leads()) {
                own.entry(*partition).or_default().insert(*broker);
            }
        }
        let lead = |partition| {
            let lead = match own.remove(&partition) {
                Some(leaders) if leaders.len() > 1 => Lead::Twice(leaders),
                Some(leaders) => leaders
                    .first()
                    .map_or(Lead::Unknown, |leader| Lead::Proven(*leader)),
                None => self.lead_by_gateways(partition, self.latest),
            };
            (partition, lead)
        };
        self.installation.partitions().map(lead).collect()
    }

    /// The configuration, from the newest reading.
    pub fn configuration(&self) -> Option<&'a ClusterConfiguration> {
        self.latest
            .configuration()
            .map(|(_, configuration)| configuration)
    }

    /// Why the configuration cannot be read through any gateway that answers; `None` if it can, or nobody answers.
    pub fn coordinator_silent(&self) -> Option<String> {
        if self.configuration().is_some() {
            return None;
        }
        self.latest
            .gateways
            .values()
            .find_map(|gateway| match &gateway.configuration {
                Sight::Declined {
                    status: status @ (500 | 502 | 504),
                    message,
                } => Some(format!("{status}: {message}")),
                Sight::Silent { .. } if gateway.topology.answered() => gateway.configuration.instead(),
                _ => None,
            })
    }

    /// The coordinator: the member with the lowest id, by the newest configuration that was ever read, else as configured.
    /// `spec: edge-cases.md E8`
    pub fn coordinator(&self) -> Option<BrokerId> {
        self.history
            .readings()
            .rev()
            .find_map(|reading| reading.configuration())
            .and_then(|(_, configuration)| configuration.members.keys().next().copied())
            .or_else(|| self.installation.brokers().first().copied())
    }

    /// Why the coordinator, which lives in `region`, does not answer; `None` if it does, or lives elsewhere.
    pub fn coordinator_lost_with(&self, region: RegionId) -> Option<String> {
        self.coordinator_silent().filter(|_| {
            self.coordinator()
                .is_some_and(|broker| RegionId::of(broker) == region)
        })
    }

    /// Who belongs to the cluster.
    pub fn membership(&self) -> Membership {
        self.membership_in(self.latest)
    }

    /// Who belonged to the cluster by a reading: its configuration, else the sizes that all gateways agree on.
    pub fn membership_in(&self, reading: &Observation) -> Membership {
        if let Some((_, configuration)) = reading.configuration() {
            let members: BTreeSet<BrokerId> = configuration.members.keys().copied().collect();
            if members == self.installation.brokers() {
                return Membership::Whole;
            }
            for region in self.installation.regions() {
                if members == self.installation.brokers_of(region.id) {
                    return Membership::Only(region.id);
                }
            }
            return Membership::Mixed(members);
        }
        let mut sizes = reading.topologies().map(|(_, _, topology)| topology.cluster_size);
        match sizes.next() {
            Some(size) if sizes.all(|other| other == size) && size == self.installation.cluster_size() => {
                Membership::Whole
            }
            // A halved size does not say which half; that is read from the configuration, which then answers again.
            _ => Membership::Unknown,
        }
    }

    /// Whether gateways show a smaller cluster than is configured, while the configuration cannot be read: brokers were
    /// removed, and nobody says which.
    pub fn shrunk_unread(&self) -> bool {
        self.configuration().is_none()
            && self
                .latest
                .topologies()
                .any(|(_, _, topology)| topology.cluster_size < self.installation.cluster_size())
    }

    /// The gateways of a region's side that still list any of `brokers`.
    pub fn gateways_listing(&self, brokers: &BTreeSet<BrokerId>, side: RegionId) -> usize {
        self.latest
            .topologies()
            .filter(|(_, region, topology)| {
                *region == side && topology.brokers.keys().any(|broker| brokers.contains(broker))
            })
            .count()
    }

    /// The gateways of a region's side whose view was seen.
    pub fn gateways_seen(&self, side: RegionId) -> usize {
        self.latest
            .topologies()
            .filter(|(_, region, _)| *region == side)
            .count()
    }

    /// For how long nobody has been seen to lead anything: no broker says so, in any reading. Looked back upon no further than
    /// two readings and [`Picture::ELECTION`].
    pub fn leaderless(&self) -> Streak {
        // Two readings over an election are all that anybody asks for.
        self.history.streak_to(2, Self::ELECTION, |reading| {
            self.installation.partitions().all(|partition| {
                !matches!(
                    self.lead(partition, reading),
                    Lead::Proven(_) | Lead::Listed(_) | Lead::Twice(_)
                )
            })
        })
    }

    /// Whether a broker of `region` led a partition when the other region fell silent, and denies it in the newest
    /// reading.
    ///
    /// A leader gives up only after it has had no answer from a majority for longer than an election takes: to see one
    /// step down is to see the quorum gone. Handing over to another while all is well looks alike, so only what happened
    /// since the silence began counts, with the one reading before it: brokers hang while they step down.
    pub fn stepped_down(&self, region: RegionId) -> bool {
        let silent = self.region_silent(region.other()).readings;
        let since = self.history.len().saturating_sub(silent + 1);
        self.installation.partitions().any(|partition| {
            let denies: BTreeSet<BrokerId> = self
                .latest
                .own_replicas(partition)
                .filter(|(broker, replica)| RegionId::of(*broker) == region && !replica.leads())
                .map(|(broker, _)| broker)
                .collect();
            silent > 0
                && self.history.readings().skip(since).any(|reading| {
                    reading
                        .own_leaders(partition)
                        .intersection(&denies)
                        .next()
                        .is_some()
                })
        })
    }

    /// How an exporter stands: by the list where it was read, else by what the configuration says of every replica.
    pub fn exporter_status(&self, exporter: &ExporterId) -> Option<ExporterStatus> {
        if let Some(listed) = self.latest.exporters() {
            return listed.get(exporter).cloned();
        }
        let replicas = self
            .configuration()
            .into_iter()
            .flat_map(|configuration| configuration.members.values())
            .flat_map(|member| member.partitions.values());
        let statuses: BTreeSet<&ExporterStatus> = replicas
            .filter_map(|replica| replica.exporters.get(exporter))
            .collect();
        match (statuses.first(), statuses.len()) {
            (Some(only), 1) => Some((*only).clone()),
            (Some(_), _) => Some(ExporterStatus::Other("MIXED".to_owned())),
            (None, _) => None,
        }
    }

    /// The brokers on which a partition's exporting is paused, in the newest reading.
    pub fn paused(&self) -> BTreeMap<BrokerId, BTreeSet<PartitionId>> {
        let mut paused: BTreeMap<BrokerId, BTreeSet<PartitionId>> = BTreeMap::new();
        for (broker, sight) in &self.latest.brokers {
            for (partition, replica) in sight.partitions.seen().into_iter().flatten() {
                if matches!(
                    replica.exporter_phase,
                    Some(ExporterPhase::Paused | ExporterPhase::SoftPaused)
                ) {
                    paused.entry(*broker).or_default().insert(*partition);
                }
            }
        }
        paused
    }

    /// How long an election takes at most: Zeebe's default raft election time-out of 2.5 s.
    pub const ELECTION: SignedDuration = SignedDuration::from_millis(2_500);
}
