//! Where each region's release runs in Kubernetes, and how its API server is found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use c8dr_domain::ids::RegionId;
use c8dr_systems::kubernetes::Access;

use super::error::ConfigError;
use super::file::{File, Kubernetes};
use super::source::Source;
use crate::environment;

/// A region's place in Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesAt {
    /// How its API server is found.
    pub access: Access,
    /// The namespace.
    pub namespace: String,
    /// The release.
    pub release: String,
}

impl KubernetesAt {
    /// What a person would type to ask the same.
    pub fn kubectl(&self, words: &[&str]) -> Vec<String> {
        let mut line = self.access.kubectl(&self.namespace);
        line.extend(words.iter().map(|word| (*word).to_owned()));
        line
    }
}

pub(super) fn resolve(source: &Source, file: &File) -> Result<BTreeMap<RegionId, KubernetesAt>, ConfigError> {
    let mut all: BTreeMap<RegionId, KubernetesAt> = BTreeMap::new();
    for (region, id) in file.regions.iter().zip(0..) {
        let Some(kubernetes) = &region.kubernetes else {
            continue;
        };
        let key = format!("regions[{id}].kubernetes");
        let at = at(source, &key, kubernetes)?;
        if let Some((twin, _)) = all
            .iter()
            .find(|(_, other)| other.access == at.access && other.namespace == at.namespace)
        {
            return Err(source.wrong(
                &format!("{key}.namespace"),
                format!("regions {twin} and {id} are the same namespace of the same cluster"),
                "Each region has a cluster of its own, or a namespace at least: what is fenced in one must not touch the other.",
            ));
        }
        all.insert(RegionId(id), at);
    }
    Ok(all)
}

fn at(source: &Source, key: &str, kubernetes: &Kubernetes) -> Result<KubernetesAt, ConfigError> {
    for (name, value) in [
        ("namespace", &kubernetes.namespace),
        ("release", &kubernetes.release),
    ] {
        if !is_label(value) {
            return Err(source.wrong(
                &format!("{key}.{name}"),
                format!("`{name}` is no name that Kubernetes would take: small letters, digits and `-`"),
                "`helm list --all-namespaces` shows namespaces and releases.",
            ));
        }
    }
    if kubernetes
        .context
        .as_deref()
        .is_some_and(|context| context.trim().is_empty())
    {
        return Err(source.wrong(
            &format!("{key}.context"),
            "`context` is empty",
            "`kubectl config get-contexts` lists them. Left out it is the cluster that this runs in, or the current one.",
        ));
    }
    Ok(KubernetesAt {
        access: access(
            files(source, kubernetes.kubeconfig.as_ref()),
            kubernetes.context.clone(),
        ),
        namespace: kubernetes.namespace.clone(),
        release: kubernetes.release.clone(),
    })
}

/// A name as Kubernetes takes it for a namespace.
pub(super) fn is_label(value: &str) -> bool {
    (1..=63).contains(&value.len())
        && value
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !value.starts_with('-')
        && !value.ends_with('-')
}

/// Kubeconfig files as they are written in the configuration.
pub(super) fn files(source: &Source, kubeconfig: Option<&PathBuf>) -> Option<Vec<PathBuf>> {
    kubeconfig.map(|file| vec![at_home(file).unwrap_or_else(|| source.beside(file))])
}

/// How an API server is found: by the files that are named, else by those that kubectl would take, else from inside.
pub(crate) fn access(files: Option<Vec<PathBuf>>, context: Option<String>) -> Access {
    let usual = || -> Vec<PathBuf> {
        match environment::read(environment::KUBECONFIG) {
            Some(list) => std::env::split_paths(&list)
                .filter(|path| !path.as_os_str().is_empty())
                .collect(),
            None => at_home(Path::new("~/.kube/config")).into_iter().collect(),
        }
    };
    let is_named = files.is_some() || context.is_some();
    let files = files.unwrap_or_else(usual);
    if !is_named && !files.iter().any(|file| file.is_file()) {
        return Access::InCluster;
    }
    Access::Kubeconfig { files, context }
}

/// A path below the home folder, where it is written so.
pub(crate) fn at_home(path: &Path) -> Option<PathBuf> {
    let below = path.strip_prefix("~").ok()?;
    Some(PathBuf::from(environment::read("HOME")?).join(below))
}
