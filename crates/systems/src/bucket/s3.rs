//! What a store in S3, or in what speaks like it, is made from.

use std::sync::Arc;
use std::time::Duration;

use c8dr_engine::clock::Clock;
use object_store::RetryConfig;
use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use secrecy::{ExposeSecret, SecretString};

use super::Store;
use super::carrier::Carrier;
use super::place::Place;
use crate::auth::Secrets;
use crate::base_url::BaseUrl;
use crate::dial::{Connector, Dial, Tls, TlsOptions, TlsSetupError};
use crate::http::{Bounds, Client, Service, chain};

/// A bucket.
#[derive(Clone, Debug)]
pub struct S3 {
    /// The bucket.
    pub bucket: String,
    /// Before each key, without slashes at its ends; may be empty.
    pub prefix: String,
    /// The region, such as `eu-central-1`. Stores that have none take any.
    pub region: String,
    /// Where it is asked; Amazon's own of the region if not given. Plain `http` only on this machine.
    pub endpoint: Option<BaseUrl>,
    /// Who we are.
    pub credentials: Credentials,
    /// Whom to trust.
    pub tls: TlsOptions,
    /// How long calls may take.
    pub limits: Limits,
}

/// An access key.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Its id, which is no secret.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: SecretString,
    /// The token of a key that is lent for some hours.
    pub session_token: Option<SecretString>,
}

/// How long calls may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a connection, TLS included. A bucket may be on another continent.
    pub connect: Duration,
    /// For the answer about one object, once the connection stands; with [`Limits::connect`] 10 s by default.
    pub answer: Duration,
    /// For a list, which may have several pages.
    pub list: Duration,
}

impl Limits {
    /// Limits for a network that is slower or quicker than usual: each `connect` or `answer` times as long as by default.
    pub fn paced(connect: f64, answer: f64) -> Self {
        let usual = Limits::default();
        Limits {
            connect: usual.connect.mul_f64(connect),
            answer: usual.answer.mul_f64(answer),
            list: usual.list.mul_f64(answer),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connect: Duration::from_secs(3),
            answer: Duration::from_secs(7),
            list: Duration::from_secs(30),
        }
    }
}

/// The store cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum BucketSetupError {
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsSetupError),
    /// Everybody on the way could change what the guarantees rest on.
    #[error("the bucket's endpoint must be https, as it is not on this machine")]
    Plain,
    /// What was given does not make a store.
    #[error("the bucket cannot be used: {detail}")]
    Unusable {
        /// Why.
        detail: String,
    },
}

impl BucketSetupError {
    pub(super) fn unusable(error: &object_store::Error) -> Self {
        BucketSetupError::Unusable { detail: chain(error) }
    }
}

impl Store {
    /// A bucket that is reached through `dial`. Nothing is sent yet.
    ///
    /// # Errors
    /// If TLS cannot be set up, or the settings do not make a store.
    pub fn s3(settings: S3, dial: Arc<dyn Dial>, clock: Clock) -> Result<Self, BucketSetupError> {
        let is_plain = settings.endpoint.as_ref().is_some_and(|url| !url.is_https());
        let tls = match is_plain {
            true => None,
            false => Some(Tls::new(&settings.tls, &clock)?),
        };
        let service = Service::new(Client::new(Connector::new(dial, tls, clock.clone())));
        Self::s3_over(settings, service, clock)
    }

    /// A bucket whose calls go through `service`, whatever that is.
    ///
    /// # Errors
    /// If the settings do not make a store.
    pub fn s3_over(settings: S3, service: Service, clock: Clock) -> Result<Self, BucketSetupError> {
        let S3 {
            bucket,
            prefix,
            region,
            endpoint,
            credentials,
            limits,
            tls: _,
        } = settings;
        if endpoint
            .as_ref()
            .is_some_and(|url| !url.is_https() && !url.is_loopback())
        {
            return Err(BucketSetupError::Plain);
        }
        if super::as_path(&prefix).is_none() {
            return Err(BucketSetupError::Unusable {
                detail: format!("{prefix:?} is not how keys can begin"),
            });
        }
        let secret = &credentials.secret_access_key;
        let id = credentials.access_key_id.as_str().into();
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&bucket)
            .with_region(region)
            .with_access_key_id(credentials.access_key_id)
            .with_secret_access_key(secret.expose_secret())
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            // Whether to ask again is the engine's decision.
            .with_retry(RetryConfig {
                max_retries: 0,
                ..RetryConfig::default()
            })
            .with_http_connector(Carrier {
                service,
                bounds: Bounds {
                    connect: limits.connect,
                    answer: limits.answer,
                    body_bytes_max: usize::try_from(super::OBJECT_BYTES_MAX).unwrap_or(usize::MAX),
                },
                secrets: Arc::new(Secrets::new(
                    // The id of the key is no secret, but comes from where secrets are kept: an answer need not repeat it.
                    [Some(secret.clone()), Some(id), credentials.session_token.clone()]
                        .into_iter()
                        .flatten(),
                )),
            });
        if let Some(token) = &credentials.session_token {
            builder = builder.with_token(token.expose_secret());
        }
        let place = Place::S3 {
            bucket,
            prefix: prefix.clone(),
        };
        let told = match &endpoint {
            Some(endpoint) => format!("{place} at {endpoint}"),
            None => place.to_string(),
        };
        if let Some(endpoint) = &endpoint {
            builder = builder.with_endpoint(endpoint.to_string());
        }
        let objects = builder
            .build()
            .map_err(|error| BucketSetupError::unusable(&error))?;
        // The seam below keeps its own limits and knows better what it was waiting for, so it speaks first.
        let one = limits.connect + limits.answer + Duration::from_millis(500);
        Ok(Store {
            told,
            prefix,
            folder: None,
            objects: Arc::new(objects),
            clock,
            limits: (one, limits.list),
        })
    }
}
