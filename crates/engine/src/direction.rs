//! The direction record: which region was given up, written once, outside this machine. Guarantee G1.
//!
//! `INSTALLATION/direction/000001.json` is put if absent before the first force; `000001.closed.json` when a failback is
//! verified. The next loss takes the next number. Of any number of machines that try at once, one writes it.

use c8dr_domain::ids::{RegionId, RunId};
use c8dr_domain::observation::Sight;
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

/// How a claim came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The record says what we are about to do.
    Granted(Direction),
    /// The record says the opposite: the other region was given up, and has not been brought back yet.
    Opposite(Direction),
    /// It could not be read or written; nobody knows what it says.
    Unknown(String),
}

/// Reads the direction that is open: none, or the newest that was not closed.
///
/// # Errors
/// If it cannot be read, as a sentence.
pub async fn open(bucket: &dyn Bucket, installation: &str) -> Result<Option<Direction>, String> {
    newest(bucket, installation)
        .await
        .map(|newest| newest.and_then(|(direction, is_closed)| (!is_closed).then_some(direction)))
}

/// Claims a direction, before the first force.
pub async fn claim(bucket: &dyn Bucket, installation: &str, wanted: &Direction) -> Claim {
    for _ in 0..RACES_MAX {
        let newest = match newest(bucket, installation).await {
            Ok(newest) => newest,
            Err(words) => return Claim::Unknown(words),
        };
        let number = match newest {
            Some((found, false)) if found.lost == wanted.lost => return Claim::Granted(found),
            Some((found, false)) => return Claim::Opposite(found),
            Some((found, true)) => found.number + 1,
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
async fn newest(bucket: &dyn Bucket, installation: &str) -> Result<Option<(Direction, bool)>, String> {
    let prefix = format!("{}/direction/", place(installation));
    let keys = read(
        bucket.list(&prefix).await,
        "The direction record cannot be listed",
    )?;
    let number = |key: &String| {
        let name = key.strip_prefix(&prefix)?;
        name.strip_suffix(".json")?.parse::<u32>().ok()
    };
    let Some(number) = keys.iter().filter_map(number).max() else {
        return Ok(None);
    };
    let bytes = read(
        bucket.get(&key(installation, number)).await,
        "The direction record cannot be read",
    )?
    .ok_or_else(|| "The direction record was listed and is gone.".to_owned())?;
    let direction: Direction = serde_json::from_slice(&bytes)
        .map_err(|error| format!("The direction record {number} is not understood: {error}."))?;
    if direction.format > FORMAT {
        return Err(format!(
            "The direction record {number} has format {}; this c8dr reads up to {FORMAT}.",
            direction.format
        ));
    }
    let is_closed = keys.contains(&closed_key(installation, number));
    Ok(Some((direction, is_closed)))
}

/// Puts a record if there is none; whether it is ours that is there now. An unknown outcome is settled by reading.
async fn put<T: Serialize>(bucket: &dyn Bucket, key: &str, record: &T) -> Result<bool, String> {
    let bytes = serde_json::to_vec_pretty(record).map_err(|error| error.to_string())?;
    put_bytes(bucket, key, bytes).await
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
