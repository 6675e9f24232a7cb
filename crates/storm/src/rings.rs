//! The two ways from the engine to the lab: by its ports alone, or down to the last byte.

pub mod names;
pub(crate) mod platform;
pub(crate) mod ports;
pub(crate) mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use c8dr_domain::ids::{BrokerId, GatewayName, RegionId};
use c8dr_engine::ports::{Bucket, Platform, Search, Zeebe};

/// A way from the engine to the lab.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ring {
    /// The real engine and the real adapters, against the lab's façades in this process: true to the last byte.
    Wire,
    /// The real engine by its ports, answered by the lab's own views: fast.
    #[default]
    Ports,
}

impl Ring {
    /// All of them.
    pub const ALL: [Ring; 2] = [Ring::Ports, Ring::Wire];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Ring::Wire => "wire",
            Ring::Ports => "ports",
        }
    }
}

impl fmt::Display for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// There is no such ring.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no ring {0:?}; there are {known}", known = Ring::ALL.map(Ring::as_str).join(" and "))]
pub struct UnknownRing(pub String);

impl FromStr for Ring {
    type Err = UnknownRing;

    fn from_str(text: &str) -> Result<Self, UnknownRing> {
        let mut all = Ring::ALL.into_iter();
        all.find(|one| one.as_str() == text)
            .ok_or_else(|| UnknownRing(text.to_owned()))
    }
}

/// Everything that the engine reaches.
pub(crate) struct Ports {
    pub(crate) zeebe: Box<dyn Zeebe>,
    pub(crate) searches: BTreeMap<RegionId, Box<dyn Search>>,
    pub(crate) platforms: BTreeMap<RegionId, Box<dyn Platform>>,
    pub(crate) bucket: Option<Box<dyn Bucket>>,
}

/// The name of a broker's gateway: every broker has one in it.
pub(crate) fn gateway(broker: u32) -> (GatewayName, RegionId) {
    (
        GatewayName::new(format!("gateway-{broker:02}")),
        RegionId::of(BrokerId(broker)),
    )
}
