//! What is sent to Route 53 and what it answers, in its XML of 2013-04-01.

use std::collections::BTreeSet;

use quick_xml::events::Event;
use serde::{Deserialize, Serialize};

use crate::dns::{Target, plain_name};
use crate::foreign::{page, shown};

const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";
/// The types of sets that lead anywhere.
const TYPES: [&str; 3] = ["A", "AAAA", "CNAME"];

/// A resource record set. What makes it another than a simple one is kept so far as to say so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RecordSet {
    name: String,
    #[serde(rename = "Type")]
    kind: String,
    #[serde(default, skip_serializing)]
    set_identifier: Option<String>,
    #[serde(default, skip_serializing)]
    health_check_id: Option<String>,
    #[serde(default, skip_serializing)]
    traffic_policy_instance_id: Option<String>,
    #[serde(default, skip_serializing)]
    alias_target: Option<Alias>,
    #[serde(rename = "TTL", default, skip_serializing_if = "Option::is_none")]
    pub(super) ttl_s: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource_records: Option<Values>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
struct Alias {
    #[serde(rename = "DNSName", default)]
    name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Values {
    #[serde(default)]
    resource_record: Vec<Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Value {
    value: String,
}

impl RecordSet {
    fn values(&self) -> impl Iterator<Item = &str> {
        self.resource_records
            .iter()
            .flat_map(|values| values.resource_record.iter().map(|value| value.value.as_str()))
    }

    /// Where it leads.
    ///
    /// # Errors
    /// Why that is not to be said, as a sentence: it is no simple set.
    pub(super) fn targets(&self) -> Result<BTreeSet<Target>, String> {
        let name = shown(self.name.as_bytes(), 100);
        let not_simple = |what: String| {
            Err(format!(
                "{name} {} is {what}: c8dr compares and sets simple sets alone. Give the name a simple set, or use `driver: command`",
                shown(self.kind.as_bytes(), 10)
            ))
        };
        if let Some(alias) = &self.alias_target {
            let to = shown(alias.name.as_bytes(), 100);
            return not_simple(format!(
                "an alias of {to}, which leads to what Route 53 makes of that"
            ));
        }
        if let Some(id) = &self.set_identifier {
            let id = shown(id.as_bytes(), 40);
            return not_simple(format!(
                "one of several sets (`{id}`) that share it by weight, place or fail-over"
            ));
        }
        if self.health_check_id.is_some() {
            return not_simple("a set that hangs on a health check".to_owned());
        }
        if self.traffic_policy_instance_id.is_some() {
            return not_simple("a set that a traffic policy made".to_owned());
        }
        let read = |value: &str| {
            let target = value.parse::<Target>().ok();
            target
                .filter(|target| target.kind() == self.kind)
                .ok_or_else(|| format!("{name} has {:?} as a value", shown(value.as_bytes(), 80)))
        };
        self.values().map(read).collect()
    }

    /// As the `aws` command takes it.
    pub(super) fn json(&self) -> serde_json::Value {
        let values: Vec<_> = self
            .values()
            .map(|value| serde_json::json!({"Value": value}))
            .collect();
        serde_json::json!({"Name": self.name, "Type": self.kind, "TTL": self.ttl_s, "ResourceRecords": values})
    }
}

/// The sets that lead a name to targets.
pub(super) fn sets_of(name: &str, wanted: &BTreeSet<Target>, ttl_s: u32) -> Vec<RecordSet> {
    let of = |kind: &&str| -> Option<RecordSet> {
        let values: Vec<Value> = (wanted.iter())
            .filter(|target| target.kind() == *kind)
            .map(|target| Value {
                value: target.to_string(),
            })
            .collect();
        (!values.is_empty()).then(|| RecordSet {
            name: format!("{name}."),
            kind: (*kind).to_owned(),
            ttl_s: Some(ttl_s),
            resource_records: Some(Values {
                resource_record: values,
            }),
            ..RecordSet::default()
        })
    };
    TYPES.iter().filter_map(of).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListAnswer {
    resource_record_sets: List,
    is_truncated: bool,
    #[serde(default)]
    next_record_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    #[serde(default)]
    resource_record_set: Vec<RecordSet>,
}

/// The sets of a name that lead anywhere, out of a list that begins with it.
pub(super) fn sets(body: &[u8], name: &str) -> Result<Vec<RecordSet>, String> {
    let list: ListAnswer = read(body, "ListResourceRecordSetsResponse")?;
    let is_of = |written: &str| plain_name(&unescaped(written)).as_deref() == Some(name);
    if list.is_truncated && list.next_record_name.as_deref().is_none_or(is_of) {
        return Err(format!("{name} has more sets than one answer holds"));
    }
    Ok((list.resource_record_sets.resource_record_set.into_iter())
        .filter(|set| is_of(&set.name) && TYPES.contains(&set.kind.as_str()))
        .collect())
}

/// Route 53 writes what is no letter, digit, hyphen or underscore as three octal digits: `\052` is an asterisk.
fn unescaped(name: &str) -> String {
    name.replace("\\052", "*")
}

/// A change that was taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Its id, without what stands before it in answers.
    pub(super) id: String,
    pub(super) is_in_sync: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeAnswer {
    change_info: ChangeInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeInfo {
    id: String,
    status: String,
}

/// Reads the answer to a batch, or to the question how far one is.
pub(super) fn change(body: &[u8]) -> Result<Change, String> {
    let root = root(body)?;
    if !matches!(
        root.as_str(),
        "ChangeResourceRecordSetsResponse" | "GetChangeResponse"
    ) {
        return Err(stranger(body, &root));
    }
    let ChangeAnswer { change_info } = read(body, &root)?;
    let id = change_info.id.strip_prefix("/change/").unwrap_or(&change_info.id);
    let is_id = !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match (is_id, change_info.status.as_str()) {
        (true, status @ ("PENDING" | "INSYNC")) => Ok(Change {
            id: id.to_owned(),
            is_in_sync: status == "INSYNC",
        }),
        (_, status) => Err(format!(
            "change {:?} is {:?}",
            shown(id.as_bytes(), 80),
            shown(status.as_bytes(), 40)
        )),
    }
}

/// What is done with a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Action {
    /// Only if it is just so.
    Delete,
    /// Only if there is none.
    Create,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeRequest {
    #[serde(rename = "@xmlns")]
    namespace: &'static str,
    change_batch: Batch,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    comment: &'static str,
    changes: Changes,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Changes {
    change: Vec<OneChange>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OneChange {
    action: Action,
    resource_record_set: RecordSet,
}

/// A batch: all of it is done, or nothing.
pub(super) fn batch(changes: Vec<(Action, RecordSet)>) -> Result<String, String> {
    let change = changes
        .into_iter()
        .map(|(action, resource_record_set)| OneChange {
            action,
            resource_record_set,
        })
        .collect();
    let request = ChangeRequest {
        namespace: NAMESPACE,
        change_batch: Batch {
            comment: "c8dr: the users' names",
            changes: Changes { change },
        },
    };
    quick_xml::se::to_string_with_root("ChangeResourceRecordSetsRequest", &request)
        .map(|text| format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}"))
        .map_err(|error| error.to_string())
}

/// An answer that is no success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// Amazon's own code, such as `InvalidChangeBatch`; empty if what came has none.
    code: String,
    message: String,
}

impl Refusal {
    /// The batch was refused because a set is not what it was taken for.
    pub(super) fn is_moved(&self) -> bool {
        let says = [
            "it was not found",
            "do not match the current values",
            "already exists",
        ];
        self.code == "InvalidChangeBatch" && says.iter().any(|words| self.message.contains(words))
    }

    /// The same may be taken a moment later.
    pub(super) fn is_momentary(&self) -> bool {
        matches!(
            self.code.as_str(),
            "Throttling"
                | "ThrottlingException"
                | "PriorRequestNotComplete"
                | "RequestLimitExceeded"
                | "ServiceUnavailable"
        ) || matches!(self.status, 429 | 500..)
    }

    /// What it says, with what that usually means.
    pub(super) fn words(&self) -> String {
        let meaning = match self.code.as_str() {
            "SignatureDoesNotMatch" => "the secret key is wrong, or this machine's clock is",
            "InvalidClientTokenId" | "UnrecognizedClientException" => "there is no such access key",
            "ExpiredToken" | "ExpiredTokenException" => "the session token has expired: get a new one",
            "RequestExpired" | "RequestTimeTooSkewed" => "this machine's clock is wrong",
            "AccessDenied" | "AccessDeniedException" => {
                "this key may not: it needs route53:ListResourceRecordSets and route53:ChangeResourceRecordSets on the zone, and route53:GetChange"
            }
            "NoSuchHostedZone" => "there is no such zone for this account: see `hostedZone`",
            "Throttling" | "ThrottlingException" => "the account asks Route 53 too often",
            "PriorRequestNotComplete" => "another change of the zone is not done yet",
            _ => "",
        };
        let code = match self.code.is_empty() {
            true => String::new(),
            false => format!(" {}", self.code),
        };
        match meaning {
            "" => format!("Route 53 says {}{code}: {}", self.status, self.message),
            meaning => format!("Route 53 says {}{code}, {meaning}: {}", self.status, self.message),
        }
    }
}

/// Both shapes of an error: the general one, and that of a batch alone.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ErrorAnswer {
    error: ErrorPart,
    messages: Messages,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ErrorPart {
    code: String,
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Messages {
    message: Vec<String>,
}

/// Reads an answer that is no success, whatever it is. Nothing secret may be in it any more.
pub(super) fn refusal(status: u16, body: &[u8]) -> Refusal {
    let plain = |code: &str, message: &str| Refusal {
        status,
        code: shown(code.as_bytes(), 60),
        message: shown(message.as_bytes(), 400),
    };
    let text = String::from_utf8_lossy(body);
    let Ok(root) = root(body) else {
        return plain("", &text);
    };
    let Ok(answer) = quick_xml::de::from_str::<ErrorAnswer>(&text) else {
        return plain("", &text);
    };
    match root.as_str() {
        "ErrorResponse" => plain(&answer.error.code, &answer.error.message),
        "InvalidChangeBatch" => plain(&root, &answer.messages.message.join("; ")),
        _ => match page(None, body) {
            Some(title) => plain(
                "",
                &format!("an HTML page, {title:?}: a proxy or a login page answered"),
            ),
            None => plain("", &text),
        },
    }
}

/// Reads an answer whose outermost element is `wanted`.
fn read<T: serde::de::DeserializeOwned>(body: &[u8], wanted: &str) -> Result<T, String> {
    let found = root(body)?;
    if found != wanted {
        return Err(stranger(body, &found));
    }
    let text = std::str::from_utf8(body).map_err(|_| "the answer is not UTF-8".to_owned())?;
    quick_xml::de::from_str(text).map_err(|error| format!("the answer is no {wanted}: {error}"))
}

fn stranger(body: &[u8], root: &str) -> String {
    match page(None, body) {
        Some(title) => format!("an HTML page, {title:?}: a proxy or a login page answered, not Route 53"),
        None => format!("the answer is a {:?}", shown(root.as_bytes(), 60)),
    }
}

/// The name of the outermost element.
fn root(body: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the answer is not UTF-8".to_owned())?;
    let mut reader = quick_xml::Reader::from_str(text);
    loop {
        match reader.read_event() {
            Ok(Event::Start(start) | Event::Empty(start)) => {
                return Ok(String::from_utf8_lossy(start.local_name().as_ref()).into_owned());
            }
            Ok(Event::Eof) => return Err("the answer is empty".to_owned()),
            Ok(_) => {}
            Err(error) => return Err(format!("the answer is no XML: {error}")),
        }
    }
}
