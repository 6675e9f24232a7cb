//! The answers to a pause and a resume: HTTP 200 that wraps what really happened.
//!
//! `{"body":null,"status":204}` is success; `{"body":{"message":…},"status":500}` is a failure, also as HTTP 200.
//! `spec: api.md §4`, `edge-cases.md E3`

use serde::Deserialize;
use serde_json::Value;

use super::{Garbled, json};

/// What the body of a 200 says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportingOutcome {
    /// It was done.
    Done,
    /// It failed as a whole, and may have done half.
    Failed {
        /// The status inside.
        status: u16,
        /// The message inside.
        message: String,
    },
}

/// Reads the body of a 200.
///
/// # Errors
/// If it says neither: then nothing is known.
pub fn exporting_outcome(body: &[u8]) -> Result<ExportingOutcome, Garbled> {
    let Wrapped { status, body } = json::read(body)?;
    if status == 204 {
        return Ok(ExportingOutcome::Done);
    }
    // The body of a failure is a whole Java exception with its stack; only its message is for people.
    let message = match body.as_ref() {
        Some(Value::String(text)) => Some(text.as_str()),
        Some(other) => other.get("message").and_then(Value::as_str),
        None => None,
    };
    Ok(ExportingOutcome::Failed {
        status,
        message: message
            .map(|message| super::shown(message.as_bytes(), 1000))
            .filter(|message| !message.is_empty())
            .unwrap_or_else(|| "no message".to_owned()),
    })
}

#[derive(Deserialize)]
struct Wrapped {
    status: u16,
    #[serde(default)]
    body: Option<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn failed(body: &str, status: u16, message: &str) {
        let outcome = exporting_outcome(body.as_bytes()).unwrap();
        assert_eq!(
            outcome,
            ExportingOutcome::Failed {
                status,
                message: message.to_owned()
            }
        );
    }

    #[test]
    fn only_204_inside_is_success() {
        let done = br#"{"body":null,"status":204,"contentType":null}"#;
        assert_eq!(exporting_outcome(done), Ok(ExportingOutcome::Done));
        failed(r#"{"status":200}"#, 200, "no message");
        failed(r#"{"body":{"message":"why"},"status":500}"#, 500, "why");
        failed(
            r#"{"body":{"message":null,"cause":{}},"status":500}"#,
            500,
            "no message",
        );
        failed(r#"{"body":"plain","status":503}"#, 503, "plain");
        failed(
            r#"{"body":{"message":"a\u001b[2J"},"status":500}"#,
            500,
            "a\\u{1b}[2J",
        );
    }

    #[test]
    fn anything_else_says_nothing() {
        for body in [
            "",
            " ",
            "null",
            "[]",
            "{}",
            "204",
            "OK",
            r#"{"status":"204"}"#,
            r#"{"status":70000}"#,
            r#"{"status":204.0}"#,
            r#"{"1":{"role":"LEADER","exporterPhase":"EXPORTING"}}"#,
        ] {
            assert!(exporting_outcome(body.as_bytes()).is_err(), "{body}");
        }
    }
}
