//! `/actuator/prometheus`: the exporter's series in the recorded form, raft's (spec: concepts.md §7.1) and
//! the free disk. A real page has thousands of lines more.

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
                    "zeebe_exporter_last_exported_position{{exporter=\"{exporter}\",partition=\"{partition}\",}} {}",
                    java(position.handed as f64 + 1.0)
                );
            }
        }
        page.push_str("# HELP zeebe_exporter_last_updated_exported_position The last exported position which was also updated/committed by the exporter.\n# TYPE zeebe_exporter_last_updated_exported_position gauge\n");
        for (partition, replica) in present() {
            for (exporter, position) in replica.exporters.iter().filter(|(_, p)| p.handed > 0) {
                let _ = writeln!(
                    page,
                    "zeebe_exporter_last_updated_exported_position{{exporter=\"{exporter}\",partition=\"{partition}\",}} {}",
                    java(position.acked as f64 + 1.0)
                );
            }
        }
        page.push_str("# HELP atomix_append_entries_data_rate_total The rate in KB at which data is appended to followers\n# TYPE atomix_append_entries_data_rate_total counter\n");
        for (partition, replica) in present().filter(|(_, r)| r.role == Role::Leader) {
            for (follower, entries) in &replica.appended {
                let kib = self.config.disk.instance_bytes as f64 * *entries as f64 / 1024.0;
                let _ = writeln!(
                    page,
                    "atomix_append_entries_data_rate_total{{follower=\"{follower}\",partition=\"{partition}\",partitionGroupName=\"raft-partition\",}} {}",
                    java(kib)
                );
            }
        }
        // This one is not in the recorded 8.6 pages: that Spring's series is there, and its path, is unverified.
        if self.config.shows_free_disk {
            let _ = writeln!(
                page,
                "# HELP disk_free_bytes Usable space for path\n# TYPE disk_free_bytes gauge\ndisk_free_bytes{{path=\"/usr/local/zeebe/.\",}} {}",
                java(self.disk_free_bytes(id) as f64)
            );
            let _ = writeln!(
                page,
                "# HELP disk_total_bytes Total space for path\n# TYPE disk_total_bytes gauge\ndisk_total_bytes{{path=\"/usr/local/zeebe/.\",}} {}",
                java(self.config.disk.volume_bytes as f64)
            );
        }
        Answer::Soon(Reply {
            status: 200,
            content_type: Some("text/plain;version=0.0.4;charset=utf-8"),
            body: page.into_bytes(),
        })
    }
}

/// As Java prints a double: from ten millions on with an exponent (recorded: `1.795335446824E9`).
fn java(value: f64) -> String {
    if value.abs() < 1e7 {
        return format!("{value:?}");
    }
    let text = format!("{value:E}");
    match text.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_java_does() {
        assert_eq!(java(475.0), "475.0");
        assert_eq!(java(1e10), "1.0E10");
        assert_eq!(java(1_795_335_446_824.0 / 1e3), "1.795335446824E9");
    }
}
