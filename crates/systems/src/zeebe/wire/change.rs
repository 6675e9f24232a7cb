//! The 202 answer to whatever changes the configuration. `spec: api.md §2.3`

use std::collections::BTreeMap;

use c8dr_domain::ids::{BrokerId, ChangeId};
use c8dr_domain::topology::{Member, Operation};
use serde::Deserialize;

use super::Garbled;
use super::cluster::{WireMember, WireOperation, members, operations};
use super::json::{Int, read};

/// What the server has planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedChange {
    /// The change's id; in a dry run the one that it would get.
    pub change: ChangeId,
    /// The members before it.
    pub members: BTreeMap<BrokerId, Member>,
    /// What will be done; empty if nothing is to be done.
    pub planned: Vec<Operation>,
}

/// Reads a 202 answer.
pub fn planned_change(body: &[u8]) -> Result<PlannedChange, Garbled> {
    let wire: WireChange = read(body)?;
    Ok(PlannedChange {
        change: ChangeId(wire.change_id.0),
        members: members(wire.current_topology, "currentTopology")?,
        planned: operations(wire.planned_changes),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireChange {
    change_id: Int<i64>,
    current_topology: Vec<WireMember>,
    planned_changes: Vec<WireOperation>,
}
