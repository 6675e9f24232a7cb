//! The direction record: which region was given up, written once, outside this machine. Guarantee G1.
//!
//! `INSTALLATION/direction/000001.json` is put if absent before the first force; `000001.closed.json` when a failback is
//! verified. The next loss takes the next number. Of any number of machines that try at once, one writes it.

use c8dr_domain::ids::{RegionId, RunId};
use c8dr_domain::observation::Sight;
use c8dr_domain::plain;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ports::{Bucket, PutNew};

/// The version of the form that this build writes, and the highest that it reads.
const FORMAT: u32 = 1;

/// How often a record is written under a number that somebody else took just before.
const RACES_MAX: u32 = 8;

/// A region was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Direction {
    /// The version of this form.
    pub format: u32,
    /// Which loss this is of this installation, from 1.
    pub number: u32,
    /// The region that was given up.
    pub lost: RegionId,
    /// Its name, for people.
    pub lost_name: String,
    /// By which run.
    pub run: RunId,
    /// By whom, on which machine.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A direction came to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// The version of this form.
    pub format: u32,
    /// By which run.
    pub run: RunId,
    /// Why: `verified` failback, or the reason that somebody gave to override it.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

/// Why a direction record tells nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectionError {
    /// The bucket does not answer now, or refuses: it may do so later.
    #[error("{0}")]
    Unreachable(String),
    /// It is there, and no c8dr of this version can read it: a newer form, garbage, somebody else's file. It stays so until
    /// a person has seen to it.
    #[error("{0}")]
    Unreadable(String),
}

/// What holds of a record in every format, so that a newer one is told from garbage.
#[derive(Deserialize)]
struct AnyFormat {
    format: u64,
}

/// How a claim came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The record says what we are about to do.
    Granted(Direction),
    /// The record says the opposite: the other region was given up, and has not been brought back yet.
    Opposite(Direction),
    /// It could not be read or written now; nobody knows what it says.
    Unknown(String),
    /// It is there, and cannot be understood. Asking again does not help.
    Unreadable(String),
}

/// Reads the direction that is open: none, or the newest that was not closed.
///
/// # Errors
/// If it cannot be read.
pub async fn open(bucket: &dyn Bucket, installation: &str) -> Result<Option<Direction>, DirectionError> {
    newest(bucket, installation)
        .await
        .map(|newest| newest.and_then(|(direction, is_closed)| (!is_closed).then_some(direction)))
}

/// Claims a direction, before the first force.
pub async fn claim(bucket: &dyn Bucket, installation: &str, wanted: &Direction) -> Claim {
    for _ in 0..RACES_MAX {
        let newest = match newest(bucket, installation).await {
            Ok(newest) => newest,
            Err(DirectionError::Unreachable(words)) => return Claim::Unknown(words),
            Err(DirectionError::Unreadable(words)) => return Claim::Unreadable(words),
        };
        let number = match newest {
            Some((found, false)) if found.lost == wanted.lost => return Claim::Granted(found),
            Some((found, false)) => return Claim::Opposite(found),
            Some((found, true)) => match found.number.checked_add(1) {
                Some(next) => next,
                // No installation was ever lost so often: somebody else wrote it.
                None => {
                    return Claim::Unreadable(format!(
                        "The direction record {} in {} has the last number that there is.",
                        key(installation, found.number),
                        bucket.place()
                    ));
                }
            },
            None => 1,
        };
        let direction = Direction {
            format: FORMAT,
            number,
            ..wanted.clone()
        };
        match put(bucket, &key(installation, number), &direction).await {
            Ok(true) => return Claim::Granted(direction),
            // Somebody was faster: what they wrote is read.
            Ok(false) => {}
            Err(words) => return Claim::Unknown(words),
        }
    }
    Claim::Unknown("Others write the direction record all the time.".to_owned())
}

/// Closes a direction. Closing it again is fine.
///
/// # Errors
/// If it cannot be written, as a sentence.
pub async fn close(
    bucket: &dyn Bucket,
    installation: &str,
    direction: &Direction,
    run: &RunId,
    why: &str,
    at: Timestamp,
) -> Result<(), String> {
    let closed = Closed {
        format: FORMAT,
        run: run.clone(),
        why: why.to_owned(),
        at,
    };
    put(bucket, &closed_key(installation, direction.number), &closed)
        .await
        .map(|_| ())
}

/// The installation's own place in the bucket. A name may hold anything; a key may not.
pub fn place(installation: &str) -> String {
    installation
        .chars()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') => c,
            _ => '_',
        })
        .collect()
}

fn key(installation: &str, number: u32) -> String {
    format!("{}/direction/{number:06}.json", place(installation))
}

fn closed_key(installation: &str, number: u32) -> String {
    format!("{}/direction/{number:06}.closed.json", place(installation))
}

/// The newest direction, and whether it is closed.
async fn newest(
    bucket: &dyn Bucket,
    installation: &str,
) -> Result<Option<(Direction, bool)>, DirectionError> {
    let prefix = format!("{}/direction/", place(installation));
    let unreachable = DirectionError::Unreachable;
    let keys = read(
        bucket.list(&prefix).await,
        "The direction record cannot be listed",
    )
    .map_err(unreachable)?;
    let number = |key: &String| {
        let name = key.strip_prefix(&prefix)?;
        name.strip_suffix(".json")?.parse::<u32>().ok()
    };
    let Some(number) = keys.iter().filter_map(number).max() else {
        return Ok(None);
    };
    let key = key(installation, number);
    let bytes = read(bucket.get(&key).await, "The direction record cannot be read")
        .map_err(unreachable)?
        .ok_or_else(|| unreachable("The direction record was listed and is gone.".to_owned()))?;
    let direction = understood(&bytes, number).map_err(|why| {
        DirectionError::Unreadable(format!("The direction record {key} in {} {why}.", bucket.place()))
    })?;
    let is_closed = keys.contains(&closed_key(installation, number));
    Ok(Some((direction, is_closed)))
}

/// A record's bytes as what they say, or a predicate that says why not.
fn understood(bytes: &[u8], number: u32) -> Result<Direction, String> {
    // The error repeats what was found, however long that is.
    let no_record = |error: serde_json::Error| {
        let why = plain::quoted(&error.to_string(), 200);
        format!("is no direction record of c8dr: {why}")
    };
    let any: AnyFormat = serde_json::from_slice(bytes).map_err(no_record)?;
    if any.format > u64::from(FORMAT) {
        return Err(format!(
            "has format {}; this c8dr reads up to {FORMAT}",
            any.format
        ));
    }
    let direction: Direction = serde_json::from_slice(bytes).map_err(no_record)?;
    if direction.number != number {
        return Err(format!(
            "calls itself number {}: it does not belong there",
            direction.number
        ));
    }
    if direction.lost != RegionId(0) && direction.lost != RegionId(1) {
        return Err(format!(
            "names region {}, and there are regions 0 and 1",
            direction.lost
        ));
    }
    Ok(direction)
}

/// Puts a record if there is none; whether it is ours that is there now. An unknown outcome is settled by reading.
async fn put<T: Serialize>(bucket: &dyn Bucket, key: &str, record: &T) -> Result<bool, String> {
    let text = serde_json::to_string_pretty(record).map_err(|error| error.to_string())?;
    put_bytes(bucket, key, plain::json(text).into_bytes()).await
}

/// Puts bytes if nothing is there; whether exactly these are there now.
///
/// # Errors
/// If it is not known, as a sentence.
pub(crate) async fn put_bytes(bucket: &dyn Bucket, key: &str, bytes: Vec<u8>) -> Result<bool, String> {
    match bucket.put_new(key, bytes.clone()).await {
        PutNew::Written => Ok(true),
        PutNew::Exists | PutNew::Unknown { .. } => {
            match read(bucket.get(key).await, "What was written cannot be read back")? {
                Some(found) => Ok(found == bytes),
                None => Err(format!(
                    "Whether {key} was written to {} is not known.",
                    bucket.place()
                )),
            }
        }
        PutNew::Refused { why } => Err(format!("{} refuses {key}: {why}.", bucket.place())),
        PutNew::NotSent { why, detail } => {
            Err(format!("{} cannot be reached: {why} {detail}", bucket.place())
                .trim_end()
                .to_owned()
                + ".")
        }
    }
}

/// What was seen, or a sentence.
pub(crate) fn read<T>(sight: Sight<T>, what: &str) -> Result<T, String> {
    let instead = sight.instead().unwrap_or_default();
    match sight {
        Sight::Seen(value) => Ok(value),
        _ => Err(format!("{what}: {instead}.")),
    }
}
