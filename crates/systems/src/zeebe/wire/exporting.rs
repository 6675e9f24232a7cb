//! The answers to a pause and a resume: HTTP 200 that wraps what really happened.
//!
//! `{"body":null,"status":204}` is success; `{"body":{"message":…},"status":500}` is a failure, also as HTTP 200; a broker
//! asked by itself answers with its partitions. `spec: api.md §4`, `edge-cases.md E3`

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
    let value: Value = json::read(body)?;
    let Some(object) = value.as_object() else {
        return Err(Garbled::content("", "this is no object"));
    };
    if let Some(status) = object.get("status") {
        let status = status
            .as_u64()
            .and_then(|status| u16::try_from(status).ok())
            .ok_or_else(|| Garbled::content("status", "this is no status"))?;
        if status == 204 {
            return Ok(ExportingOutcome::Done);
        }
        let message = value.pointer("/body/message").and_then(Value::as_str);
        return Ok(ExportingOutcome::Failed {
            status,
            message: message.unwrap_or("no message").to_owned(),
        });
    }
    // A broker's own answer: its partitions by number, each with its phase. Whether it is the wanted one is read again.
    let is_partitions = !object.is_empty()
        && object
            .iter()
            .all(|(id, replica)| id.parse::<u32>().is_ok() && replica.get("exporterPhase").is_some());
    if is_partitions {
        return Ok(ExportingOutcome::Done);
    }
    Err(Garbled::content("", "it has neither a status nor partitions"))
}
