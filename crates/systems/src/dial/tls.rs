//! TLS on top of any byte stream, by rustls with ring.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use c8dr_domain::observation::Silence;
use c8dr_domain::plain::plain;
use c8dr_engine::clock::Clock;
use jiff::Timestamp;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::{ByteStream, NoConnection, Protocol, Target};

/// Whom to trust, and who we are.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// A PEM file with the certificates that servers are checked against; the system's own store when not given.
    pub ca_file: Option<PathBuf>,
    /// A certificate of our own, for servers that ask for one.
    pub identity: Option<ClientIdentity>,
}

/// A client certificate and its key, both in PEM files.
#[derive(Clone, Debug)]
pub struct ClientIdentity {
    /// The certificate, followed by its chain.
    pub certificate_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
}

/// TLS cannot be set up as configured.
#[derive(Debug, thiserror::Error)]
pub enum TlsSetupError {
    /// A PEM file cannot be read.
    #[error("the {what} file {} cannot be read", path.display())]
    File {
        /// What it should hold.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// A piece of PEM that is in no file of its own is none.
    #[error("the {what} is no PEM")]
    Part {
        /// What it should be.
        what: &'static str,
        /// Why.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// A PEM file holds nothing of use.
    #[error("the {what} file {} holds none", path.display())]
    Nothing {
        /// What it should hold.
        what: &'static str,
        /// Which file.
        path: PathBuf,
    },
    /// The system's certificate store is empty or unreadable.
    #[error("the system has no trusted certificates: {detail}; name a CA file")]
    NoNativeRoots {
        /// What went wrong.
        detail: String,
    },
    /// rustls does not take a certificate or a key.
    #[error("the TLS configuration is not usable")]
    Unusable(#[from] rustls::Error),
}

/// A TLS client. Cheap to clone. Certificates are judged by the time of its clock.
#[derive(Clone)]
pub struct Tls {
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
}

impl Tls {
    /// Reads the files and prepares the client.
    pub fn new(options: &TlsOptions, clock: &Clock) -> Result<Self, TlsSetupError> {
        let roots = roots(options.ca_file.as_deref())?;
        let identity = match &options.identity {
            None => None,
            Some(identity) => {
                let chain = certificates("client certificate", &identity.certificate_file)?;
                let key = PrivateKeyDer::from_pem_file(&identity.key_file).map_err(|source| {
                    TlsSetupError::File {
                        what: "client key",
                        path: identity.key_file.clone(),
                        source,
                    }
                })?;
                Some((chain, key))
            }
        };
        Self::with(roots, identity, clock)
    }

    /// The same from certificates that are not in files of their own: trusted ones in DER (the system's where none are
    /// given), and ours with its key in PEM.
    pub(crate) fn of_parts(
        trusted: Option<&[Vec<u8>]>,
        identity: Option<(&[u8], &[u8])>,
        clock: &Clock,
    ) -> Result<Self, TlsSetupError> {
        let trusted = match trusted {
            None => roots(None)?,
            Some(certificates) => {
                let mut store = RootCertStore::empty();
                for certificate in certificates {
                    store.add(CertificateDer::from(certificate.clone()))?;
                }
                store
            }
        };
        let part = |what, source| TlsSetupError::Part { what, source };
        let identity = match identity {
            None => None,
            Some((chain, key)) => {
                let chain = CertificateDer::pem_slice_iter(chain)
                    .collect::<Result<Vec<_>, _>>()
                    .map_err(|source| part("client certificate", source))?;
                let key = PrivateKeyDer::from_pem_slice(key).map_err(|source| part("client key", source))?;
                Some((chain, key))
            }
        };
        Self::with(trusted, identity, clock)
    }

    fn with(
        roots: RootCertStore,
        identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
        clock: &Clock,
    ) -> Result<Self, TlsSetupError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_details(provider, Arc::new(WallClock(clock.clone())))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder.with_client_auth_cert(chain, key)?,
        };
        let mut http2 = config.clone();
        http2.alpn_protocols = vec![b"h2".to_vec()];
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls {
            http1: Arc::new(config),
            http2: Arc::new(http2),
        })
    }

    /// Shakes hands over `stream` and checks that the certificate is `target`'s, or that of `name`.
    pub(super) async fn handshake(
        &self,
        stream: ByteStream,
        target: &Target,
        name: Option<&str>,
        protocol: Protocol,
    ) -> Result<ByteStream, NoConnection> {
        // A certificate's names are a stranger's text.
        let failed = |detail: String| NoConnection {
            why: Silence::Tls,
            detail: format!("{target}: {}", plain(&detail)),
        };
        let name = ServerName::try_from(name.map_or_else(|| target.own_name().into_owned(), str::to_owned))
            .map_err(|_| failed("the host cannot stand in a certificate".to_owned()))?;
        let config = match protocol {
            Protocol::Http1 => self.http1.clone(),
            Protocol::Http2 => self.http2.clone(),
        };
        match TlsConnector::from(config).connect(name, stream).await {
            Ok(secured) => Ok(Box::new(secured)),
            Err(error) => Err(failed(explain(&error))),
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// Whether an error that came up after the handshake is TLS's own: in TLS 1.3 a refused client certificate is told late.
pub(crate) fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    causes(error).any(|cause| rustls_error(cause).is_some())
}

/// What TLS says is wrong, in the operator's words.
pub(crate) fn explain(error: &(dyn std::error::Error + 'static)) -> String {
    let Some(tls) = causes(error).find_map(rustls_error) else {
        return format!("the connection broke during the TLS handshake: {error}");
    };
    match tls {
        rustls::Error::InvalidCertificate(problem) => match problem {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("wrong name: the certificate is for another host ({problem})")
            }
            CertificateError::ExpiredContext { not_after, .. } => {
                format!(
                    "expired: the server's certificate ended at {}",
                    moment(*not_after)
                )
            }
            CertificateError::Expired => "expired: the server's certificate is out of date".to_owned(),
            CertificateError::NotValidYetContext { not_before, .. } => format!(
                "not valid yet: the server's certificate begins at {}, or this clock is slow",
                moment(*not_before)
            ),
            CertificateError::NotValidYet => {
                "not valid yet: the server's certificate begins later, or this clock is slow".to_owned()
            }
            CertificateError::UnknownIssuer => {
                "unknown issuer: the server's certificate is not signed by a trusted CA".to_owned()
            }
            // What a CA that was made anew under its old name looks like.
            CertificateError::BadSignature => {
                "unknown issuer: the server's certificate is signed by another key of the trusted CA's name"
                    .to_owned()
            }
            other => format!("the server's certificate is refused: {other}"),
        },
        rustls::Error::InvalidMessage(_) => {
            format!("the server does not speak TLS: is `https` right here? ({tls})")
        }
        rustls::Error::AlertReceived(alert) => {
            format!("the server refused the TLS connection: {alert:?}; does it want a client certificate?")
        }
        other => other.to_string(),
    }
}

/// A certificate's moment as people write it.
fn moment(time: UnixTime) -> String {
    i64::try_from(time.as_secs())
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map_or_else(|| "a time that is none".to_owned(), |time| time.to_string())
}

/// An error and its sources.
pub(crate) fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |cause| cause.source())
}

/// rustls's error inside an I/O error, which does not show it as its source.
fn rustls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    error.downcast_ref::<rustls::Error>().or_else(|| {
        error
            .downcast_ref::<std::io::Error>()
            .and_then(|io| io.get_ref())
            .and_then(|inner| inner.downcast_ref())
    })
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, TlsSetupError> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            for certificate in certificates("CA", path)? {
                roots.add(certificate)?;
            }
        }
        None => {
            let native = rustls_native_certs::load_native_certs();
            // A store may hold certificates that rustls does not take; the others still count.
            roots.add_parsable_certificates(native.certs);
            if roots.is_empty() {
                let errors: Vec<String> = native.errors.iter().map(ToString::to_string).collect();
                let detail = if errors.is_empty() {
                    "its store is empty".to_owned()
                } else {
                    errors.join("; ")
                };
                return Err(TlsSetupError::NoNativeRoots { detail });
            }
        }
    }
    Ok(roots)
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsSetupError> {
    let unreadable = |source| TlsSetupError::File {
        what,
        path: path.to_owned(),
        source,
    };
    let certificates = CertificateDer::pem_file_iter(path)
        .map_err(unreadable)?
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    if certificates.is_empty() {
        return Err(TlsSetupError::Nothing {
            what,
            path: path.to_owned(),
        });
    }
    Ok(certificates)
}

/// rustls's time, taken from the one clock: a drill in virtual time sees certificates expire in virtual time.
#[derive(Debug)]
struct WallClock(Clock);

impl TimeProvider for WallClock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.wall().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(
            seconds,
        )))
    }
}
