//! Trying a repository out under a name of its own: registered, which lets every node write; read; and taken away again.
//!
//! Whatever came of it, the registration is taken away in the end. No snapshot is made, and nobody's registration touched.

use c8dr_domain::effect::Answer;
use c8dr_domain::observation::Sight;
use c8dr_domain::search::{Repository, RepositoryTrial};

use super::server::Elasticsearch;
use crate::base_url::segment;
use crate::reading::sight;

impl Elasticsearch {
    pub(super) async fn tried(&self, trial: &str, repository: &Repository) -> Sight<RepositoryTrial> {
        let path = format!("/_snapshot/{}", segment(trial));
        // A name that is there is somebody's, and would be taken away from them.
        match self.registered(trial).await {
            Sight::Seen(None) => {}
            Sight::Seen(Some(_)) => {
                return Sight::Declined {
                    status: 412,
                    message: format!("a repository {trial} is registered already"),
                };
            }
            other => return crate::reading::without(other),
        }
        let registered = self.register(trial, &repository.settings).await;
        let refused = match &registered {
            Answer::Done => self.unreadable(&path).await,
            other => Some(other.words()),
        };
        let left = match &registered {
            Answer::NotSent { .. } => None,
            _ => match self.remove(&path, "repository_missing_exception").await {
                Answer::Done => None,
                other => Some(format!("the repository {trial} ({})", other.words())),
            },
        };
        Sight::Seen(RepositoryTrial { refused, left })
    }

    /// What is wrong with reading; `None` if its snapshots, of which there may be none, can be listed.
    async fn unreadable(&self, path: &str) -> Option<String> {
        let listed = self.get(&format!("{path}/_all"), self.limits.repository).await;
        sight(listed, |_| Ok(()))
            .instead()
            .map(|instead| format!("it was written to, and cannot be read: {instead}"))
    }
}
