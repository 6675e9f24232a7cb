//! What a failback needs besides Zeebe: searches, the repository, platforms, the bucket, the bounds of a pause.

use std::collections::BTreeMap;
use std::path::Path;

use c8dr_domain::ids::RegionId;
use c8dr_domain::plan::failback::{FLOOR_S, RESERVE_BYTES};
use c8dr_domain::search::Repository;
use c8dr_systems::bucket::{Credentials, Place};
use c8dr_systems::dial::TlsOptions;
use c8dr_systems::elasticsearch::Endpoint;
use c8dr_systems::zeebe::BaseUrl;
use secrecy::ExposeSecret;

use super::error::ConfigError;
use super::file::{File, Platform, PlatformDriver, Text};
use super::{login, tls, url};

/// All of it, as far as it is configured.
#[derive(Clone, Debug)]
pub struct Rebuild {
    /// Where the searches are.
    pub searches: BTreeMap<RegionId, Endpoint>,
    /// Where snapshots go.
    pub repository: Option<Repository>,
    /// How the platforms are changed and seen.
    pub platforms: BTreeMap<RegionId, PlatformBy>,
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
    /// Prints the pods.
    pub pods: Vec<String>,
    /// Prints the volume claims.
    pub volumes: Option<Vec<String>>,
    /// Installs the release without Operate and Tasklist.
    pub install: Vec<Vec<String>>,
    /// Takes Operate and Tasklist down.
    pub webapps_down: Vec<Vec<String>>,
    /// Brings Operate and Tasklist up.
    pub webapps_up: Vec<Vec<String>>,
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

pub(super) fn resolve(path: &Path, text: &str, file: &File) -> Result<Rebuild, ConfigError> {
    let mut searches = BTreeMap::new();
    let mut platforms = BTreeMap::new();
    for (region, id) in file.regions.iter().zip(0..) {
        let id = RegionId(id);
        if let Some(search) = &region.search
            && let Some(address) = url(path, text, Some(&search.url))?
        {
            let mut endpoint = Endpoint::new(address);
            endpoint.auth = login(path, search.auth.as_ref())?;
            endpoint.tls = tls(path, file);
            if let Some(prefix) = &search.records_prefix {
                endpoint.records_prefix.clone_from(prefix);
            }
            searches.insert(id, endpoint);
        }
        if let Some(platform) = &region.platform {
            platforms.insert(id, platform_by(path, text, platform)?);
        }
    }
    let repository = file.snapshots.as_ref().map(|snapshots| Repository {
        name: snapshots.repository.value.clone(),
        settings: serde_json::json!({ "type": snapshots.kind, "settings": snapshots.settings }),
    });
    let pause = file.pause.as_ref();
    Ok(Rebuild {
        searches,
        repository,
        platforms,
        bucket: bucket(path, text, file)?,
        webapps: file.webapps.unwrap_or(true),
        floor_s: pause.and_then(|pause| pause.floor_seconds).unwrap_or(FLOOR_S),
        reserve_bytes: pause
            .and_then(|pause| pause.reserve_bytes)
            .unwrap_or(RESERVE_BYTES),
    })
}

fn platform_by(path: &Path, text: &str, platform: &Platform) -> Result<PlatformBy, ConfigError> {
    let lines = [&platform.install, &platform.webapps_down, &platform.webapps_up];
    let is_empty = platform.pods.value.is_empty()
        || platform.volumes.as_ref().is_some_and(Vec::is_empty)
        || lines.iter().any(|lines| lines.iter().any(Vec::is_empty));
    if is_empty {
        return Err(ConfigError::at(
            path,
            text,
            platform.pods.referenced,
            "a command of this platform has no words".to_owned(),
            "A command is a list of arguments, for example `[kubectl, get, pods, -n, camunda-paris, -o, json]`.",
        ));
    }
    Ok(PlatformBy {
        is_manual: platform.driver == PlatformDriver::Manual,
        pods: platform.pods.value.clone(),
        volumes: platform.volumes.clone(),
        install: platform.install.clone(),
        webapps_down: platform.webapps_down.clone(),
        webapps_up: platform.webapps_up.clone(),
    })
}

fn bucket(path: &Path, text: &str, file: &File) -> Result<Option<BucketAt>, ConfigError> {
    let Some(bucket) = &file.bucket else {
        return Ok(None);
    };
    let Text {
        value, referenced, ..
    } = &bucket.url;
    let wrong = |what: String, help: &str| ConfigError::at(path, text, *referenced, what, help);
    let place = Place::parse(value)
        .map_err(|bad| wrong(bad.to_string(), "For example `s3://my-backup-bucket/c8dr`."))?;
    if place == Place::Memory {
        return Err(wrong(
            "a bucket in memory ends with this process, and guards nobody".to_owned(),
            "For example `s3://my-backup-bucket/c8dr`.",
        ));
    }
    let keys = match (&bucket.access_key, &bucket.secret_key) {
        (Some(access), Some(secret)) => Some((access.resolve(path)?, secret.resolve(path)?)),
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
    Ok(Some(BucketAt {
        place,
        endpoint: url(path, text, bucket.endpoint.as_ref())?,
        region: bucket.region.clone().unwrap_or_else(|| "us-east-1".to_owned()),
        credentials: keys.map(|(access, secret)| Credentials {
            access_key_id: access.expose_secret().to_owned(),
            secret_access_key: secret,
            session_token: None,
        }),
        tls: tls(path, file),
    }))
}
