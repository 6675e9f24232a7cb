//! What `c8dr ready` looks at besides the readings that a run is made of. The edge fills it; nothing of it is believed here.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::ids::{BrokerId, RegionId};
use crate::observation::Sight;
use crate::search::{Repository, RepositoryTrial, SearchDetails};
use crate::traffic::TrafficSight;

/// Everything around the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Survey {
    /// Whether writing was tried.
    pub is_probed: bool,
    /// What the configuration has.
    pub configured: Configured,
    /// The searches' details.
    pub searches: BTreeMap<RegionId, SearchSurvey>,
    /// Whether each broker flushes its log.
    pub flush: BTreeMap<BrokerId, Sight<Flush>>,
    /// The bucket; `None` where none is configured.
    pub bucket: Option<BucketSurvey>,
    /// In what each region's release differs from its description, as sentences.
    pub charts: BTreeMap<RegionId, Sight<Vec<String>>>,
    /// What is wrong with the values that a release is installed with, as sentences.
    pub values: Sight<Vec<String>>,
    /// The users' names; `None` where c8dr does not point them.
    pub names: Option<NamesSurvey>,
    /// By how much servers' clocks are ahead of this machine's, by their address, where their answers tell.
    pub clocks: BTreeMap<String, SignedDuration>,
}

/// The users' names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamesSurvey {
    /// The regions that they point to when both serve.
    pub normal: BTreeSet<RegionId>,
    /// Where they point now.
    pub seen: Sight<TrafficSight>,
}

/// What the configuration has of what a failback needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configured {
    /// Where snapshots go.
    pub repository: Option<Repository>,
    /// The regions whose search is known.
    pub searches: BTreeSet<RegionId>,
    /// The regions whose platform is known.
    pub platforms: BTreeSet<RegionId>,
    /// For how long the disks must last at least while exporting is paused, in seconds.
    pub floor_s: u64,
    /// What the brokers keep free, in bytes.
    pub reserve_bytes: u64,
    /// The hosts at which each region's own services are reached.
    pub hosts: BTreeMap<RegionId, BTreeSet<String>>,
}

/// One search.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchSurvey {
    /// Its nodes, its indices' replicas, its disks.
    pub details: Sight<SearchDetails>,
    /// What came of trying the repository; not asked without a probe.
    pub trial: Sight<RepositoryTrial>,
}

/// Whether a broker flushes its log before it acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flush {
    /// At once.
    AtOnce,
    /// Some time later.
    Delayed,
    /// Never by itself.
    Off,
    /// Its configuration does not say.
    Unsaid,
}

/// The bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketSurvey {
    /// Where it is, for people.
    pub place: String,
    /// Where that is, as far as an address tells.
    pub at: BucketAt,
    /// Whether it can be listed.
    pub listed: Sight<()>,
    /// What came of many writers at once; not asked without a probe.
    pub race: Sight<Race>,
}

/// Where a bucket is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BucketAt {
    /// In a folder of this machine, or of what is mounted there.
    Folder,
    /// At a host.
    Host(String),
    /// At the provider's own service.
    Service,
}

/// What came of many writers that put one key at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Race {
    /// How many there were.
    pub writers: u32,
    /// How many were told that theirs is there now.
    pub won: u32,
    /// How many were told that another's is there.
    pub lost: u32,
    /// How many could not tell.
    pub unknown: u32,
    /// Why those that were refused were.
    pub refused: Option<String>,
    /// Whether what was read back is the winner's.
    pub is_winners: bool,
    /// What could not be taken away afterwards, and why.
    pub left: Option<String>,
}
