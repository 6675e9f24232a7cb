//! The users' names in Amazon's Route 53, by its REST API.
//!
//! A change is one batch that deletes the very sets that were read and creates those that are wanted. Route 53 carries out a
//! batch as a whole or not at all, and refuses one whose deletion is not exactly what is there: that is its compare and set.
//! Then it carries the change to its name servers, and says `INSYNC` when all have it. `source: Route 53 API Reference
//! 2013-04-01, ChangeResourceRecordSets, GetChange, ListResourceRecordSets`
//!
//! Only simple sets are changed. One that is shared by weight, place or fail-over, an alias, or one that hangs on a health
//! check or a traffic policy serves whom Route 53 chooses: what it leads to is not what stands in it.

mod signed;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use c8dr_domain::effect::{Answer, TrafficEffect};
use c8dr_domain::ids::RegionId;
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::traffic::TrafficSight;
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::{Exchange, Tap, Traffic};
use futures_util::future::BoxFuture;
use http::Method;
use secrecy::SecretString;
use tower::ServiceExt;

pub use self::signed::{BadKey, check};
use self::wire::{Action, RecordSet, Refusal};
use crate::auth::Secrets;
use crate::base_url::{BaseUrl, segment};
use crate::bucket::Credentials;
use crate::dial::{Connector, Dial, Tls, TlsOptions, TlsSetupError};
use crate::dns::{NameServer, Records, Target, Targets};
use crate::foreign::shown;
use crate::http::{Bounds, Client, Fault, Service};
use crate::reading::{unanswered, unheard};

/// How long Route 53 takes to carry a change to all of its name servers, by its own word. `source: Developer Guide`
pub const PROPAGATION: Duration = Duration::from_secs(60);
/// How often it is asked whether it has; five requests a second are granted to an account.
const PAUSE: Duration = Duration::from_secs(2);
/// As many sets as one answer may have. A name has some five.
const SETS_MAX: u32 = 300;
/// More than this is not read: 300 sets of some hundred bytes, and as much again.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// Which names in which zone.
#[derive(Clone, Debug)]
pub struct Zone {
    /// The hosted zone's id, such as `Z08123456789ABCDEFGHI`.
    pub id: String,
    /// The names in it that users come by: small letters, without the dot at their end.
    pub names: BTreeSet<String>,
    /// Where they lead in each region.
    pub targets: Targets,
    /// How long resolvers may keep them, in seconds.
    pub ttl_s: u32,
    /// Where Route 53 is asked. Plain `http` only on this machine.
    pub endpoint: BaseUrl,
    /// The region that requests are signed for.
    pub region: String,
    /// Who we are.
    pub credentials: Credentials,
    /// Whom to trust.
    pub tls: TlsOptions,
    /// How long one call may take.
    pub limit: Duration,
    /// How long a change that was taken may take to be on all name servers.
    pub propagation: Duration,
}

/// Route 53 cannot be asked as configured.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsSetupError),
    /// Everybody on the way could read along.
    #[error("the endpoint must be https, as it is not on this machine")]
    Plain,
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] BadKey),
}

/// Names in a hosted zone.
pub struct Route53 {
    zone: Zone,
    service: Service,
    clock: Clock,
    tap: Option<Tap>,
    secrets: Secrets,
    /// A name server of the zone, where one can be reached.
    server: Option<NameServer>,
    /// The change of ours that was not in sync when it was last asked about.
    pending: Mutex<Option<String>>,
}

impl fmt::Debug for Route53 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route53")
            .field("zone", &self.zone)
            .finish_non_exhaustive()
    }
}

/// Why a call brought nothing.
#[derive(Debug)]
enum Failed {
    /// It cannot be sent: the key, or the address.
    Unsendable(String),
    Unheard(Fault),
    Refused(Refusal),
    Garbled(String),
}

/// The sets of each name that lead anywhere.
type Sets = BTreeMap<String, Vec<RecordSet>>;

impl Route53 {
    /// A zone that is asked through `dial`, and besides, where `server` is given, by that name server. Nothing is sent yet.
    ///
    /// # Errors
    /// If TLS cannot be set up, the key cannot be used, or others could read along.
    pub fn new(
        zone: Zone,
        server: Option<NameServer>,
        dial: Arc<dyn Dial>,
        clock: Clock,
        tap: Option<Tap>,
    ) -> Result<Self, SetupError> {
        let tls = match (zone.endpoint.is_https(), zone.endpoint.is_loopback()) {
            (true, _) => Some(Tls::new(&zone.tls, &clock)?),
            (false, true) => None,
            (false, false) => return Err(SetupError::Plain),
        };
        check(&zone.credentials)?;
        let id: SecretString = zone.credentials.access_key_id.as_str().into();
        let secrets = Secrets::new(
            [
                Some(zone.credentials.secret_access_key.clone()),
                // No secret, but it comes from where secrets are kept: an answer need not repeat it.
                Some(id),
                zone.credentials.session_token.clone(),
            ]
            .into_iter()
            .flatten(),
        );
        Ok(Route53 {
            service: Service::new(Client::new(Connector::new(dial, tls, clock.clone()))),
            zone,
            clock,
            tap,
            secrets,
            server,
            pending: Mutex::new(None),
        })
    }

    /// One call, signed, sent once.
    async fn call(&self, method: Method, path: &str, body: String) -> Result<Bytes, Failed> {
        let zone = &self.zone;
        let uri = zone
            .endpoint
            .join(path)
            .map_err(|error| Failed::Unsendable(error.to_string()))?;
        let line = format!("{method} {uri}");
        let (began, sent) = (self.clock.now(), (!body.is_empty()).then(|| body.clone()));
        let mut request = signed::request(method, uri, body, &zone.credentials, &zone.region)
            .map_err(|error| Failed::Unsendable(error.to_string()))?;
        request.extensions_mut().insert(Bounds {
            connect: zone.limit,
            answer: zone.limit,
            body_bytes_max: BODY_BYTES_MAX,
        });
        let answered = self.service.clone().oneshot(request).await;
        let (status, received) = match &answered {
            Ok(response) => {
                let text = String::from_utf8_lossy(response.body()).into_owned();
                (Some(response.status().as_u16()), self.secrets.scrubbed(text))
            }
            Err(fault) => (None, fault.to_string()),
        };
        tracing::debug!(request = line, ?status, "asked Route 53");
        if let Some(tap) = &self.tap {
            tap(Exchange {
                at: self.clock.wall_at(began),
                took: self.clock.now().since(began),
                request: line,
                sent,
                status,
                received: received.clone(),
                date: None,
            });
        }
        let response = answered.map_err(Failed::Unheard)?;
        match response.status().is_success() {
            true => Ok(response.into_body()),
            false => Err(Failed::Refused(wire::refusal(
                response.status().as_u16(),
                received.as_bytes(),
            ))),
        }
    }

    /// All sets of the names that lead anywhere.
    async fn sets(&self) -> Result<Sets, Failed> {
        let mut all = Sets::new();
        for name in &self.zone.names {
            let path = format!(
                "/2013-04-01/hostedzone/{}/rrset?maxitems={SETS_MAX}&name={}",
                segment(&self.zone.id),
                segment(&format!("{name}."))
            );
            let body = self.call(Method::GET, &path, String::new()).await?;
            let sets = wire::sets(&body, name).map_err(Failed::Garbled)?;
            all.insert(name.clone(), sets);
        }
        Ok(all)
    }

    async fn see(&self) -> Sight<TrafficSight> {
        let sets = match self.sets().await {
            Ok(sets) => sets,
            Err(failed) => return sight(failed),
        };
        let records = match records(&sets) {
            Ok(records) => records,
            Err(why) => return Sight::Garbled { problem: why },
        };
        if let Some(problem) = self.still_pending().await {
            return problem;
        }
        let seen = records.sight(&self.zone.targets);
        let Some(server) = &self.server else {
            return Sight::Seen(seen);
        };
        match server.look().await {
            // What a name server says is what users get. What is changed is what Route 53 has.
            Sight::Seen(served) => Sight::Seen(TrafficSight {
                version: seen.version,
                ..served
            }),
            // Route 53 itself has said that all of its name servers have it.
            unheard => {
                tracing::warn!(
                    ?unheard,
                    "the name server was not heard; Route 53's own word counts"
                );
                Sight::Seen(seen)
            }
        }
    }

    /// Why it is not known yet what the name servers say: a change of ours is still on its way to them.
    async fn still_pending(&self) -> Option<Sight<TrafficSight>> {
        let change = self.pending().clone()?;
        match self.is_in_sync(&change).await {
            Ok(true) => {
                *self.pending() = None;
                None
            }
            Ok(false) => Some(Sight::Declined {
                status: 202,
                message: format!("Route 53 is still carrying change {change} to its name servers (PENDING)"),
            }),
            Err(failed) => Some(sight(failed)),
        }
    }

    fn pending(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn is_in_sync(&self, change: &str) -> Result<bool, Failed> {
        let path = format!("/2013-04-01/change/{}", segment(change));
        let body = self.call(Method::GET, &path, String::new()).await?;
        let change = wire::change(&body).map_err(Failed::Garbled)?;
        Ok(change.is_in_sync)
    }

    async fn change(&self, effect: &TrafficEffect) -> Answer {
        let refused = |message: String| Answer::Refused {
            status: 412,
            message: format!("nothing was changed: {message}"),
        };
        let wanted = match self.zone.targets.wanted(&effect.to) {
            Ok(wanted) => wanted,
            Err(why) => return refused(why.to_owned()),
        };
        let sets = match self.sets().await {
            Ok(sets) => sets,
            Err(failed) => return unread(failed),
        };
        let found = match records(&sets) {
            Ok(found) => found,
            Err(why) => return refused(why),
        };
        let expected = match Records::expected(effect, &self.zone.names) {
            Some(Some(records)) => records,
            Some(None) => return refused("what is expected is not about these names".to_owned()),
            None => found.clone(),
        };
        let mut changes = Vec::new();
        for (name, sets) in &sets {
            let now = found.names.get(name).cloned().unwrap_or_default();
            if now == wanted {
                continue;
            }
            if Some(&now) != expected.names.get(name) {
                return Answer::Stale {
                    message: format!("{name} leads to {} now", words(&now)),
                };
            }
            // Just as they were read, to the time to live: else the batch is refused.
            changes.extend(sets.iter().map(|set| (Action::Delete, set.clone())));
            changes.extend(
                wire::sets_of(name, &wanted, self.zone.ttl_s)
                    .into_iter()
                    .map(|set| (Action::Create, set)),
            );
        }
        if changes.is_empty() {
            return Answer::Done;
        }
        let body = match wire::batch(changes) {
            Ok(body) => body,
            Err(why) => return refused(why),
        };
        let path = format!("/2013-04-01/hostedzone/{}/rrset/", segment(&self.zone.id));
        match self.call(Method::POST, &path, body).await {
            Ok(body) => match wire::change(&body) {
                Ok(change) => {
                    *self.pending() = Some(change.id.clone());
                    self.in_sync(&change.id).await
                }
                Err(why) => Answer::Unknown {
                    status: Some(200),
                    detail: format!("the answer is not understood: {why}"),
                },
            },
            Err(failed) => answer(failed),
        }
    }

    /// Waits until all name servers have a change.
    async fn in_sync(&self, change: &str) -> Answer {
        let began = self.clock.now();
        loop {
            let problem = match self.is_in_sync(change).await {
                Ok(true) => {
                    *self.pending() = None;
                    return Answer::Done;
                }
                Ok(false) => "it is still PENDING".to_owned(),
                Err(failed) => told(failed),
            };
            if self.clock.now().since(began) >= self.zone.propagation {
                return Answer::Unknown {
                    status: None,
                    detail: format!(
                        "Route 53 has taken it as change {change}, and not said INSYNC within {:?}: {problem}",
                        self.zone.propagation
                    ),
                };
            }
            self.clock.sleep(PAUSE).await;
        }
    }
}

/// What the sets amount to.
fn records(sets: &Sets) -> Result<Records, String> {
    let mut records = Records::default();
    for (name, sets) in sets {
        let mut found = BTreeSet::new();
        for set in sets {
            found.extend(set.targets()?);
            records.ttl_s = records.ttl_s.max(set.ttl_s);
        }
        records.names.insert(name.clone(), found);
    }
    Ok(records)
}

fn words(targets: &BTreeSet<Target>) -> String {
    let each: Vec<String> = targets.iter().map(ToString::to_string).collect();
    match each.is_empty() {
        true => "nothing".to_owned(),
        false => each.join(" and "),
    }
}

/// What came instead of sets, as a sight.
fn sight<T>(failed: Failed) -> Sight<T> {
    match failed {
        Failed::Unsendable(detail) => Sight::Silent {
            why: Silence::NoConnection,
            detail,
        },
        Failed::Unheard(fault) => unheard(&fault),
        Failed::Refused(refusal) => Sight::Declined {
            status: refusal.status,
            message: refusal.words(),
        },
        Failed::Garbled(problem) => Sight::Garbled { problem },
    }
}

/// In a phrase.
fn told(failed: Failed) -> String {
    match failed {
        Failed::Unsendable(why) | Failed::Garbled(why) => why,
        Failed::Unheard(fault) => fault.to_string(),
        Failed::Refused(refusal) => refusal.words(),
    }
}

/// What is known of a change for which the sets could not even be read: it was not sent.
fn unread(failed: Failed) -> Answer {
    match failed {
        Failed::Refused(refusal) if !refusal.is_momentary() => Answer::Refused {
            status: refusal.status,
            message: refusal.words(),
        },
        other => Answer::NotSent {
            why: Silence::NoConnection,
            detail: format!("what is there could not be read: {}", told(other)),
        },
    }
}

/// What is known of a batch.
fn answer(failed: Failed) -> Answer {
    let refusal = match failed {
        Failed::Unsendable(detail) => {
            return Answer::NotSent {
                why: Silence::NoConnection,
                detail,
            };
        }
        Failed::Unheard(fault) => return unanswered(fault),
        Failed::Garbled(detail) => return Answer::Unknown { status: None, detail },
        Failed::Refused(refusal) => refusal,
    };
    let message = refusal.words();
    if refusal.is_moved() {
        return Answer::Stale { message };
    }
    match refusal.status {
        // Throttled, or another change of the zone is not done yet: whoever looks again may send again.
        status if refusal.is_momentary() => Answer::Unknown {
            status: Some(status),
            detail: message,
        },
        status @ 300..=499 => Answer::Refused { status, message },
        status => Answer::Unknown {
            status: Some(status),
            detail: message,
        },
    }
}

impl Traffic for Route53 {
    fn place(&self) -> String {
        let names: Vec<&str> = self.zone.names.iter().map(String::as_str).collect();
        format!("{} in hosted zone {} of Route 53", names.join(", "), self.zone.id)
    }

    fn look(&self) -> BoxFuture<'_, Sight<TrafficSight>> {
        Box::pin(self.see())
    }

    fn command(&self, to: &BTreeSet<RegionId>) -> Vec<String> {
        let zone = shown(self.zone.id.as_bytes(), 60);
        let wanted = self.zone.targets.of(to);
        let mut lines = vec![format!(
            "aws route53 list-resource-record-sets --hosted-zone-id {zone}   # what leads anywhere goes (DELETE, just as it is), then:"
        )];
        for name in &self.zone.names {
            for set in wire::sets_of(name, &wanted, self.zone.ttl_s) {
                let change =
                    serde_json::json!({"Changes": [{"Action": "CREATE", "ResourceRecordSet": set.json()}]});
                lines.push(format!(
                    "aws route53 change-resource-record-sets --hosted-zone-id {zone} --change-batch '{change}'"
                ));
            }
        }
        lines
    }

    fn perform<'a>(&'a self, effect: &'a TrafficEffect) -> BoxFuture<'a, Answer> {
        Box::pin(self.change(effect))
    }
}
