//! Registering a repository, over an older registration or in place of it. `spec: procedure.md FB3 b, f, I11`

use c8dr_domain::effect::Answer;
use c8dr_domain::observation::Sight;
use http::Method;
use serde_json::Value;

use super::server::Elasticsearch;
use super::verdict::partly;
use crate::base_url::segment;

impl Elasticsearch {
    /// Takes an older registration away, then registers. The bucket is not touched by either: only the search forgets
    /// what it believes to be in there.
    pub(super) async fn register_anew(&self, repository: &str, settings: &Value) -> Answer {
        let path = format!("/_snapshot/{}", segment(repository));
        match self.remove(&path, "repository_missing_exception").await {
            Answer::Done => partly(
                self.register(repository, settings).await,
                "the older registration was taken away before",
            ),
            other => other,
        }
    }

    pub(super) async fn register(&self, repository: &str, settings: &Value) -> Answer {
        let path = format!("/_snapshot/{}", segment(repository));
        match self.change(Method::PUT, &path, Some(settings)).await {
            // A node could not write there, or the settings are wrong. Elasticsearch has then registered nothing,
            // while OpenSearch has: what is there says which it was.
            Answer::Unknown {
                status: Some(status @ 500),
                detail,
            } => match self.registered(repository).await {
                Sight::Seen(None) => Answer::Refused {
                    status,
                    message: detail,
                },
                Sight::Seen(Some(_)) => Answer::Unknown {
                    status: Some(status),
                    detail: format!("{detail}; and yet a repository of this name is registered"),
                },
                _ => Answer::Unknown {
                    status: Some(status),
                    detail,
                },
            },
            other => other,
        }
    }
}
