//! `GET /actuator/configprops/…`: whether a broker flushes its log before it acknowledges.
//!
//! Spring lists each bean with a prefix and its properties as an object. Where the setting stands has changed between versions
//! (`raft.flush.enabled` and `.delayTime`; `raft.flush-enabled` and `-delay` as documented for later ones), so it is looked
//! for below `raft`, wherever that is. Not recorded on a real broker: what is not found is not said.

use c8dr_domain::ready::survey::Flush;
use serde_json::Value;

use super::{Garbled, json};

/// Reads whether the log is flushed.
///
/// # Errors
/// If it is no JSON object.
pub fn flush(body: &[u8]) -> Result<Flush, Garbled> {
    let whole: serde_json::Map<String, Value> = json::read(body)?;
    Ok(whole
        .values()
        .find_map(|value| below(value, 0))
        .unwrap_or(Flush::Unsaid))
}

/// Deeper than beans are nested anywhere; a bound for what is not ours.
const DEPTH_MAX: usize = 16;

fn below(value: &Value, depth: usize) -> Option<Flush> {
    let fields = value.as_object().filter(|_| depth < DEPTH_MAX)?;
    fields.iter().find_map(|(name, value)| match name.as_str() {
        "raft" => of_raft(value),
        _ => below(value, depth + 1),
    })
}

fn of_raft(raft: &Value) -> Option<Flush> {
    let nested = raft.get("flush");
    let field = |inner: &str, outer: [&str; 2]| {
        nested
            .and_then(|flush| flush.get(inner))
            .or_else(|| outer.iter().find_map(|name| raft.get(*name)))
    };
    let is_on = match field("enabled", ["flushEnabled", "flush-enabled"])? {
        Value::Bool(is_on) => *is_on,
        Value::String(text) if text == "true" => true,
        Value::String(text) if text == "false" => false,
        // Masked, or something else.
        _ => return None,
    };
    let delay = field("delayTime", ["flushDelay", "flush-delay"]);
    let is_delayed = match delay {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !matches!(text.as_str(), "PT0S" | "0" | "0s" | "0ms" | ""),
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        // A duration as an object: any part that is not nought.
        Some(Value::Object(parts)) => parts
            .values()
            .any(|part| part.as_f64().is_some_and(|part| part > 0.0)),
        Some(_) => false,
    };
    Some(match (is_on, is_delayed) {
        (false, _) => Flush::Off,
        (true, true) => Flush::Delayed,
        (true, false) => Flush::AtOnce,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bean(raft: &str) -> Flush {
        let body = format!(
            r#"{{"contexts":{{"Zeebe":{{"beans":{{"zeebe.broker-Cfg":{{"prefix":"zeebe.broker","properties":{{"cluster":{{"raft":{raft}}}}}}}}}}}}}}}"#
        );
        flush(body.as_bytes()).unwrap()
    }

    #[test]
    fn it_is_found_below_raft_in_every_form() {
        assert_eq!(
            bean(r#"{"flush":{"enabled":true,"delayTime":"PT0S"}}"#),
            Flush::AtOnce
        );
        assert_eq!(
            bean(r#"{"flush":{"enabled":true,"delayTime":"PT5S"}}"#),
            Flush::Delayed
        );
        assert_eq!(bean(r#"{"flush":{"enabled":false}}"#), Flush::Off);
        assert_eq!(bean(r#"{"flushEnabled":"false"}"#), Flush::Off);
        assert_eq!(
            bean(r#"{"flush-enabled":true,"flush-delay":"0s"}"#),
            Flush::AtOnce
        );
    }

    #[test]
    fn what_is_not_found_is_not_said() {
        assert_eq!(bean(r#"{"flush":{}}"#), Flush::Unsaid);
        assert_eq!(bean(r#"{"flush":{"enabled":"******"}}"#), Flush::Unsaid);
        assert_eq!(flush(b"{}").unwrap(), Flush::Unsaid);
        assert!(flush(b"[]").is_err());
        let deep = format!("{}1{}", r#"{"a":"#.repeat(100), "}".repeat(100));
        assert_eq!(flush(deep.as_bytes()).unwrap(), Flush::Unsaid);
    }
}
