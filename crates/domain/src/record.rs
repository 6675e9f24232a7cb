//! The serialized form of what leaves this crate: plans, diagnoses, run events.
//!
//! There is one form, and the types that carry it derive it themselves; a snapshot test keeps it from drifting. The
//! compatibility rule: a reader refuses a format above its own with a message that names both; within a format fields may
//! be added with a default, never removed, renamed or given another meaning. Raising [`FORMAT`] needs a reader for the old.

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
