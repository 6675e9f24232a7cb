//! One region's share of an installation: a namespace and a release in a cluster, as far as it is seen and scaled.

use std::collections::BTreeSet;

use c8dr_domain::observation::Sight;
use c8dr_domain::platform::Pod;

use super::ask::Ask;
use super::cluster::Cluster;
use super::object::Object;
use super::rights::Right;
use super::trouble::Trouble;
use crate::platform::kubernetes as wire;

/// A release in a namespace of a cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Region {
    /// The cluster.
    pub cluster: Cluster,
    /// The namespace.
    pub namespace: String,
    /// The release of Helm: what the objects' names begin with.
    pub release: String,
}

impl Region {
    /// The pods of the namespace that have not ended for good: all of them, or none.
    pub async fn pods(&self) -> Sight<Vec<Pod>> {
        let ask = Ask::all(Right::ListPods, &self.namespace);
        match self.cluster.list_of(&ask, wire::pods_page).await {
            Ok(pods) => Sight::Seen(pods),
            Err(trouble) => trouble.sight(),
        }
    }

    /// The names of the namespace's volume claims: all of them, or none.
    pub async fn volumes(&self) -> Sight<BTreeSet<String>> {
        let ask = Ask::all(Right::ListClaims, &self.namespace);
        match self.cluster.list_of(&ask, wire::volumes_page).await {
            Ok(names) => Sight::Seen(names.into_iter().collect()),
            Err(trouble) => trouble.sight(),
        }
    }

    /// The namespace's own UID: the same in two regions means that they are one.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn namespace_uid(&self) -> Result<String, Trouble> {
        let ask = Ask::all(Right::GetNamespace, &self.namespace);
        let namespace: Object = self.cluster.object(&ask).await?;
        Ok(namespace.metadata.uid)
    }

    pub(super) async fn list(&self, right: Right) -> Result<Vec<Object>, Trouble> {
        self.cluster.list(&Ask::all(right, &self.namespace)).await
    }
}
