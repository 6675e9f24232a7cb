//! The users' names in a `DNSEndpoint`, which ExternalDNS carries into the DNS.
//!
//! What the names lead to is read from the name server that has the say, as ever: an object that says so is not a name that
//! leads there. The object is changed only if its records of the names are what the name server had when it was read, or are
//! what is wanted already; anything else is somebody's doing, and left alone. Between the read and the write the API server
//! compares its version.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use c8dr_domain::effect::{Answer, TrafficEffect};
use c8dr_domain::ids::RegionId;
use c8dr_domain::observation::Sight;
use c8dr_domain::traffic::TrafficSight;
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::Traffic;
use futures_util::future::{BoxFuture, join_all};
use serde_json::{Value, json};

use crate::dial::Dial;
use crate::dns::{KeyError, NameServer, Records, Target, Update, plain_name};
use crate::foreign::shown;
use crate::kubernetes::{DnsEndpoint, Kept, Trouble};

/// The types of records that lead anywhere.
const TYPES: [&str; 3] = ["A", "AAAA", "CNAME"];

/// Where the objects are.
#[derive(Clone, Debug)]
pub enum Places {
    /// One, in a cluster that does not go with a region.
    One(DnsEndpoint),
    /// One in each region's cluster.
    Each(BTreeMap<RegionId, DnsEndpoint>),
}

impl Places {
    /// Those that have to be changed to point the names to these regions: where they serve, ExternalDNS runs.
    fn needed(&self, to: &BTreeSet<RegionId>) -> Vec<&DnsEndpoint> {
        match self {
            Places::One(one) => vec![one],
            Places::Each(each) => to.iter().filter_map(|region| each.get(region)).collect(),
        }
    }

    /// Those that should follow if they can be reached: left as it is, an ExternalDNS there would change the names back.
    fn others(&self, to: &BTreeSet<RegionId>) -> Vec<&DnsEndpoint> {
        match self {
            Places::One(_) => Vec::new(),
            Places::Each(each) => (each.iter())
                .filter(|(region, _)| !to.contains(region))
                .map(|(_, endpoint)| endpoint)
                .collect(),
        }
    }
}

/// Names that are changed in a `DNSEndpoint`, and read from a name server.
#[derive(Debug)]
pub struct ExternalDns {
    places: Places,
    update: Update,
    names: NameServer,
    clock: Clock,
}

/// Why an object is not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Unfit {
    /// Its records are neither what was read nor what is wanted.
    Moved(String),
    /// It never can be.
    Never(String),
}

impl ExternalDns {
    /// Names that are changed at `places`; `update` says which they are and which server has the say for them, and is asked
    /// through `dial`. `seed` begins the numbers of the messages. Nothing is sent yet.
    ///
    /// # Errors
    /// If the zone is no name.
    pub fn new(
        places: Places,
        update: Update,
        dial: Arc<dyn Dial>,
        clock: Clock,
        seed: u16,
    ) -> Result<Self, KeyError> {
        Ok(ExternalDns {
            places,
            names: NameServer::new(update.clone(), None, dial, clock.clone(), seed)?,
            update,
            clock,
        })
    }

    async fn change(&self, effect: &TrafficEffect) -> Answer {
        let refused = |message: &str| Answer::Refused {
            status: 412,
            message: format!("nothing was sent: {message}"),
        };
        let expected = match Records::expected(effect, &self.update.names) {
            Some(Some(records)) => records,
            Some(None) => return refused("what is expected is not about these names"),
            None => match self.records().await {
                Some(records) => records,
                None => return refused("the records cannot be read"),
            },
        };
        let wanted = match self.update.targets.wanted(&effect.to) {
            Ok(wanted) => wanted,
            Err(why) => return refused(why),
        };
        let needed = self.places.needed(&effect.to);
        if needed.is_empty() {
            return refused("there is no DNSEndpoint for these regions");
        }
        // What leaves one object unchanged must show before another is changed.
        let mut owed = Vec::new();
        for endpoint in needed {
            match self.owed(endpoint, &expected, &wanted).await {
                Ok(Some((kept, records))) => owed.push((endpoint, kept, records)),
                Ok(None) => {}
                Err(answer) => return answer,
            }
        }
        for (number, (endpoint, kept, records)) in owed.iter().enumerate() {
            let replaced = endpoint.replace(kept, records).await;
            let answer = match replaced.map(|now| self.unmet(&now, &wanted)) {
                Ok(None) => continue,
                Ok(Some(problem)) => Answer::Unknown {
                    status: None,
                    detail: format!("{endpoint} was changed, and {problem}"),
                },
                Err(trouble) => stale_or(trouble, endpoint),
            };
            return match (answer, number) {
                // One was changed before, so it cannot be said that nothing was done.
                (
                    Answer::NotSent { detail, .. }
                    | Answer::Refused { message: detail, .. }
                    | Answer::Stale { message: detail },
                    1..,
                ) => Answer::Unknown { status: None, detail },
                (answer, _) => answer,
            };
        }
        self.others(&effect.to, &expected, &wanted).await;
        Answer::Done
    }

    /// Changes what should follow. That a lost region's API server cannot be reached holds up nothing, and whether somebody
    /// there changes the names back is seen where they are read.
    async fn others(&self, to: &BTreeSet<RegionId>, expected: &Records, wanted: &BTreeSet<Target>) {
        let each = self.places.others(to).into_iter().map(async |endpoint| {
            let outcome = async {
                match self.owed(endpoint, expected, wanted).await {
                    Ok(None) => Ok(()),
                    Ok(Some((kept, records))) => (endpoint.replace(&kept, &records).await)
                        .map(drop)
                        .map_err(|trouble| trouble.to_string()),
                    Err(answer) => Err(answer.words()),
                }
            };
            let problem = match self.clock.timeout(self.update.limit, outcome).await {
                Ok(Ok(())) => return,
                Ok(Err(problem)) => problem,
                Err(_) => format!("no answer within {:?}", self.update.limit),
            };
            tracing::warn!(%endpoint, problem, "left as it is");
        });
        join_all(each).await;
    }

    /// The records as the name server has them.
    async fn records(&self) -> Option<Records> {
        let Sight::Seen(seen) = self.names.look().await else {
            return None;
        };
        Records::of_version(&seen.version?)
    }

    /// What an object has to become; `None` if it is that already.
    async fn owed(
        &self,
        endpoint: &DnsEndpoint,
        expected: &Records,
        wanted: &BTreeSet<Target>,
    ) -> Result<Option<(Kept, Vec<Value>)>, Answer> {
        let kept = endpoint.read().await.map_err(|trouble| {
            let is_missing = trouble.is_missing();
            match (is_missing, trouble.answer()) {
                (true, Answer::Refused { status, message }) => Answer::Refused {
                    status,
                    message: format!(
                        "{message}. Nothing was changed: c8dr changes a DNSEndpoint that is there, and makes none"
                    ),
                },
                // It was only read.
                (_, Answer::Unknown { detail, .. }) => Answer::Refused {
                    status: 412,
                    message: format!("nothing was changed: {detail}"),
                },
                (_, answer) => answer,
            }
        })?;
        match owed(&kept.records, expected, wanted, self.update.ttl_s) {
            Ok(None) => Ok(None),
            Ok(Some(records)) => Ok(Some((kept, records))),
            Err(Unfit::Moved(why)) => Err(Answer::Stale {
                message: format!("{endpoint}: {why}"),
            }),
            Err(Unfit::Never(why)) => Err(Answer::Refused {
                status: 412,
                message: format!("nothing was changed in {endpoint}: {why}"),
            }),
        }
    }

    /// What is not as it was told, if anything.
    fn unmet(&self, now: &Kept, wanted: &BTreeSet<Target>) -> Option<String> {
        self.update
            .names
            .iter()
            .find_map(|name| match targets(&now.records, name) {
                Ok(found) if found == *wanted => None,
                Ok(found) => Some(format!("its {name} leads to {} then", words(&found))),
                Err(Unfit::Moved(why) | Unfit::Never(why)) => Some(why),
            })
    }
}

/// A refused change of an object that has moved on is not another change that is pending.
fn stale_or(trouble: Trouble, endpoint: &DnsEndpoint) -> Answer {
    match trouble.answer() {
        Answer::Conflict { message } => Answer::Stale {
            message: format!("{endpoint}: {message}"),
        },
        answer => answer,
    }
}

/// The records that an object should have; `None` if it has them.
fn owed(
    records: &[Value],
    expected: &Records,
    wanted: &BTreeSet<Target>,
    ttl_s: u32,
) -> Result<Option<Vec<Value>>, Unfit> {
    let mut owed = None;
    for (name, before) in &expected.names {
        let found = targets(records, name)?;
        if found == *wanted {
            continue;
        }
        if found != *before {
            return Err(Unfit::Moved(format!(
                "it has {} for {name}, which is neither what the name server has ({}) nor what is wanted ({})",
                words(&found),
                words(before),
                words(wanted)
            )));
        }
        let current = owed.as_deref().unwrap_or(records);
        owed = Some(pointed(current, name, wanted, ttl_s));
    }
    Ok(owed)
}

fn text<'a>(record: &'a Value, key: &str) -> &'a str {
    record.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Whether a record leads somewhere by this name.
fn is_of(record: &Value, name: &str) -> bool {
    plain_name(text(record, "dnsName")).as_deref() == Some(name)
        && TYPES.contains(&text(record, "recordType"))
}

/// Where a name leads by the records of an object.
fn targets(records: &[Value], name: &str) -> Result<BTreeSet<Target>, Unfit> {
    let mut found = BTreeSet::new();
    for record in records.iter().filter(|record| is_of(record, name)) {
        if !text(record, "setIdentifier").is_empty() {
            return Err(Unfit::Never(format!(
                "{name} has a record with `setIdentifier`: one of several that share it by weight or place. Those are not compared and set here"
            )));
        }
        let listed = record.get("targets").and_then(Value::as_array);
        for target in listed.into_iter().flatten() {
            let kind = text(record, "recordType");
            let read = target.as_str().and_then(|target| target.parse::<Target>().ok());
            match read.filter(|target| target.kind() == kind) {
                Some(target) => found.insert(target),
                None => {
                    return Err(Unfit::Moved(format!(
                        "{name} has {} as a target of type {}",
                        shown(target.to_string().as_bytes(), 80),
                        shown(kind.as_bytes(), 10)
                    )));
                }
            };
        }
    }
    Ok(found)
}

/// The records with a name that leads to `wanted` and nowhere else. What else stands with the name (labels, a provider's own
/// settings) is kept, and so are the records of all others.
fn pointed(records: &[Value], name: &str, wanted: &BTreeSet<Target>, ttl_s: u32) -> Vec<Value> {
    let fresh = || json!({"dnsName": name});
    let pattern = records.iter().find(|record| is_of(record, name)).cloned();
    let pattern = pattern.unwrap_or_else(fresh);
    let mut pointed: Vec<Value> = records
        .iter()
        .filter(|record| !is_of(record, name))
        .cloned()
        .collect();
    for kind in TYPES {
        let targets: Vec<String> = (wanted.iter())
            .filter(|target| target.kind() == kind)
            .map(ToString::to_string)
            .collect();
        if targets.is_empty() {
            continue;
        }
        let mut record = pattern.clone();
        if let Value::Object(fields) = &mut record {
            fields.insert("recordType".to_owned(), kind.into());
            fields.insert("recordTTL".to_owned(), ttl_s.into());
            fields.insert("targets".to_owned(), targets.into());
        }
        pointed.push(record);
    }
    pointed
}

fn words(targets: &BTreeSet<Target>) -> String {
    let each: Vec<String> = targets.iter().map(ToString::to_string).collect();
    match each.is_empty() {
        true => "nothing".to_owned(),
        false => each.join(" and "),
    }
}

impl Traffic for ExternalDns {
    fn place(&self) -> String {
        let names: Vec<&str> = self.update.names.iter().map(String::as_str).collect();
        let objects: Vec<String> = match &self.places {
            Places::One(one) => vec![one.to_string()],
            Places::Each(each) => each.values().map(ToString::to_string).collect(),
        };
        format!(
            "{} in {}, read from {}",
            names.join(", "),
            objects.join(" and "),
            self.update.server
        )
    }

    fn look(&self) -> BoxFuture<'_, Sight<TrafficSight>> {
        self.names.look()
    }

    fn command(&self, to: &BTreeSet<RegionId>) -> Vec<String> {
        let wanted = self.update.targets.of(to);
        let mut lines = Vec::new();
        for endpoint in self.places.needed(to) {
            lines.push(format!(
                "{} edit dnsendpoint {}",
                endpoint.kubectl(),
                endpoint.name
            ));
        }
        for name in &self.update.names {
            for record in pointed(&[], name, &wanted, self.update.ttl_s) {
                lines.push(format!(
                    "# {record}   # this, and no other A, AAAA or CNAME of {name}"
                ));
            }
        }
        let server = &self.update.server;
        lines.extend((self.update.names.iter()).map(|name| {
            format!(
                "dig +norecurse -p {} @{} {name}   # read it back",
                server.port, server.host
            )
        }));
        lines
    }

    fn perform<'a>(&'a self, effect: &'a TrafficEffect) -> BoxFuture<'a, Answer> {
        Box::pin(self.change(effect))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "gateway.dr.test";

    fn set(list: &[&str]) -> BTreeSet<Target> {
        list.iter().map(|target| target.parse().unwrap()).collect()
    }

    fn expected(list: &[&str]) -> Records {
        Records {
            names: [(NAME.to_owned(), set(list))].into(),
            ttl_s: None,
        }
    }

    fn record(name: &str, kind: &str, targets: &[&str]) -> Value {
        json!({"dnsName": name, "recordType": kind, "recordTTL": 300, "targets": targets,
            "labels": {"team": "payments"}, "providerSpecific": [{"name": "p", "value": "v"}]})
    }

    #[test]
    fn only_the_names_own_records_are_replaced() {
        let held = [
            record("other.dr.test", "A", &["10.0.0.10"]),
            record("Gateway.dr.test.", "A", &["10.0.0.10", "10.1.0.10"]),
            record(NAME, "TXT", &["kept"]),
        ];
        let owed = owed(
            &held,
            &expected(&["10.0.0.10", "10.1.0.10"]),
            &set(&["10.1.0.10", "fd00::1"]),
            5,
        );
        let owed = owed.unwrap().unwrap();
        assert_eq!(owed[..2], [held[0].clone(), held[2].clone()]);
        let mut a = held[1].clone();
        a["recordTTL"] = json!(5);
        a["targets"] = json!(["10.1.0.10"]);
        assert_eq!(owed[2], a, "its labels and settings are kept");
        assert_eq!(
            (&owed[3]["recordType"], &owed[3]["targets"]),
            (&json!("AAAA"), &json!(["fd00::1"]))
        );
        assert_eq!(owed.len(), 4);
    }

    #[test]
    fn what_is_so_already_is_left_alone() {
        let held = [record(NAME, "CNAME", &["LB1.example.org."])];
        let owed = owed(
            &held,
            &expected(&["lb0.example.org"]),
            &set(&["lb1.example.org"]),
            5,
        );
        assert_eq!(owed, Ok(None));
        // A name that nobody has yet, as the name server says.
        let made = super::owed(&[], &expected(&[]), &set(&["10.1.0.10"]), 5)
            .unwrap()
            .unwrap();
        assert_eq!(
            made,
            [json!({"dnsName": NAME, "recordType": "A", "recordTTL": 5, "targets": ["10.1.0.10"]})]
        );
    }

    #[test]
    fn what_is_neither_old_nor_new_is_left_alone() {
        let try_with = |records: &[Value]| owed(records, &expected(&["10.0.0.10"]), &set(&["10.1.0.10"]), 5);
        for (records, says) in [
            (vec![record(NAME, "A", &["192.0.2.7"])], "192.0.2.7"),
            (
                vec![record(NAME, "A", &["10.0.0.10", "192.0.2.7"])],
                "neither what the name server has",
            ),
            (vec![], "it has nothing for gateway.dr.test"),
            (vec![record(NAME, "A", &["not an address"])], "not an address"),
            (
                vec![record(NAME, "AAAA", &["10.0.0.10"])],
                "as a target of type AAAA",
            ),
        ] {
            let Err(Unfit::Moved(why)) = try_with(&records) else {
                panic!("{records:?}")
            };
            assert!(why.contains(says), "{why}");
        }
        let mut weighted = record(NAME, "A", &["10.0.0.10"]);
        weighted["setIdentifier"] = json!("london");
        let never = try_with(&[weighted]);
        assert!(
            matches!(&never, Err(Unfit::Never(why)) if why.contains("setIdentifier")),
            "{never:?}"
        );
    }
}
