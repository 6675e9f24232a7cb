//! What a failback needs besides Zeebe: searches, the repository, platforms, the bucket, the bounds of a pause.

use std::collections::BTreeMap;

use c8dr_domain::ids::RegionId;
use c8dr_domain::plan::failback::{FLOOR_S, RESERVE_BYTES};
use c8dr_domain::search::Repository;
use c8dr_systems::bucket::{Credentials, Place};
use c8dr_systems::dial::TlsOptions;
use c8dr_systems::elasticsearch::Endpoint;
use c8dr_systems::zeebe::BaseUrl;
use secrecy::ExposeSecret;

use super::address::{url, url_in};
use super::error::ConfigError;
use super::file::{File, TerraformOutput};
use super::kubernetes::KubernetesAt;
use super::platforms::{self, HelmBy, ValuesOf};
use super::redact::is_secret;
use super::resolver::Resolver;
use super::source::Source;
use super::timeouts::Timeouts;

/// The S3 region of a bucket that names none: what Amazon and its likenesses take.
pub(super) const S3_REGION: &str = "us-east-1";

/// All of it, as far as it is configured.
#[derive(Clone, Debug)]
pub struct Rebuild {
    /// Where the searches are.
    pub searches: BTreeMap<RegionId, Endpoint>,
    /// Where snapshots go.
    pub repository: Option<Repository>,
    /// How the platforms are changed and seen.
    pub platforms: BTreeMap<RegionId, PlatformBy>,
    /// What the values of both regions have to say, where their places in Kubernetes are known.
    pub values: Option<ValuesOf>,
    /// Which output of Terraform has the name of the snapshots' bucket, if it is not in the repository's settings.
    pub bucket_from: Option<TerraformOutput>,
    /// The object store outside both regions.
    pub bucket: Option<BucketAt>,
    /// Whether the installation has Operate and Tasklist.
    pub webapps: bool,
    /// How long the disks must last at least while exporting is paused, in seconds.
    pub floor_s: u64,
    /// What the brokers keep free, in bytes.
    pub reserve_bytes: u64,
}

/// How a platform is changed and seen. Each command is a list of arguments.
#[derive(Clone, Debug)]
pub struct PlatformBy {
    /// Whether a person changes it, while c8dr watches.
    pub is_manual: bool,
    /// Prints the pods; the region's API server is asked where nothing does.
    pub pods: Option<Vec<String>>,
    /// Prints the volume claims.
    pub volumes: Option<Vec<String>>,
    /// Installs the release without Operate and Tasklist.
    pub install: Vec<Vec<String>>,
    /// Takes Operate and Tasklist down.
    pub webapps_down: Vec<Vec<String>>,
    /// Brings Operate and Tasklist up.
    pub webapps_up: Vec<Vec<String>>,
    /// Where helm is what installs it and brings it up to date.
    pub helm: Option<HelmBy>,
}

/// Where the bucket is, and who we are there.
#[derive(Clone, Debug)]
pub struct BucketAt {
    /// Where it is.
    pub place: Place,
    /// The S3 endpoint, where it is not Amazon's.
    pub endpoint: Option<BaseUrl>,
    /// The S3 region.
    pub region: String,
    /// Who we are; a folder needs nobody.
    pub credentials: Option<Credentials>,
    /// Whom to trust.
    pub tls: TlsOptions,
}

pub(super) fn resolve(
    source: &Source,
    file: &File,
    resolver: &Resolver,
    timeouts: Timeouts,
    kubernetes: &BTreeMap<RegionId, KubernetesAt>,
) -> Result<Rebuild, ConfigError> {
    let mut searches: BTreeMap<RegionId, Endpoint> = BTreeMap::new();
    let mut platforms = BTreeMap::new();
    for (region, id) in file.regions.iter().zip(0..) {
        let key = format!("regions[{id}]");
        let id = RegionId(id);
        if let Some(search) = &region.search {
            let at = format!("{key}.search.url");
            let address = url_in(source, &at, &search.url, id, kubernetes.get(&id))?;
            if searches.values().any(|other| other.url == address) {
                return Err(source.wrong(
                    &at,
                    "both regions have the same search",
                    "Each region has a search of its own: a failback copies one into the other, and compares them.",
                ));
            }
            let mut endpoint = Endpoint::new(address);
            endpoint.auth = resolver.login(&format!("{key}.search.auth"), search.auth.as_ref())?;
            endpoint.tls = resolver.tls();
            endpoint.limits = timeouts.search();
            if let Some(prefix) = &search.records_prefix {
                endpoint.records_prefix.clone_from(prefix);
            }
            searches.insert(id, endpoint);
        }
        if let Some(platform) = &region.platform {
            platforms.insert(id, platforms::platform_by(source, &key, region, platform)?);
        }
    }
    platforms::same_chart(source, &platforms)?;
    let pause = file.pause.as_ref();
    let floor_s = pause.and_then(|pause| pause.floor_seconds).unwrap_or(FLOOR_S);
    if floor_s == 0 {
        return Err(source.wrong(
            "pause.floorSeconds",
            "with a floor of 0 seconds a run would pause exporting until the disks are full",
            format!("Give at least 1, better some minutes: {FLOOR_S}, if not said."),
        ));
    }
    Ok(Rebuild {
        searches,
        repository: repository(source, file, resolver)?,
        values: platforms::described(file, &platforms),
        bucket_from: file
            .snapshots
            .as_ref()
            .and_then(|snapshots| snapshots.bucket_from.as_ref()?.terraform.clone())
            .map(|output| TerraformOutput {
                dir: source.beside(&output.dir),
                ..output
            }),
        platforms,
        bucket: bucket(source, file, resolver)?,
        webapps: file.webapps.unwrap_or(true),
        floor_s,
        reserve_bytes: pause
            .and_then(|pause| pause.reserve_bytes)
            .unwrap_or(RESERVE_BYTES),
    })
}

fn repository(source: &Source, file: &File, resolver: &Resolver) -> Result<Option<Repository>, ConfigError> {
    let Some(snapshots) = &file.snapshots else {
        return Ok(None);
    };
    // Both servers would keep it in their cluster state, where everybody who may look can read it.
    if let Some(secret) = snapshots.settings.keys().find(|key| is_secret(key)) {
        return Err(source.wrong(
            &format!("snapshots.settings.{secret}"),
            format!("`{secret}` would hand a secret to everybody who may look at the repository"),
            "Put it into both servers' keystores (`elasticsearch-keystore add s3.client.camunda.secret_key`), and name the `client` here.",
        ));
    }
    for (key, value) in [("repository", &snapshots.repository), ("type", &snapshots.kind)] {
        if value.trim().is_empty() {
            return Err(source.wrong(
                &format!("snapshots.{key}"),
                format!("`{key}` is empty"),
                "For example `repository: camunda_backup` and `type: s3`.",
            ));
        }
    }
    let mut settings = snapshots.settings.clone();
    if let Some(from) = &snapshots.bucket_from {
        if settings.contains_key("bucket") {
            return Err(source.wrong(
                "snapshots.bucketFrom",
                "the bucket is named twice: by `bucketFrom` and in `settings`",
                "Keep one of them.",
            ));
        }
        match (&from.env, &from.terraform) {
            (Some(variable), None) => {
                let name = resolver.variable("snapshots.bucketFrom.env", variable)?;
                settings.insert("bucket".to_owned(), name.into());
            }
            (None, Some(_)) => {}
            _ => {
                return Err(source.wrong(
                    "snapshots.bucketFrom",
                    "`bucketFrom` must say one place, either `env` or `terraform`",
                    "For example `bucketFrom: { terraform: { dir: ../terraform } }` or `bucketFrom: { env: S3_BUCKET_NAME }`.",
                ));
            }
        }
    }
    Ok(Some(Repository {
        name: snapshots.repository.clone(),
        settings: serde_json::json!({ "type": snapshots.kind, "settings": settings }),
    }))
}

fn bucket(source: &Source, file: &File, resolver: &Resolver) -> Result<Option<BucketAt>, ConfigError> {
    let Some(bucket) = &file.bucket else {
        return Ok(None);
    };
    let wrong = |what: String, help: &str| source.wrong("bucket.url", what, help);
    let place = Place::parse(&bucket.url)
        .map_err(|bad| wrong(bad.to_string(), "For example `s3://my-backup-bucket/c8dr`."))?;
    if place == Place::Memory {
        return Err(wrong(
            "a bucket in memory ends with this process, and guards nobody".to_owned(),
            "For example `s3://my-backup-bucket/c8dr`.",
        ));
    }
    let keys = match (&bucket.access_key, &bucket.secret_key) {
        (Some(access), Some(secret)) => Some((
            resolver.secret("bucket.accessKey", access)?,
            resolver.secret("bucket.secretKey", secret)?,
        )),
        (None, None) => None,
        _ => {
            return Err(wrong(
                "an access key and a secret key belong together".to_owned(),
                "Give both: `accessKey: {env: NAME}` and `secretKey: {env: NAME}`.",
            ));
        }
    };
    if keys.is_none() && matches!(place, Place::S3 { .. }) {
        return Err(wrong(
            "an S3 bucket needs an access key and a secret key".to_owned(),
            "For example `accessKey: {env: AWS_ACCESS_KEY_ID}` and `secretKey: {env: AWS_SECRET_ACCESS_KEY}`.",
        ));
    }
    let endpoint = match &bucket.endpoint {
        Some(endpoint) => Some(url(source, "bucket.endpoint", endpoint)?),
        None => None,
    };
    Ok(Some(BucketAt {
        place,
        endpoint,
        region: bucket.region.clone().unwrap_or_else(|| S3_REGION.to_owned()),
        credentials: keys.map(|(access, secret)| Credentials {
            access_key_id: access.expose_secret().to_owned(),
            secret_access_key: secret,
            session_token: None,
        }),
        tls: resolver.tls(),
    }))
}
