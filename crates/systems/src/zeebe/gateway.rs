//! `/v2/**` of a gateway. `spec: api.md §6`

use std::time::Duration;

use c8dr_domain::observation::Sight;
use c8dr_domain::topology::GatewayTopology;

use super::said::Said;
use super::wire;
use crate::call::{Call, Caller, Door};
use crate::reading::sight;

/// The gateway's own view of the cluster, waited for at most `limit`.
pub(super) async fn topology(
    caller: &Caller,
    door: &Door,
    limit: Duration,
    said: &Said<GatewayTopology>,
) -> Sight<GatewayTopology> {
    sight(
        caller.call(door, Call::get("/v2/topology", limit)).await,
        |body| said.read(body, wire::topology),
    )
}
