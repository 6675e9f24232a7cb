//! The JSON of Elasticsearch and OpenSearch, read once and strictly into the domain's nouns. `spec: api.md §9`

mod cluster;
mod details;
mod hits;
mod indices;
mod recovery;
mod shards;
mod snapshot;

pub use self::cluster::{cluster_uuid, color, data_nodes};
pub use self::details::{IndexSettings, disks, index_settings, versions};
pub use self::hits::{Hit, Page, page, refreshed};
pub use self::indices::{indices, primaries};
pub use self::recovery::recoveries;
pub use self::shards::{explanation, homeless};
pub use self::snapshot::{Progress, progress, repository, snapshot};
pub use crate::foreign::Garbled;

use serde::Deserialize;

use crate::foreign::json;

/// The type of an error, such as `snapshot_missing_exception`; `None` if the body names none.
pub fn error_type(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        error: Typed,
    }
    #[derive(Deserialize)]
    struct Typed {
        #[serde(rename = "type")]
        kind: String,
    }
    serde_json::from_slice::<Body>(body)
        .ok()
        .map(|body| body.error.kind)
}

/// What the 200 for a change says: whether it was taken.
///
/// # Errors
/// If it says neither yes nor no.
pub fn is_taken(body: &[u8]) -> Result<bool, Garbled> {
    #[derive(Deserialize)]
    struct Body {
        acknowledged: Option<bool>,
        accepted: Option<bool>,
        // A restore that has nothing to copy is over before it could be accepted, and is answered as a whole.
        snapshot: Option<serde::de::IgnoredAny>,
    }
    let body: Body = json::read(body)?;
    match body {
        Body {
            acknowledged: Some(taken),
            accepted: None,
            ..
        }
        | Body {
            acknowledged: None,
            accepted: Some(taken),
            ..
        } => Ok(taken),
        Body {
            snapshot: Some(_),
            acknowledged: None,
            accepted: None,
        } => Ok(true),
        _ => Err(Garbled::content("", "it is neither acknowledged nor accepted")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_taken_only_where_it_says_so() {
        assert_eq!(is_taken(br#"{"acknowledged":true}"#), Ok(true));
        assert_eq!(is_taken(br#"{"accepted":true}"#), Ok(true));
        assert_eq!(is_taken(br#"{"acknowledged":false}"#), Ok(false));
        assert_eq!(is_taken(br#"{"snapshot":{"snapshot":"s"}}"#), Ok(true));
        for body in [
            "",
            "{}",
            "true",
            r#"{"acknowledged":"yes"}"#,
            r#"{"acknowledged":true,"accepted":false}"#,
        ] {
            assert!(is_taken(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn an_error_has_a_type_or_none() {
        let missing = br#"{"error":{"type":"snapshot_missing_exception","reason":"x"},"status":404}"#;
        assert_eq!(error_type(missing).as_deref(), Some("snapshot_missing_exception"));
        assert_eq!(error_type(br#"{"error":"words","status":405}"#), None);
        assert_eq!(error_type(b"<html>"), None);
    }
}
