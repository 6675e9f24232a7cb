//! TLS: what is trusted, what is not, and how each failure is recognised.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::http::header;
use c8dr_domain::effect::{Answer, Mode, ZeebeEffect};
use c8dr_domain::ids::ExporterId;
use c8dr_domain::observation::{Sight, Silence};
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::Zeebe;
use c8dr_systems::dial::memory::{Listener, Network};
use c8dr_systems::dial::{ClientIdentity, TlsOptions};
use c8dr_systems::zeebe::{Cluster, SetupError};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use tempfile::TempDir;
use tokio::io::DuplexStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::support::{BROKER, always, clock, endpoints, gateway, url};

/// A CA and the files that belong to it.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        Self::named("ca")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2040, 1, 1);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Authority { issuer, folder }
    }

    fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate for `name`, valid through the given years.
    fn certificate(&self, name: &str, years: std::ops::Range<i32>) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(years.start, 1, 1);
        params.not_after = date_time_ymd(years.end, 1, 1);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// An identity for a client, in files.
    fn identity(&self) -> ClientIdentity {
        let (certificate, key) = self.certificate("c8dr", 2025..2027);
        let identity = ClientIdentity {
            certificate_file: self.folder.path().join("client.pem"),
            key_file: self.folder.path().join("client.key"),
        };
        std::fs::write(&identity.certificate_file, certificate.pem()).unwrap();
        std::fs::write(&identity.key_file, key.serialize_pem()).unwrap();
        identity
    }
}

struct Secured(Listener, TlsAcceptor);

impl axum::serve::Listener for Secured {
    type Io = TlsStream<DuplexStream>;
    type Addr = ();

    async fn accept(&mut self) -> (Self::Io, ()) {
        loop {
            match self.0.accept().await {
                Some(stream) => {
                    if let Ok(secured) = self.1.accept(stream).await {
                        return (secured, ());
                    }
                }
                None => std::future::pending().await,
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A server at `b0:9600` and `gw:9600` with this certificate, which asks clients for one of `clients_of`.
fn server(certificate: &(rcgen::Certificate, KeyPair), clients_of: Option<&Authority>) -> Network {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients_of {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(authority.issuer.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::try_from(certificate.1.serialize_der()).unwrap();
    let mut config = builder
        .with_single_cert(vec![certificate.0.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let network = Network::new();
    for host in ["gw", "b0"] {
        let listener = Secured(
            network.listen(host, 9600),
            TlsAcceptor::from(Arc::new(config.clone())),
        );
        let router = Router::new()
            .fallback(|| async { ([(header::CONTENT_TYPE, "application/json")], r#"{"status":"UP"}"#) });
        tokio::spawn(async move { axum::serve(listener, router).await });
    }
    network
}

fn cluster(network: Network, tls: TlsOptions, clock: Clock) -> Result<Cluster, SetupError> {
    let mut endpoints = endpoints();
    endpoints.tls = tls;
    endpoints.brokers.insert(BROKER, url("https://b0:9600"));
    for gateway in endpoints.gateways.values_mut() {
        gateway.management = Some(url("https://gw:9600"));
    }
    Cluster::new(endpoints, Arc::new(network), clock, None)
}

fn trusting(ca_file: &Path) -> TlsOptions {
    TlsOptions {
        ca_file: Some(ca_file.to_owned()),
        identity: None,
    }
}

async fn read(network: Network, tls: TlsOptions) -> Sight<bool> {
    cluster(network, tls, clock()).unwrap().ready(BROKER).await
}

#[track_caller]
fn assert_tls(sight: &Sight<bool>, words: &str) {
    let matches = matches!(sight, Sight::Silent { why: Silence::Tls, detail } if detail.contains(words));
    assert!(matches, "{words:?} is not in {sight:?}");
}

#[tokio::test]
async fn a_trusted_certificate_for_the_right_name_is_fine() {
    let ca = Authority::new();
    let network = server(&ca.certificate("b0", 2025..2027), None);
    assert_eq!(read(network, trusting(&ca.ca_file())).await, Sight::Seen(true));
}

#[tokio::test]
async fn a_certificate_for_another_name_is_recognised_and_nothing_is_sent() {
    let ca = Authority::new();
    let network = server(&ca.certificate("elsewhere", 2025..2027), None);
    assert_tls(
        &read(network.clone(), trusting(&ca.ca_file())).await,
        "wrong name",
    );
    let effect = ZeebeEffect::DisableExporter {
        exporter: ExporterId::new("x"),
    };
    let cluster = cluster(network, trusting(&ca.ca_file()), clock()).unwrap();
    let change = cluster.perform(&gateway(), &effect, Mode::Real).await;
    assert!(
        matches!(
            change,
            Answer::NotSent {
                why: Silence::Tls,
                ..
            }
        ),
        "{change:?}"
    );
}

#[tokio::test]
async fn certificates_are_judged_by_the_one_clock() {
    let ca = Authority::new();
    assert_tls(
        &read(
            server(&ca.certificate("b0", 2024..2025), None),
            trusting(&ca.ca_file()),
        )
        .await,
        "expired",
    );
    assert_tls(
        &read(
            server(&ca.certificate("b0", 2030..2031), None),
            trusting(&ca.ca_file()),
        )
        .await,
        "not valid yet",
    );
    let later = Clock::new("2030-06-01T00:00:00Z".parse().unwrap(), 1.0);
    let network = server(&ca.certificate("b0", 2030..2031), None);
    let seen = cluster(network, trusting(&ca.ca_file()), later)
        .unwrap()
        .ready(BROKER)
        .await;
    assert_eq!(seen, Sight::Seen(true));
}

#[tokio::test]
async fn an_unknown_issuer_is_recognised_even_under_a_known_name() {
    let ca = Authority::new();
    for other in ["another", "ca"] {
        let network = server(&Authority::named(other).certificate("b0", 2025..2027), None);
        assert_tls(&read(network, trusting(&ca.ca_file())).await, "unknown issuer");
    }
}

#[tokio::test]
async fn a_server_may_ask_who_we_are() {
    let ca = Authority::new();
    let network = server(&ca.certificate("b0", 2020..2040), Some(&ca));
    assert_tls(
        &read(network.clone(), trusting(&ca.ca_file())).await,
        "client certificate",
    );
    let options = TlsOptions {
        identity: Some(ca.identity()),
        ..trusting(&ca.ca_file())
    };
    // The server's own verifier goes by the wall, so the certificate must be valid today, too.
    assert_eq!(read(network, options).await, Sight::Seen(true));
}

#[tokio::test]
async fn grpc_is_spoken_over_tls_as_http2() {
    let ca = Authority::new();
    let mut endpoints = endpoints();
    endpoints.tls = trusting(&ca.ca_file());
    for gateway in endpoints.gateways.values_mut() {
        gateway.grpc = Some(url("https://gw:9600"));
    }
    let network = server(&ca.certificate("gw", 2025..2027), None);
    let seen = Cluster::new(endpoints, Arc::new(network), clock(), None)
        .unwrap()
        .topology_by_grpc(&gateway())
        .await;
    // The server speaks HTTP/2, but answers with JSON: TLS and HTTP/2 both came about.
    assert!(
        matches!(&seen, Sight::Garbled { problem } if problem.contains("does not speak gRPC")),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_server_without_tls_is_recognised() {
    let ca = Authority::new();
    assert_tls(
        &read(always(200, "application/json", "{}"), trusting(&ca.ca_file())).await,
        "does not speak TLS",
    );
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    for (file, words) in [
        (empty, "holds none"),
        (folder.path().join("absent.pem"), "cannot be read"),
    ] {
        let error = cluster(Network::new(), trusting(&file), clock())
            .unwrap_err()
            .to_string();
        assert!(error.contains(words) && error.contains(".pem"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_hangs_ends_with_the_connection_limit() {
    let ca = Authority::new();
    let network = Network::new();
    let _listener = network.listen("b0", 9600);
    assert_tls(
        &read(network, trusting(&ca.ca_file())).await,
        "no TLS handshake within 1s",
    );
}
