//! Deleting indices by their whole names, one after the other, and only in the cluster that was meant. Guarantee G10.

use std::collections::BTreeSet;

use c8dr_domain::effect::Answer;
use c8dr_domain::observation::{Sight, Silence};

use super::server::{Elasticsearch, not_sent_as_wrong};
use super::verdict::partly;
use crate::base_url::segment;
use crate::foreign::shown;

impl Elasticsearch {
    /// Stops at the first that is not known to be gone, so that what is told is about one index.
    pub(super) async fn delete_indices(&self, indices: &BTreeSet<String>, cluster_uuid: &str) -> Answer {
        match self.uuid().await {
            Sight::Seen(uuid) if uuid == cluster_uuid && !uuid.is_empty() => {}
            Sight::Seen(uuid) => {
                return not_sent_as_wrong(&format!(
                    "this is the cluster {}, and indices are to be deleted in {cluster_uuid} only",
                    shown(uuid.as_bytes(), 100)
                ));
            }
            Sight::Silent { why, detail } => return Answer::NotSent { why, detail },
            other => {
                return Answer::NotSent {
                    why: Silence::NoAnswer,
                    detail: format!(
                        "the cluster did not say which one it is: {}",
                        other.instead().unwrap_or_default()
                    ),
                };
            }
        }
        for (gone, index) in indices.iter().enumerate() {
            let answer = self
                .remove(&format!("/{}", segment(index)), "index_not_found_exception")
                .await;
            if answer != Answer::Done {
                return match gone {
                    0 => answer,
                    gone => partly(
                        answer,
                        &format!("at {index}; {gone} of {} were gone before", indices.len()),
                    ),
                };
            }
        }
        Answer::Done
    }
}
