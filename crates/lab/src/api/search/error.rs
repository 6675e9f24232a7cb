//! The errors of a search, with the status and the type that the real servers give (recorded: real-parts.md §1).

use http::Method;
use serde_json::json;

use crate::api::{JSON, Reply};
use crate::search::Flavour;

/// Why a search refuses.
#[derive(Debug)]
pub(super) struct Trouble {
    status: u16,
    kind: &'static str,
    /// OpenSearch's word for it, where it is another.
    opensearch: Option<&'static str>,
    reason: String,
    caused_by: Option<(&'static str, String)>,
}

impl Trouble {
    pub(super) fn new(status: u16, kind: &'static str, reason: impl Into<String>) -> Trouble {
        Trouble {
            status,
            kind,
            opensearch: None,
            reason: reason.into(),
            caused_by: None,
        }
    }

    pub(super) fn caused_by(mut self, kind: &'static str, reason: impl Into<String>) -> Trouble {
        self.caused_by = Some((kind, reason.into()));
        self
    }

    pub(super) fn in_opensearch(mut self, kind: &'static str) -> Trouble {
        self.opensearch = Some(kind);
        self
    }

    pub(super) fn no_handler(method: &Method, path: &str) -> Trouble {
        let reason = format!("no handler found for uri [{path}] and method [{method}]");
        Trouble::new(400, "", reason)
    }

    pub(super) fn repository_missing(name: &str) -> Trouble {
        Trouble::new(404, "repository_missing_exception", format!("[{name}] missing"))
    }

    pub(super) fn snapshot_missing(repository: &str, name: &str) -> Trouble {
        Trouble::new(
            404,
            "snapshot_missing_exception",
            format!("[{repository}:{name}] is missing"),
        )
    }

    /// Reading a snapshot that is not there is 404, restoring it is 500: both real servers were recorded so.
    pub(super) fn nothing_to_restore(repository: &str, name: &str) -> Trouble {
        Trouble::new(
            500,
            "snapshot_restore_exception",
            format!("[{repository}:{name}] snapshot does not exist"),
        )
    }

    pub(super) fn index_not_found(name: &str) -> Trouble {
        Trouble::new(
            404,
            "index_not_found_exception",
            format!("no such index [{name}]"),
        )
    }

    /// The object store does not answer, so nobody knows what is in the repository.
    pub(super) fn unreadable(repository: &str) -> Trouble {
        let reason = format!("[{repository}] Could not determine repository generation from root blobs");
        Trouble::new(500, "repository_exception", reason)
    }

    pub(super) fn reply(self, flavour: Flavour) -> Reply {
        if self.kind.is_empty() {
            let body = json!({"error": self.reason, "status": self.status});
            return Reply::json(self.status, JSON, &body);
        }
        let kind = match flavour {
            Flavour::Elasticsearch => self.kind,
            Flavour::Opensearch => self.opensearch.unwrap_or(self.kind),
        };
        let mut error = json!({
            "root_cause": [{"type": kind, "reason": self.reason}],
            "type": kind,
            "reason": self.reason,
        });
        if let (Some((kind, reason)), Some(fields)) = (self.caused_by, error.as_object_mut()) {
            fields.insert("caused_by".to_owned(), json!({"type": kind, "reason": reason}));
        }
        Reply::json(self.status, JSON, &json!({"error": error, "status": self.status}))
    }
}
