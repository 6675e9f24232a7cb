//! Which cluster it is, and how well. `GET /_cluster/state/version`, `GET /_cluster/health`

use c8dr_domain::search::Color;
use serde::Deserialize;

use super::{Garbled, json};

/// Reads the cluster's UUID.
///
/// # Errors
/// If there is none, or the cluster has not formed yet: then every cluster would have the same.
pub fn cluster_uuid(body: &[u8]) -> Result<String, Garbled> {
    #[derive(Deserialize)]
    struct State {
        cluster_uuid: String,
    }
    let State { cluster_uuid } = json::read(body)?;
    if matches!(cluster_uuid.as_str(), "" | "_na_") {
        return Err(Garbled::content("cluster_uuid", "the cluster has not formed yet"));
    }
    Ok(cluster_uuid)
}

/// Reads how well the cluster is.
///
/// # Errors
/// If it is none of the three.
pub fn color(body: &[u8]) -> Result<Color, Garbled> {
    #[derive(Deserialize)]
    struct Health {
        status: String,
    }
    let Health { status } = json::read(body)?;
    color_named(&status, "status")
}

/// Reads how many nodes hold data, from the same answer; `None` where it does not say.
pub fn data_nodes(body: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Health {
        number_of_data_nodes: u64,
    }
    serde_json::from_slice::<Health>(body)
        .ok()
        .map(|health| health.number_of_data_nodes)
}

pub(super) fn color_named(name: &str, path: &str) -> Result<Color, Garbled> {
    match name.to_ascii_lowercase().as_str() {
        "green" => Ok(Color::Green),
        "yellow" => Ok(Color::Yellow),
        "red" => Ok(Color::Red),
        _ => Err(Garbled::content(path, "this is no color")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_that_has_not_formed_is_nobody() {
        assert_eq!(cluster_uuid(br#"{"cluster_uuid":"R9"}"#).as_deref(), Ok("R9"));
        for body in [r#"{"cluster_uuid":"_na_"}"#, r#"{"cluster_uuid":""}"#, "{}", ""] {
            assert!(cluster_uuid(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn there_are_three_colors() {
        assert_eq!(
            color(br#"{"status":"yellow","timed_out":false}"#),
            Ok(Color::Yellow)
        );
        assert_eq!(
            data_nodes(br#"{"status":"green","number_of_data_nodes":3}"#),
            Some(3)
        );
        assert_eq!(data_nodes(br#"{"status":"green"}"#), None);
        assert!(color(br#"{"status":"blue"}"#).is_err());
        assert!(color(br#"{"status":200}"#).is_err());
    }
}
