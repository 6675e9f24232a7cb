//! What an Elasticsearch or OpenSearch says, read by every reader there is for it.

use std::collections::BTreeMap;

use c8dr_systems::elasticsearch::wire::{self, Garbled};

use super::driver::{Verdict, harmless};
use super::seeds::searches;
use super::zeebe::{documents, understood};

fn refused<T>(outcome: Result<T, Garbled>) -> Verdict {
    outcome.map_or_else(|garbled| harmless(&garbled.to_string()), |_| Ok(()))
}

#[test]
fn fuzz_search_answers() {
    documents("search", 3_000, &searches(), |body| {
        understood(wire::cluster_uuid(body))?;
        refused(wire::color(body))?;
        understood(wire::indices(body))?;
        refused(wire::primaries(body))?;
        understood(wire::recoveries(body, &BTreeMap::new()))?;
        refused(wire::repository(body, "trial_repository"))?;
        understood(wire::snapshot(body, "trial-snapshot"))?;
        refused(wire::progress(body, "trial-snapshot"))?;
        refused(wire::page(body))?;
        refused(wire::refreshed(body))?;
        refused(wire::is_taken(body))?;
        harmless(&c8dr_systems::zeebe::wire::refusal(body))
    });
}
