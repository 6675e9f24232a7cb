//! The messages of the DNS that are sent here, and what is read of their answers. RFC 1035, RFC 2136.

use std::collections::{BTreeMap, BTreeSet};

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode, UpdateMessage};
use hickory_proto::rr::rdata::{A, AAAA, CNAME};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use super::records::{Records, Target, plain_name};

/// The types of records that lead anywhere.
pub(super) const TYPES: [RecordType; 3] = [RecordType::A, RecordType::AAAA, RecordType::CNAME];

/// A name that is whole: with the dot at its end.
pub(super) fn whole(name: &str) -> Result<Name, String> {
    let mut whole = Name::from_ascii(name).map_err(|error| format!("{name}: {error}"))?;
    whole.set_fqdn(true);
    Ok(whole)
}

/// A question for one type of one name's records. No recursion: what another server has kept is not wanted.
pub(super) fn question(id: u16, name: &Name, kind: RecordType) -> Message {
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = false;
    message.add_query(Query::query(name.clone(), kind));
    message
}

/// What an answer says of a name: its targets, and how long they may be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) targets: BTreeSet<Target>,
    pub(super) ttl_s: Option<u32>,
}

/// Why an answer is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The server says no.
    Declined(ResponseCode),
    /// The server answers from what it has heard, not from what it knows.
    NotAuthoritative,
    /// It is not an answer to this question.
    Garbled(String),
}

/// Reads an answer to a [`question`].
pub(super) fn answered(message: &Message, id: u16, name: &Name) -> Result<Answered, NoAnswer> {
    is_answer(message, id, OpCode::Query)?;
    match message.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        other => return Err(NoAnswer::Declined(other)),
    }
    if !message.metadata.authoritative {
        return Err(NoAnswer::NotAuthoritative);
    }
    if message.metadata.truncation {
        return Err(NoAnswer::Garbled("the answer is cut".to_owned()));
    }
    let mut answered = Answered::default();
    for record in message.answers.iter().filter(|record| record.name == *name) {
        let target = match &record.data {
            RData::A(A(address)) => Target::V4(*address),
            RData::AAAA(AAAA(address)) => Target::V6(*address),
            RData::CNAME(CNAME(name)) => {
                let name = name.to_ascii();
                let plain = plain_name(&name);
                Target::Name(plain.ok_or_else(|| NoAnswer::Garbled(format!("it leads to {name:?}")))?)
            }
            _ => continue,
        };
        answered.targets.insert(target);
        answered.ttl_s = answered.ttl_s.max(Some(record.ttl));
    }
    Ok(answered)
}

pub(super) fn is_answer(message: &Message, id: u16, op: OpCode) -> Result<(), NoAnswer> {
    let is_one = message.metadata.id == id
        && message.metadata.message_type == MessageType::Response
        && message.metadata.op_code == op;
    match is_one {
        true => Ok(()),
        false => Err(NoAnswer::Garbled("it answers another question".to_owned())),
    }
}

/// An update that makes each name lead to `wanted` and to nothing else, if all names lead just where they are expected to.
pub(super) fn update(
    id: u16,
    zone: &Name,
    expected: &Records,
    wanted: &BTreeSet<Target>,
    ttl_s: u32,
) -> Result<Message, String> {
    let mut message = Message::new(id, MessageType::Query, OpCode::Update);
    message.metadata.recursion_desired = false;
    let mut zone_section = Query::query(zone.clone(), RecordType::SOA);
    zone_section.set_query_class(DNSClass::IN);
    message.add_zone(zone_section);
    let mut updates = Vec::new();
    for (name, before) in &expected.names {
        let name = whole(name)?;
        let mut by_type: BTreeMap<u16, Vec<Record>> = BTreeMap::new();
        for target in before {
            // Every record of a set together say "exists just so"; the time to live does not count. RFC 2136 §2.4.2
            let record = record(&name, target, 0)?;
            by_type
                .entry(record.record_type().into())
                .or_default()
                .push(record);
        }
        for kind in TYPES {
            match by_type.remove(&kind.into()) {
                Some(records) => {
                    message.add_pre_requisites(records);
                    // The whole set goes. §2.5.2
                    updates.push(empty(&name, kind, DNSClass::ANY));
                }
                // "Does not exist". §2.4.3
                None => message.add_pre_requisite(empty(&name, kind, DNSClass::NONE)),
            }
        }
        for target in wanted {
            updates.push(record(&name, target, ttl_s)?);
        }
    }
    message.add_updates(updates);
    Ok(message)
}

fn empty(name: &Name, kind: RecordType, class: DNSClass) -> Record {
    let mut record = Record::update0(name.clone(), 0, kind).into_record_of_rdata();
    record.dns_class = class;
    record
}

fn record(name: &Name, target: &Target, ttl_s: u32) -> Result<Record, String> {
    let data = match target {
        Target::V4(address) => RData::A(A(*address)),
        Target::V6(address) => RData::AAAA(AAAA(*address)),
        Target::Name(name) => RData::CNAME(CNAME(whole(name)?)),
    };
    let mut record = Record::from_rdata(name.clone(), ttl_s, data);
    record.dns_class = DNSClass::IN;
    Ok(record)
}
