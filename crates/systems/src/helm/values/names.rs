//! What an installation's values are called, and what they have to be. `spec: api.md §11`

use crate::helm::Generation;

/// The port at which brokers talk to each other.
const INTERNAL_PORT: u16 = 26502;

/// An installation, as far as values describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The generation of its charts.
    pub generation: Generation,
    /// Brokers of both regions together.
    pub cluster_size: u32,
    /// Partitions.
    pub partition_count: u32,
    /// Replicas of each partition.
    pub replication_factor: u32,
    /// Whether it has Operate and Tasklist.
    pub webapps: bool,
    /// The snapshot repository, if there is one.
    pub repository: Option<String>,
    /// Both regions, by their ids.
    pub regions: [DescribedRegion; 2],
}

/// A region, as far as values describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedRegion {
    /// What people call it.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its release.
    pub release: String,
    /// The exporter that writes to its search.
    pub exporter: String,
    /// Its search, as brokers reach it from both regions.
    pub search: String,
}

impl Described {
    /// The key of the list of variables.
    pub(super) fn env_key(&self) -> String {
        format!("{}.env", self.generation.brokers_key())
    }

    /// The variable that lists the brokers.
    pub(super) fn contact_points_name(&self) -> &'static str {
        match self.generation >= Generation::Chart14 {
            true => "CAMUNDA_CLUSTER_INITIALCONTACTPOINTS",
            false => "ZEEBE_BROKER_CLUSTER_INITIALCONTACTPOINTS",
        }
    }

    /// How many brokers a region has.
    pub(super) fn brokers_per_region(&self) -> u32 {
        self.cluster_size / 2
    }

    /// Every broker of both regions, as `HOST:PORT`, by regions.
    pub(super) fn contact_points(&self) -> Vec<String> {
        self.regions
            .iter()
            .flat_map(|region| {
                (0..self.brokers_per_region()).map(move |number| {
                    let (release, namespace) = (&region.release, &region.namespace);
                    format!(
                        "{release}-zeebe-{number}.{release}-zeebe.{namespace}.svc.cluster.local:{INTERNAL_PORT}"
                    )
                })
            })
            .collect()
    }

    /// The beginning of an exporter's variables.
    pub(super) fn exporter_prefix(&self, region: &DescribedRegion) -> String {
        let family = match self.generation >= Generation::Chart14 {
            true => "CAMUNDA_DATA_EXPORTERS",
            false => "ZEEBE_BROKER_EXPORTERS",
        };
        format!("{family}_{}", region.exporter.to_ascii_uppercase())
    }

    /// Whether an exporter is the one that came with 8.8, and not the one of before.
    pub(super) fn is_camunda_exporter(&self, region: &DescribedRegion) -> bool {
        self.generation >= Generation::Chart13 && region.exporter.starts_with("camunda")
    }

    /// The class of an exporter.
    pub(super) fn exporter_class(&self, region: &DescribedRegion) -> &'static str {
        match self.is_camunda_exporter(region) {
            true => "io.camunda.exporter.CamundaExporter",
            false => "io.camunda.zeebe.exporter.ElasticsearchExporter",
        }
    }

    /// The variable with an exporter's address.
    pub(super) fn exporter_url_name(&self, region: &DescribedRegion) -> String {
        let end = match self.is_camunda_exporter(region) {
            true => "ARGS_CONNECT_URL",
            false => "ARGS_URL",
        };
        format!("{}_{end}", self.exporter_prefix(region))
    }
}

impl DescribedRegion {
    /// Where the chart, or the operator that the guide has installed, puts a region's search.
    pub fn usual_search(generation: Generation, release: &str, namespace: &str) -> String {
        match generation >= Generation::Chart14 {
            true => format!("http://elasticsearch-es-masters.{namespace}.svc.cluster.local:9200"),
            false => format!("http://{release}-elasticsearch-master-hl.{namespace}.svc.cluster.local:9200"),
        }
    }
}
