//! Reading what a search is made of, for whoever asks whether a copy of it could be made.

use c8dr_domain::observation::Sight;
use c8dr_domain::search::SearchDetails;
use futures_util::future::join3;

use super::server::Elasticsearch;
use super::wire;
use crate::reading::{sight, without};

/// Each node's version, and nothing else of it.
const NODES: &str = "/_nodes?filter_path=nodes.*.version";
/// Each node's disks.
const DISKS: &str = "/_nodes/stats/fs?filter_path=nodes.*.fs.total";
/// All indices, closed and hidden ones too.
const SETTINGS: &str = "/_all/_settings?expand_wildcards=all&filter_path=*.settings.index.number_of_replicas,*.settings.index.blocks";

impl Elasticsearch {
    pub(super) async fn read_details(&self) -> Sight<SearchDetails> {
        let limit = self.limits.read;
        let (nodes, disks, settings) = join3(
            self.get(NODES, limit),
            self.get(DISKS, limit),
            self.get(SETTINGS, limit),
        )
        .await;
        let versions = match sight(nodes, wire::versions) {
            Sight::Seen(versions) => versions,
            other => return without(other),
        };
        let settings = match sight(settings, wire::index_settings) {
            Sight::Seen(settings) => settings,
            other => return without(other),
        };
        // Whoever may not see the nodes' disks has seen the rest.
        let disk = sight(disks, wire::disks).seen().copied().flatten();
        Sight::Seen(SearchDetails {
            nodes: versions.len(),
            versions: versions.into_iter().collect(),
            disk_free_bytes: disk.map(|(free, _)| free),
            disk_total_bytes: disk.map(|(_, total)| total),
            without_replicas: settings.without_replicas,
            read_only: settings.read_only,
        })
    }
}
