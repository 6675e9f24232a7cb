//! The serialized form of what leaves this crate: plans, diagnoses, run events.
//!
//! There is one form, and the types that carry it derive it themselves; kept samples hold them to it. The compatibility
//! rule (`docs/reference/formats.md`): a reader refuses a format above its own with a message that names both; within a
//! format fields may be added with a default that is not written, never removed, renamed or given another meaning. Raising
//! [`FORMAT`] needs a reader for the old.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::plan::Plan;

/// The version of the form that this build writes.
pub const FORMAT: u32 = 1;

/// A plan's fingerprint: SHA-256 over its JSON, in hexadecimal.
///
/// # Errors
/// If the plan cannot be written as JSON, which its types exclude.
pub fn fingerprint(plan: &Plan) -> Result<String, serde_json::Error> {
    Ok(hex(&Sha256::digest(serde_json::to_vec(plan)?)))
}

/// The field of a saved plan that holds its fingerprint.
pub const FINGERPRINT: &str = "fingerprint";

/// A plan as it is saved: its JSON with its [`fingerprint`], so that one that was edited or torn is told from one that was
/// looked at and checked.
///
/// # Errors
/// If the plan cannot be written as JSON, which its types exclude.
pub fn sealed(plan: &Plan) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Sealed<'a> {
        #[serde(flatten)]
        plan: &'a Plan,
        fingerprint: String,
    }
    let fingerprint = fingerprint(plan)?;
    serde_json::to_string_pretty(&Sealed { plan, fingerprint }).map(|text| text + "\n")
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
