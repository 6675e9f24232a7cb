//! A name server that is changed by updates (RFC 2136), signed with a shared key (TSIG, RFC 8945).
//!
//! An update says what it expects, and what it wants; the server compares and changes in one piece. Of two that change the
//! same names at once, one is told that they are no longer what it had read.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use c8dr_domain::effect::{Answer, TrafficEffect};
use c8dr_domain::ids::RegionId;
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::traffic::TrafficSight;
use c8dr_engine::clock::{Clock, Moment};
use c8dr_engine::ports::Traffic;
use futures_util::future::BoxFuture;
use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use hickory_proto::rr::{Name, TSigner};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::message::{self, NoAnswer};
use super::records::{Records, Targets, plain_name};
use crate::dial::{ByteStream, Connector, Dial, NoConnection, Protocol, Security, Target as Place};

/// How far the clocks of both sides may be apart, in seconds: what everybody uses. RFC 8945 §10
const FUDGE_S: u16 = 300;

/// A signature's algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `hmac-sha256`
    HmacSha256,
    /// `hmac-sha384`
    HmacSha384,
    /// `hmac-sha512`
    HmacSha512,
}

impl Algorithm {
    /// All that are known here. MD5 and SHA-1 are not.
    pub const ALL: [Algorithm; 3] = [
        Algorithm::HmacSha256,
        Algorithm::HmacSha384,
        Algorithm::HmacSha512,
    ];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Algorithm::HmacSha256 => "hmac-sha256",
            Algorithm::HmacSha384 => "hmac-sha384",
            Algorithm::HmacSha512 => "hmac-sha512",
        }
    }

    fn tsig(self) -> TsigAlgorithm {
        match self {
            Algorithm::HmacSha256 => TsigAlgorithm::HmacSha256,
            Algorithm::HmacSha384 => TsigAlgorithm::HmacSha384,
            Algorithm::HmacSha512 => TsigAlgorithm::HmacSha512,
        }
    }
}

/// A key that both sides have.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its name, which the server knows it by.
    pub name: String,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The key itself, in base64.
    pub secret: SecretString,
}

/// A key that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Its name is none.
    #[error("the key's name is no name")]
    Name,
    /// It is not in base64.
    #[error("the key is not in base64")]
    NotBase64,
    /// There is nothing in it.
    #[error("the key is empty")]
    Empty,
    /// It cannot sign.
    #[error("the key cannot be used with its algorithm")]
    Unusable,
}

impl Key {
    /// Whether it can sign.
    ///
    /// # Errors
    /// If it cannot.
    pub fn check(&self) -> Result<(), KeyError> {
        self.signer().map(drop)
    }

    fn signer(&self) -> Result<TSigner, KeyError> {
        let plain = plain_name(&self.name).ok_or(KeyError::Name)?;
        let name = message::whole(&plain).map_err(|_| KeyError::Name)?;
        let key = STANDARD
            .decode(self.secret.expose_secret().trim())
            .map_err(|_| KeyError::NotBase64)?;
        if key.is_empty() {
            return Err(KeyError::Empty);
        }
        TSigner::new(key, self.algorithm.tsig(), name, FUDGE_S).map_err(|_| KeyError::Unusable)
    }
}

/// Which names on which server.
#[derive(Clone, Debug)]
pub struct Update {
    /// The server that has the say for the zone.
    pub server: Place,
    /// The zone.
    pub zone: String,
    /// The names in it that users come by.
    pub names: BTreeSet<String>,
    /// Where they lead in each region.
    pub targets: Targets,
    /// How long resolvers may keep them, in seconds.
    pub ttl_s: u32,
    /// How long a look or a change may take.
    pub limit: Duration,
}

/// A name server.
pub struct NameServer {
    update: Update,
    zone: Name,
    signer: Option<TSigner>,
    connector: Connector,
    clock: Clock,
    ids: AtomicU16,
}

impl fmt::Debug for NameServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NameServer")
            .field("update", &self.update)
            .finish_non_exhaustive()
    }
}

/// Why an exchange brought nothing.
enum Failed {
    NotSent(NoConnection),
    Broken(Silence, String),
    No(NoAnswer),
    Unsigned(String),
}

impl NameServer {
    /// A server that is asked through `dial`, and changed with `key`; without a key only what needs none. `seed` begins the
    /// numbers of the messages. Nothing is sent yet.
    ///
    /// # Errors
    /// If the key cannot be used, or the zone is no name.
    pub fn new(
        update: Update,
        key: Option<&Key>,
        dial: Arc<dyn Dial>,
        clock: Clock,
        seed: u16,
    ) -> Result<Self, KeyError> {
        Ok(NameServer {
            zone: message::whole(&update.zone).map_err(|_| KeyError::Name)?,
            signer: key.map(Key::signer).transpose()?,
            update,
            connector: Connector::new(dial, None, clock.clone()),
            clock,
            ids: AtomicU16::new(seed),
        })
    }

    fn id(&self) -> u16 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// The records as the server has them now.
    async fn records(&self, deadline: Moment) -> Result<Records, Failed> {
        let mut stream = self.connect(deadline).await?;
        let mut records = Records::default();
        for text in &self.update.names {
            let name = message::whole(text).map_err(|why| Failed::No(NoAnswer::Garbled(why)))?;
            let mut found = BTreeSet::new();
            for kind in message::TYPES {
                let question = message::question(self.id(), &name, kind);
                let bytes = bytes(&question)?;
                let answer = self.exchange(&mut stream, &bytes, deadline).await?;
                let answer = parsed(&answer)?;
                let said = message::answered(&answer, question.metadata.id, &name).map_err(Failed::No)?;
                found.extend(said.targets);
                records.ttl_s = records.ttl_s.max(said.ttl_s);
            }
            records.names.insert(text.clone(), found);
        }
        Ok(records)
    }

    async fn connect(&self, deadline: Moment) -> Result<ByteStream, Failed> {
        let left = deadline.since(self.clock.now());
        // The protocol matters to TLS only, which is not spoken here.
        self.connector
            .connect(&self.update.server, Security::Plain, Protocol::Http1, left)
            .await
            .map_err(Failed::NotSent)
    }

    /// One message and its answer, each with its length before it. RFC 1035 §4.2.2
    async fn exchange(
        &self,
        stream: &mut ByteStream,
        message: &[u8],
        deadline: Moment,
    ) -> Result<Vec<u8>, Failed> {
        let length = u16::try_from(message.len())
            .map_err(|_| Failed::No(NoAnswer::Garbled("the message is too long".to_owned())))?;
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend_from_slice(message);
        let left = deadline.since(self.clock.now());
        let exchange = async {
            stream.write_all(&framed).await?;
            stream.flush().await?;
            let mut answer = vec![0; usize::from(stream.read_u16().await?)];
            stream.read_exact(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let server = &self.update.server;
        match self.clock.timeout(left, exchange).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(Failed::Broken(Silence::Broken, format!("{server}: {error}"))),
            Err(_) => Err(Failed::Broken(
                Silence::NoAnswer,
                format!("{server}: no answer within {:?}", self.update.limit),
            )),
        }
    }

    async fn see(&self) -> Sight<TrafficSight> {
        let deadline = self.clock.now() + self.update.limit;
        match self.records(deadline).await {
            Ok(records) => Sight::Seen(records.sight(&self.update.targets)),
            Err(Failed::NotSent(no)) => Sight::Silent {
                why: no.why,
                detail: no.detail,
            },
            Err(Failed::Broken(why, detail)) => Sight::Silent { why, detail },
            Err(Failed::No(NoAnswer::Declined(code))) => Sight::Declined {
                status: code.into(),
                message: format!("{} says {}", self.update.server, words(code)),
            },
            Err(Failed::No(NoAnswer::NotAuthoritative)) => Sight::Declined {
                status: 0,
                message: format!(
                    "{} does not have the say for {}: it repeats what it has heard",
                    self.update.server, self.update.zone
                ),
            },
            Err(Failed::No(NoAnswer::Garbled(problem)) | Failed::Unsigned(problem)) => {
                Sight::Garbled { problem }
            }
        }
    }

    async fn change(&self, effect: &TrafficEffect) -> Answer {
        let refused = |message: String| Answer::Refused {
            status: 412,
            message: format!("nothing was sent: {message}"),
        };
        let deadline = self.clock.now() + self.update.limit;
        let expected = match Records::expected(effect, &self.update.names) {
            Some(Some(records)) => records,
            Some(None) => return refused("what is expected is not about these names".to_owned()),
            None => match self.records(deadline).await {
                Ok(records) => records,
                Err(_) => return refused("the records cannot be read".to_owned()),
            },
        };
        let wanted = match self.update.targets.wanted(&effect.to) {
            Ok(wanted) => wanted,
            Err(why) => return refused(why.to_owned()),
        };
        let Some(signer) = &self.signer else {
            return refused("there is no key to sign it with".to_owned());
        };
        let mut update = match message::update(self.id(), &self.zone, &expected, &wanted, self.update.ttl_s) {
            Ok(update) => update,
            Err(why) => return refused(why),
        };
        match self.send(&mut update, signer, deadline).await {
            Ok(code) => self.outcome(code),
            Err(Failed::NotSent(no)) => Answer::NotSent {
                why: no.why,
                detail: no.detail,
            },
            Err(Failed::Broken(_, detail)) => Answer::Unknown { status: None, detail },
            Err(Failed::No(NoAnswer::Declined(code))) => self.outcome(code),
            Err(Failed::No(NoAnswer::NotAuthoritative)) => self.outcome(ResponseCode::NotAuth),
            Err(Failed::No(NoAnswer::Garbled(problem)) | Failed::Unsigned(problem)) => Answer::Unknown {
                status: None,
                detail: problem,
            },
        }
    }

    async fn send(
        &self,
        update: &mut Message,
        signer: &TSigner,
        deadline: Moment,
    ) -> Result<ResponseCode, Failed> {
        let now = u64::try_from(self.clock.wall().as_second()).unwrap_or_default();
        let id = update.metadata.id;
        let verifier = update
            .finalize(signer, now)
            .map_err(|error| Failed::No(NoAnswer::Garbled(error.to_string())))?;
        let bytes = bytes(update)?;
        let mut stream = self.connect(deadline).await?;
        let answer = self.exchange(&mut stream, &bytes, deadline).await?;
        let message = parsed(&answer)?;
        message::is_answer(&message, id, OpCode::Update).map_err(Failed::No)?;
        let code = message.metadata.response_code;
        let is_signed = verifier.is_some_and(|mut verifier| verifier.verify(&answer).is_ok());
        // A key that is not known cannot be used to say so; everything else must be signed, or anybody could have said it.
        if is_signed || code == ResponseCode::NotAuth {
            return Ok(code);
        }
        Err(Failed::Unsigned(format!(
            "{} answered {} without a valid signature",
            self.update.server,
            words(code)
        )))
    }

    /// What a code means for an update.
    fn outcome(&self, code: ResponseCode) -> Answer {
        let server = &self.update.server;
        let message = format!("{server} says {}", words(code));
        match code {
            // It was taken; where the names lead is read back.
            ResponseCode::NoError => Answer::Done,
            // Somebody has changed them since they were read.
            ResponseCode::NXRRSet
            | ResponseCode::YXRRSet
            | ResponseCode::NXDomain
            | ResponseCode::YXDomain => Answer::Stale { message },
            ResponseCode::Refused
            | ResponseCode::NotAuth
            | ResponseCode::NotZone
            | ResponseCode::NotImp
            | ResponseCode::FormErr => Answer::Refused {
                status: code.into(),
                message,
            },
            _ => Answer::Unknown {
                status: Some(code.into()),
                detail: message,
            },
        }
    }
}

impl Traffic for NameServer {
    fn place(&self) -> String {
        let names: Vec<&str> = self.update.names.iter().map(String::as_str).collect();
        format!("{} at {}", names.join(", "), self.update.server)
    }

    fn look(&self) -> BoxFuture<'_, Sight<TrafficSight>> {
        Box::pin(self.see())
    }

    fn command(&self, to: &BTreeSet<RegionId>) -> Vec<String> {
        let Place { host, port } = &self.update.server;
        let mut lines = vec![
            "nsupdate -k KEYFILE <<'END'".to_owned(),
            format!("server {host} {port}"),
            format!("zone {}", self.update.zone),
        ];
        let wanted = self.update.targets.of(to);
        for name in &self.update.names {
            for kind in ["A", "AAAA", "CNAME"] {
                lines.push(format!("update delete {name}. {kind}"));
            }
            for target in &wanted {
                let dot = if target.kind() == "CNAME" { "." } else { "" };
                lines.push(format!(
                    "update add {name}. {} {} {target}{dot}",
                    self.update.ttl_s,
                    target.kind()
                ));
            }
        }
        lines.extend(["send".to_owned(), "END".to_owned()]);
        lines
    }

    fn perform<'a>(&'a self, effect: &'a TrafficEffect) -> BoxFuture<'a, Answer> {
        Box::pin(self.change(effect))
    }
}

fn bytes(message: &Message) -> Result<Vec<u8>, Failed> {
    message
        .to_vec()
        .map_err(|error| Failed::No(NoAnswer::Garbled(error.to_string())))
}

fn parsed(bytes: &[u8]) -> Result<Message, Failed> {
    Message::from_vec(bytes).map_err(|error| {
        Failed::No(NoAnswer::Garbled(format!(
            "the answer is no message of the DNS: {error}"
        )))
    })
}

/// A code by its name and what it means.
fn words(code: ResponseCode) -> String {
    let meaning = match code {
        ResponseCode::Refused => "REFUSED: this key, or this place, may not change these names",
        ResponseCode::NotAuth => "NOTAUTH: it does not know the key, or is not the server of this zone",
        ResponseCode::NotZone => "NOTZONE: a name is not in this zone",
        ResponseCode::NXRRSet | ResponseCode::YXRRSet => {
            "that the records are no longer what they were when they were read"
        }
        ResponseCode::ServFail => "SERVFAIL: it failed itself",
        other => return format!("{other}"),
    };
    meaning.to_owned()
}
