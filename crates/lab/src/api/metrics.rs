//! `/actuator/prometheus`: the exporter's series in the recorded form, and raft's (spec: concepts.md §7.1). A real page has thousands
//! of lines more.

use std::fmt::Write as _;

use crate::api::{Answer, Reply};
use crate::cluster::raft::Role;
use crate::ids::BrokerId;
use crate::world::World;

impl World {
    pub(crate) fn prometheus(&self, id: BrokerId) -> Answer {
        let mut page = String::new();
        let replicas = || self.broker(id).into_iter().flat_map(|b| &b.replicas);
        let present = || replicas().filter(|(_, r)| r.role != Role::Absent);
        page.push_str("# HELP zeebe_exporter_state Describes the phase of the exporter, namely if it is exporting, paused or soft paused.\n# TYPE zeebe_exporter_state gauge\n");
        for (partition, replica) in present() {
            let _ = writeln!(
                page,
                "zeebe_exporter_state{{partition=\"{partition}\",}} {}.0",
                replica.phase.metric()
            );
        }
        page.push_str("# HELP zeebe_exporter_last_exported_position The last exported position by exporter and partition.\n# TYPE zeebe_exporter_last_exported_position gauge\n");
        for (partition, replica) in present() {
            for (exporter, position) in replica.exporters.iter().filter(|(_, p)| p.handed > 0) {
                let _ = writeln!(
                    page,
                    "zeebe_exporter_last_exported_position{{exporter=\"{exporter}\",partition=\"{partition}\",}} {}.0",
                    position.handed + 1
                );
            }
        }
        page.push_str("# HELP zeebe_exporter_last_updated_exported_position The last exported position which was also updated/committed by the exporter.\n# TYPE zeebe_exporter_last_updated_exported_position gauge\n");
        for (partition, replica) in present() {
            for (exporter, position) in replica.exporters.iter().filter(|(_, p)| p.handed > 0) {
                let _ = writeln!(
                    page,
                    "zeebe_exporter_last_updated_exported_position{{exporter=\"{exporter}\",partition=\"{partition}\",}} {}.0",
                    position.acked + 1
                );
            }
        }
        page.push_str("# HELP atomix_append_entries_data_rate_total The rate in KB at which data is appended to followers\n# TYPE atomix_append_entries_data_rate_total counter\n");
        for (partition, replica) in present().filter(|(_, r)| r.role == Role::Leader) {
            for (follower, entries) in &replica.appended {
                let kib = self.config.disk.instance_bytes as f64 * *entries as f64 / 1024.0;
                let _ = writeln!(
                    page,
                    "atomix_append_entries_data_rate_total{{follower=\"{follower}\",partition=\"{partition}\",partitionGroupName=\"raft-partition\",}} {kib:?}",
                );
            }
        }
        Answer::Soon(Reply {
            status: 200,
            content_type: Some("text/plain;version=0.0.4;charset=utf-8"),
            body: page.into_bytes(),
        })
    }
}
