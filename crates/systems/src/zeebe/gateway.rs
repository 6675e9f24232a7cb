//! `/v2/**` of a gateway. `spec: api.md §6`

use std::time::Duration;

use c8dr_domain::observation::Sight;
use c8dr_domain::topology::GatewayTopology;
use http::Method;

use super::call::{Caller, Door};
use super::reading::sight;
use super::wire;

/// The gateway's own view of the cluster, waited for at most `limit`.
pub(super) async fn topology(caller: &Caller, door: &Door, limit: Duration) -> Sight<GatewayTopology> {
    sight(
        caller.call(door, Method::GET, "/v2/topology", None, limit).await,
        wire::topology,
    )
}
