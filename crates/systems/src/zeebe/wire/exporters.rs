//! `GET /actuator/exporters`. `spec: api.md §3`

use c8dr_domain::ids::ExporterId;
use c8dr_domain::topology::{ExporterStatus, Exporters};
use serde::Deserialize;

use super::Garbled;
use super::json::read;

/// Reads the exporters. One that is listed again (8.10 lists per tenant) must have the same status each time.
pub fn exporters(body: &[u8]) -> Result<Exporters, Garbled> {
    let wire: Vec<WireExporter> = read(body)?;
    let mut exporters = Exporters::new();
    for (index, exporter) in wire.into_iter().enumerate() {
        let (id, status) = (
            ExporterId::new(exporter.exporter_id),
            ExporterStatus::from(exporter.status),
        );
        match exporters.get(&id) {
            Some(before) if *before != status => {
                let what = format!("exporter {id} is both {before} and {status}");
                return Err(Garbled::content(format!("[{index}].status"), what));
            }
            _ => exporters.insert(id, status),
        };
    }
    Ok(exporters)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireExporter {
    exporter_id: String,
    status: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exporter_with_two_statuses_is_not_believed() {
        let twice = |status: &str| {
            format!(r#"[{{"exporterId":"a","status":"ENABLED"}},{{"exporterId":"a","status":"{status}"}}]"#)
        };
        assert_eq!(exporters(twice("ENABLED").as_bytes()).unwrap().len(), 1);
        assert_eq!(
            exporters(twice("DISABLED").as_bytes()).unwrap_err().to_string(),
            "exporter a is both ENABLED and DISABLED at [1].status"
        );
    }
}
