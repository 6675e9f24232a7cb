//! What was seen, from where, when, and what could not be seen.
//!
//! Unreachable, refused, garbled, silent and not-asked are different values, because they mean different things at night:
//! a connection that is refused is a dead process, one that hangs may be a broker that steps down.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::exporting::BrokerMetrics;
use crate::ids::{BrokerId, GatewayName, PartitionId, RegionId};
use crate::platform::PlatformSight;
use crate::search::SearchSight;
use crate::topology::{ClusterConfiguration, Exporters, GatewayTopology, OwnPartitions, OwnReplica};
use crate::traffic::TrafficSight;

/// Why nothing was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Silence {
    /// The connection was refused: nobody listens.
    Refused,
    /// No connection came about in time: the host is gone or cut off.
    NoConnection,
    /// The name could not be resolved.
    NoSuchHost,
    /// The connection stood, but no answer came in time: frozen, or busy stepping down.
    NoAnswer,
    /// The connection broke before the answer was whole.
    Broken,
    /// TLS did not come about.
    Tls,
}

impl Silence {
    /// In the operator's words.
    pub const fn words(self) -> &'static str {
        match self {
            Silence::Refused => "connection refused",
            Silence::NoConnection => "no connection in time",
            Silence::NoSuchHost => "name not resolved",
            Silence::NoAnswer => "no answer in time",
            Silence::Broken => "connection broken",
            Silence::Tls => "TLS failed",
        }
    }

    /// What it means for the one who looks, and what to check first.
    pub const fn hint(self) -> &'static str {
        match self {
            Silence::Refused => "nobody listens there: the process is down, or the address is wrong",
            Silence::NoConnection => "the host is down or cut off, or a firewall drops what is sent there",
            Silence::NoSuchHost => "check the name in the configuration, and the DNS of this machine",
            Silence::NoAnswer => "the process is frozen or overloaded, or something else listens there",
            Silence::Broken => {
                "the process restarts, a proxy lost it, or the port speaks something else (TLS, gRPC)"
            }
            Silence::Tls => {
                "check the scheme (http or https), the certificates, and `tls` in the configuration"
            }
        }
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.words())
    }
}

/// What one look at one endpoint brought.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sight<T> {
    /// It answered, and this is what it says.
    Seen(T),
    /// Nothing was heard.
    Silent {
        /// Why.
        why: Silence,
        /// What the network said.
        detail: String,
    },
    /// It answered with an error of its own.
    Declined {
        /// The HTTP (or gRPC) status.
        status: u16,
        /// Its message.
        message: String,
    },
    /// It answered something that is not an answer: broken JSON, a proxy's page, a field of the wrong kind.
    Garbled {
        /// What and where.
        problem: String,
    },
    /// It answered, but said nothing: an empty object after five seconds. Not "no partitions". `spec: edge-cases.md E6`
    Empty,
    /// It was not asked.
    #[default]
    NotAsked,
}

impl<T> Sight<T> {
    /// What was seen, if it was.
    pub fn seen(&self) -> Option<&T> {
        match self {
            Sight::Seen(value) => Some(value),
            _ => None,
        }
    }

    /// Another value where one was seen.
    pub fn map<U>(self, other: impl FnOnce(T) -> U) -> Sight<U> {
        match self {
            Sight::Seen(value) => Sight::Seen(other(value)),
            Sight::Silent { why, detail } => Sight::Silent { why, detail },
            Sight::Declined { status, message } => Sight::Declined { status, message },
            Sight::Garbled { problem } => Sight::Garbled { problem },
            Sight::Empty => Sight::Empty,
            Sight::NotAsked => Sight::NotAsked,
        }
    }

    /// Whether a process answered at all, with whatever.
    pub fn answered(&self) -> bool {
        matches!(
            self,
            Sight::Seen(_) | Sight::Declined { .. } | Sight::Garbled { .. } | Sight::Empty
        )
    }

    /// Whether it was not asked.
    pub fn is_not_asked(&self) -> bool {
        matches!(self, Sight::NotAsked)
    }

    /// Whether it was asked and nothing was heard.
    pub fn is_silent(&self) -> bool {
        matches!(self, Sight::Silent { .. })
    }

    /// What it means that no answer came, and what to check first; `None` if it was seen or not asked.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Sight::Seen(_) | Sight::NotAsked => None,
            Sight::Silent { why, .. } => Some(why.hint()),
            // 16, 7 and 12 are gRPC's numbers for the same.
            Sight::Declined {
                status: 401 | 403 | 407 | 16 | 7,
                ..
            } => Some("check `auth` in the configuration"),
            Sight::Declined {
                status: 404 | 405 | 12,
                ..
            } => Some("check the port and the base path in the configuration"),
            Sight::Declined { status: 429, .. } => Some("it is asked too often; who else asks?"),
            Sight::Declined { .. } => Some("the process, or a proxy before it, is in trouble: read its log"),
            Sight::Garbled { .. } => {
                Some("something else answers there: check the address, the port and the base path")
            }
            Sight::Empty => Some("it is there, but gave up on its brokers"),
        }
    }

    /// What came instead of an answer, in a few words; `None` if it was seen.
    pub fn instead(&self) -> Option<String> {
        match self {
            Sight::Seen(_) => None,
            Sight::Silent { why, detail } if detail.is_empty() => Some(why.words().to_owned()),
            Sight::Silent { why, detail } => Some(format!("{why} ({detail})")),
            Sight::Declined { status, message } => Some(format!("{status}: {message}")),
            Sight::Garbled { problem } => Some(format!("not understood: {problem}")),
            Sight::Empty => Some("an empty answer".to_owned()),
            Sight::NotAsked => Some("not asked".to_owned()),
        }
    }
}

/// What a gateway said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewaySight {
    /// The region in which it stands.
    pub region: RegionId,
    /// Its own view of the cluster.
    pub topology: Sight<Arc<GatewayTopology>>,
    /// The coordinator's configuration, asked through it.
    pub configuration: Sight<Arc<ClusterConfiguration>>,
    /// The coordinator's exporters, asked through it.
    pub exporters: Sight<Exporters>,
}

/// What a broker said of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerSight {
    /// Whether it calls itself ready. A broker that was ready stays so without any leader.
    pub ready: Sight<bool>,
    /// Its replicas, by its own account.
    pub partitions: Sight<OwnPartitions>,
    /// How far its exporters are, and how much disk it has left.
    #[serde(default)]
    pub metrics: Sight<BrokerMetrics>,
}

impl BrokerSight {
    /// Whether any of its endpoints answered with whatever.
    pub fn answers(&self) -> bool {
        self.ready.answered() || self.partitions.answered()
    }

    /// Whether it was asked and all that was asked kept silent.
    pub fn is_silent(&self) -> bool {
        !self.answers() && (self.ready.is_silent() || self.partitions.is_silent())
    }
}

/// One look at the whole installation. Looking changes nothing (guarantee G11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// When the look was begun.
    pub at: Timestamp,
    /// When its last answer had come.
    pub until: Timestamp,
    /// The gateways that were asked.
    pub gateways: BTreeMap<GatewayName, Arc<GatewaySight>>,
    /// The brokers that were asked.
    pub brokers: BTreeMap<BrokerId, Arc<BrokerSight>>,
    /// The searches that were asked.
    #[serde(default)]
    pub searches: BTreeMap<RegionId, SearchSight>,
    /// The platforms that were asked.
    #[serde(default)]
    pub platforms: BTreeMap<RegionId, PlatformSight>,
    /// Where the users' names point, where that was asked.
    #[serde(default, skip_serializing_if = "Sight::is_not_asked")]
    pub traffic: Sight<TrafficSight>,
}

impl Observation {
    /// The newest configuration that any gateway brought, with the gateway.
    pub fn configuration(&self) -> Option<(&GatewayName, &ClusterConfiguration)> {
        self.gateways
            .iter()
            .filter_map(|(name, gateway)| gateway.configuration.seen().map(|seen| (name, seen.as_ref())))
            .max_by_key(|(_, seen)| (seen.version, seen.pending_change.is_some()))
    }

    /// Whether all that was seen is the very same in another reading, not only equal to it: where nothing has changed, whoever
    /// reads may share what was read before. Cheap, and false where it cannot be told so.
    pub fn shares_all_with(&self, other: &Observation) -> bool {
        self.gateways.len() == other.gateways.len()
            && self.brokers.len() == other.brokers.len()
            && [&self.searches, &other.searches]
                .iter()
                .all(|searches| searches.is_empty())
            && [&self.platforms, &other.platforms]
                .iter()
                .all(|platforms| platforms.is_empty())
            && [&self.traffic, &other.traffic]
                .iter()
                .all(|traffic| traffic.is_not_asked())
            && (self.brokers.iter().zip(&other.brokers))
                .all(|((one, own), (two, theirs))| one == two && Arc::ptr_eq(own, theirs))
            && (self.gateways.iter().zip(&other.gateways))
                .all(|((one, own), (two, theirs))| Arc::ptr_eq(own, theirs) && one == two)
    }

    /// The exporters, as the first gateway that knows them says.
    pub fn exporters(&self) -> Option<&Exporters> {
        self.gateways
            .values()
            .find_map(|gateway| gateway.exporters.seen())
    }

    /// The topologies that were seen, by gateway.
    pub fn topologies(&self) -> impl Iterator<Item = (&GatewayName, RegionId, &GatewayTopology)> {
        self.gateways
            .iter()
            .filter_map(|(name, gateway)| Some((name, gateway.region, gateway.topology.seen()?.as_ref())))
    }

    /// The brokers that say of themselves that they lead `partition`.
    pub fn own_leaders(&self, partition: PartitionId) -> BTreeSet<BrokerId> {
        self.own_replicas(partition)
            .filter(|(_, replica)| replica.leads())
            .map(|(broker, _)| broker)
            .collect()
    }

    /// What each broker says of its own replica of `partition`.
    pub fn own_replicas(&self, partition: PartitionId) -> impl Iterator<Item = (BrokerId, &OwnReplica)> {
        self.brokers.iter().filter_map(move |(broker, sight)| {
            sight
                .partitions
                .seen()
                .and_then(|own| own.get(&partition))
                .map(|replica| (*broker, replica))
        })
    }

    /// The brokers that answered anything at all.
    pub fn answering(&self) -> BTreeSet<BrokerId> {
        self.brokers
            .iter()
            .filter(|(_, sight)| sight.answers())
            .map(|(broker, _)| *broker)
            .collect()
    }

    /// The brokers that were asked and kept silent.
    pub fn silent(&self) -> BTreeSet<BrokerId> {
        self.brokers
            .iter()
            .filter(|(_, sight)| sight.is_silent())
            .map(|(broker, _)| *broker)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_answer_is_an_answer_but_nothing_seen() {
        let empty: Sight<u8> = Sight::Empty;
        assert!(empty.answered());
        assert_eq!(empty.seen(), None);
        assert!(!empty.is_silent());
    }

    #[test]
    fn a_broker_whose_partitions_hang_is_not_silent_while_it_says_it_is_ready() {
        let hanging = BrokerSight {
            ready: Sight::Seen(true),
            partitions: Sight::Silent {
                why: Silence::NoAnswer,
                detail: String::new(),
            },
            metrics: Sight::NotAsked,
        };
        assert!(hanging.answers());
        assert!(!hanging.is_silent());
    }

    #[test]
    fn a_broker_that_was_not_asked_is_neither_answering_nor_silent() {
        let unasked = BrokerSight::default();
        assert!(!unasked.answers());
        assert!(!unasked.is_silent());
    }
}
