//! Everything that c8dr may ask of an API server. No call goes out without one of these, so `deploy/rbac` can be held against
//! them.

/// Who needs a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// `status`, `why`, `ready` and `init --discover`: nothing is changed. Port-forwards are opened, as only they reach Zeebe.
    Looking,
    /// `failback`, `fence`, `clean` and `unstick`, besides what looking needs.
    Doing,
    /// Besides both, once per cluster: what lies outside of any namespace.
    ClusterWide,
    /// `traffic: { driver: external-dns }`, in the namespace of the `DNSEndpoint`.
    Names,
}

/// What a role has to grant for a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// The API group; empty for the core.
    pub group: &'static str,
    /// The version that is spoken.
    pub version: &'static str,
    /// The resource, as in a path.
    pub resource: &'static str,
    /// The part of it, such as `scale`.
    pub part: Option<&'static str>,
    /// The verbs.
    pub verbs: &'static [&'static str],
    /// Who needs it.
    pub side: Side,
}

/// One kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Reads the namespace itself: its UID tells one cluster from another.
    GetNamespace,
    /// Lists the pods.
    ListPods,
    /// Opens a port-forward.
    Forward,
    /// Lists the volume claims.
    ListClaims,
    /// Lists the services.
    ListServices,
    /// Reads one service.
    GetService,
    /// Lists the stateful sets.
    ListStatefulSets,
    /// Lists the deployments.
    ListDeployments,
    /// Lists the configuration maps.
    ListConfigMaps,
    /// Lists what Elastic's operator calls an Elasticsearch.
    ListElasticsearches,
    /// Lists secrets, by their names only.
    ListSecrets,
    /// Runs a program in a pod, for addresses that begin with `exec://`.
    Exec,
    /// Notes the replicas of a deployment on it.
    PatchDeployment,
    /// Reads a deployment's scale.
    GetDeploymentScale,
    /// Sets a deployment's scale.
    PatchDeploymentScale,
    /// Reads a stateful set's scale.
    GetStatefulSetScale,
    /// Sets a stateful set's scale.
    PatchStatefulSetScale,
    /// Deletes one broker's pod that hangs at its start.
    DeletePod,
    /// Reads our network policy.
    GetNetworkPolicy,
    /// Puts our network policy there.
    CreateNetworkPolicy,
    /// Deletes one volume claim that was named.
    DeleteClaim,
    /// Deletes one release of Helm that was named.
    DeleteSecret,
    /// Lists volumes, to see which are released and not free.
    ListVolumes,
    /// Deletes one volume that was named.
    DeleteVolume,
    /// Reads the `DNSEndpoint` with the users' names.
    GetDnsEndpoint,
    /// Points the users' names in it elsewhere.
    PatchDnsEndpoint,
}

impl Right {
    /// All of them.
    pub const ALL: [Right; 26] = [
        Right::GetNamespace,
        Right::ListPods,
        Right::Forward,
        Right::ListClaims,
        Right::ListServices,
        Right::GetService,
        Right::ListStatefulSets,
        Right::ListDeployments,
        Right::ListConfigMaps,
        Right::ListElasticsearches,
        Right::ListSecrets,
        Right::Exec,
        Right::PatchDeployment,
        Right::GetDeploymentScale,
        Right::PatchDeploymentScale,
        Right::GetStatefulSetScale,
        Right::PatchStatefulSetScale,
        Right::DeletePod,
        Right::GetNetworkPolicy,
        Right::CreateNetworkPolicy,
        Right::DeleteClaim,
        Right::DeleteSecret,
        Right::ListVolumes,
        Right::DeleteVolume,
        Right::GetDnsEndpoint,
        Right::PatchDnsEndpoint,
    ];

    /// What a role has to grant for it.
    pub const fn rule(self) -> Rule {
        use Side::{ClusterWide, Doing, Looking, Names};
        const fn core(resource: &'static str, verbs: &'static [&'static str], side: Side) -> Rule {
            of("", "v1", resource, verbs, side)
        }
        const fn apps(resource: &'static str, verbs: &'static [&'static str], side: Side) -> Rule {
            of("apps", "v1", resource, verbs, side)
        }
        const fn of(
            group: &'static str,
            version: &'static str,
            resource: &'static str,
            verbs: &'static [&'static str],
            side: Side,
        ) -> Rule {
            Rule {
                group,
                version,
                resource,
                part: None,
                verbs,
                side,
            }
        }
        const fn part(rule: Rule, part: &'static str) -> Rule {
            Rule {
                part: Some(part),
                ..rule
            }
        }
        // A request that becomes a stream counts as `get` by its method, and since Kubernetes 1.35 as `create`, too.
        const STREAM: &[&str] = &["get", "create"];
        match self {
            Right::GetNamespace => core("namespaces", &["get"], Looking),
            Right::ListPods => core("pods", &["list"], Looking),
            Right::Forward => part(core("pods", STREAM, Looking), "portforward"),
            Right::ListClaims => core("persistentvolumeclaims", &["list"], Looking),
            Right::ListServices => core("services", &["list"], Looking),
            Right::GetService => core("services", &["get"], Looking),
            Right::ListStatefulSets => apps("statefulsets", &["list"], Looking),
            Right::ListDeployments => apps("deployments", &["list"], Looking),
            Right::ListConfigMaps => core("configmaps", &["list"], Looking),
            Right::ListElasticsearches => of(
                "elasticsearch.k8s.elastic.co",
                "v1",
                "elasticsearches",
                &["list"],
                Looking,
            ),
            Right::ListSecrets => core("secrets", &["list"], Doing),
            Right::Exec => part(core("pods", STREAM, Doing), "exec"),
            Right::PatchDeployment => apps("deployments", &["patch"], Doing),
            Right::GetDeploymentScale => part(apps("deployments", &["get"], Doing), "scale"),
            Right::PatchDeploymentScale => part(apps("deployments", &["patch"], Doing), "scale"),
            Right::GetStatefulSetScale => part(apps("statefulsets", &["get"], Doing), "scale"),
            Right::PatchStatefulSetScale => part(apps("statefulsets", &["patch"], Doing), "scale"),
            Right::DeletePod => core("pods", &["delete"], Doing),
            Right::GetNetworkPolicy => of("networking.k8s.io", "v1", "networkpolicies", &["get"], Doing),
            Right::CreateNetworkPolicy => {
                of("networking.k8s.io", "v1", "networkpolicies", &["create"], Doing)
            }
            Right::DeleteClaim => core("persistentvolumeclaims", &["delete"], Doing),
            Right::DeleteSecret => core("secrets", &["delete"], Doing),
            Right::ListVolumes => core("persistentvolumes", &["list"], ClusterWide),
            Right::DeleteVolume => core("persistentvolumes", &["delete"], ClusterWide),
            Right::GetDnsEndpoint => of("externaldns.k8s.io", "v1alpha1", "dnsendpoints", &["get"], Names),
            Right::PatchDnsEndpoint => of(
                "externaldns.k8s.io",
                "v1alpha1",
                "dnsendpoints",
                &["patch"],
                Names,
            ),
        }
    }
}

impl Rule {
    /// As `kubectl auth can-i` takes it: `patch deployments.apps/scale`.
    pub fn words(self) -> String {
        let verb = self.verbs.first().copied().unwrap_or_default();
        let group = match self.group {
            "" => String::new(),
            group => format!(".{group}"),
        };
        let part = self.part.map(|part| format!("/{part}")).unwrap_or_default();
        format!("{verb} {}{group}{part}", self.resource)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_right_is_listed_once() {
        let mut all = Right::ALL.to_vec();
        all.dedup();
        assert_eq!(all.len(), Right::ALL.len());
        assert!(
            all.is_sorted(),
            "in the order of the enum, so that none is missing: {all:?}"
        );
        assert_eq!(Right::ALL[25] as usize, 25);
    }

    #[test]
    fn rules_are_told_as_kubectl_takes_them() {
        assert_eq!(
            Right::PatchDeploymentScale.rule().words(),
            "patch deployments.apps/scale"
        );
        assert_eq!(Right::ListPods.rule().words(), "list pods");
    }
}
