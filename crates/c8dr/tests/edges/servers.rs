//! Small servers that behave badly, each in one way. They live until the test's process ends.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// A server, and what it was sent.
pub(crate) struct Server {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// A server that deals with each connection in its own thread.
    pub(crate) fn start(deal: impl Fn(TcpStream, &Mutex<Vec<String>>) + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::default());
        let (deal, kept) = (Arc::new(deal), heads.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (deal, heads) = (deal.clone(), kept.clone());
                std::thread::spawn(move || deal(stream, &heads));
            }
        });
        Server { address, heads }
    }

    /// Reads a request and deals with what comes then.
    pub(crate) fn after_request(deal: impl Fn(&mut TcpStream, &str) + Send + Sync + 'static) -> Server {
        Server::start(move |mut stream, heads| {
            let head = head_of(&mut stream);
            heads.lock().unwrap().push(head.clone());
            deal(&mut stream, &head);
        })
    }

    /// Answers every request with these bytes, and hangs up.
    pub(crate) fn answering(bytes: impl Into<Vec<u8>>) -> Server {
        let bytes = bytes.into();
        Server::after_request(move |stream, _| {
            // The client may have heard enough.
            let _ = stream.write_all(&bytes);
        })
    }

    /// Answers every request with these bytes, and then says nothing more, for as long as the client waits.
    pub(crate) fn hanging_after(bytes: impl Into<Vec<u8>>) -> Server {
        let bytes = bytes.into();
        Server::after_request(move |stream, _| {
            let _ = stream.write_all(&bytes);
            until_closed(stream);
        })
    }

    /// Speaks TLS with this certificate, and answers every request with these bytes.
    pub(crate) fn secure(config: ServerConfig, bytes: impl Into<Vec<u8>>) -> Server {
        let (config, bytes) = (Arc::new(config), bytes.into());
        Server::start(move |stream, heads| {
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream);
            let head = head_of(&mut stream);
            heads.lock().unwrap().push(head);
            let _ = stream.write_all(&bytes);
            stream.conn.send_close_notify();
            let _ = stream.flush();
            until_closed(&mut stream.sock);
        })
    }

    pub(crate) fn http(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn https(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The heads of the requests that came.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// An HTTP answer with a length.
pub(crate) fn answer(status: &str, kind: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The head of a request, without its body; empty if the client hung up before.
fn head_of(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Swallows what the client sends until it hangs up.
pub(crate) fn until_closed(stream: &mut TcpStream) {
    let mut swallowed = [0; 1024];
    while stream.read(&mut swallowed).is_ok_and(|read| read > 0) {}
}

/// Writes a byte now and then until the client hangs up.
pub(crate) fn drip(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut byte = [0];
    while stream.write_all(b" ").is_ok() && !matches!(stream.read(&mut byte), Ok(0)) {}
}

/// Passes a request on, head and body, and gives back the whole answer. For one request per connection, as c8dr sends it.
pub(crate) fn pass_on(stream: &mut TcpStream, head: &str, to: &str) -> Vec<u8> {
    let length: usize = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length:")?
                .trim()
                .parse()
                .ok()
        })
        .unwrap_or_default();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    // Where nobody listens any more, nothing is answered.
    let Ok(mut there) = TcpStream::connect(to.trim_start_matches("http://")) else {
        return Vec::new();
    };
    there.write_all(head.as_bytes()).unwrap();
    there.write_all(&body).unwrap();
    let mut answer = Vec::new();
    there.read_to_end(&mut answer).unwrap();
    answer
}

/// A port of which the kernel drops what comes, as a firewall does: nobody accepts, and the backlog is full.
pub(crate) struct BlackHole {
    address: SocketAddr,
    _listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl BlackHole {
    pub(crate) fn new() -> BlackHole {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(async {
                let socket = tokio::net::TcpSocket::new_v4()?;
                socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
                socket.listen(1)?.into_std()
            })
            .unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            waiting.push(stream);
            assert!(waiting.len() < 100, "the backlog never filled");
        }
        BlackHole {
            address,
            _listener: listener,
            _waiting: waiting,
        }
    }

    pub(crate) fn http(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// A port on which nobody listens.
pub(crate) fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// An authority that signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2040, 1, 1);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Writes its certificate, for those who trust it.
    pub(crate) fn written(&self, folder: &Path) -> PathBuf {
        let path = folder.join("ca.pem");
        std::fs::write(&path, self.0.pem()).unwrap();
        path
    }

    /// What a server needs to be `name` until the end of a year.
    pub(crate) fn server(&self, name: &str, until: i32) -> ServerConfig {
        self.configured(name, until, None)
    }

    /// The same for a server that wants a certificate of its clients.
    pub(crate) fn server_of_clients(&self, name: &str) -> ServerConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        self.configured(name, 2040, Some(roots))
    }

    fn configured(&self, name: &str, until: i32, clients: Option<RootCertStore>) -> ServerConfig {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(roots) => builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .unwrap(),
            ),
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        builder
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap()
    }
}
