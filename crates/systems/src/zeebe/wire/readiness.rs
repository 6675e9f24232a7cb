//! `GET /actuator/health/readiness`. `spec: api.md §5`

use serde::Deserialize;

use super::Garbled;
use super::json::read;

/// Reads a health answer: whether it says `UP`.
pub fn ready(body: &[u8]) -> Result<bool, Garbled> {
    read::<WireHealth>(body).map(|health| health.status == "UP")
}

#[derive(Deserialize)]
struct WireHealth {
    status: String,
}
