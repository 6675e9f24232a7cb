//! The parts of the modelled Zeebe that know no time: placement, dynamic configuration, plans, raft logs.

pub(crate) mod configuration;
pub(crate) mod placement;
pub(crate) mod plan;
pub(crate) mod raft;
pub(crate) mod text;
