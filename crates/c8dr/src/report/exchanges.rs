//! Requests and answers, as the adapters tell them: kept in a bounded memory, then in a file beside the run's journal.
//!
//! What changes something is always kept. A look repeats thousands of times; of these the first of its address and each
//! whose answer differs from the one before are kept. No secrets: the adapters never tell them.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use c8dr_domain::plain;
use c8dr_engine::ports::{Exchange, Tap};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The file's name in a run's directory.
const FILE_NAME: &str = "exchanges.jsonl";

/// How many are kept in memory, and read back: two failovers and failbacks with room.
const EXCHANGES_MAX: usize = 5_000;

/// How much of a body is kept, in bytes: the answer to a force is well within.
const BODY_BYTES_MAX: usize = 2_048;

/// How many addresses are compared with their answer before. More would be an address that never repeats.
const ADDRESSES_MAX: usize = 10_000;

/// One exchange as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptExchange {
    /// When it was begun.
    pub(crate) at: Timestamp,
    /// How long it took, in milliseconds.
    pub(crate) took_ms: u64,
    /// Method and URL.
    pub(crate) request: String,
    /// The body that was sent.
    pub(crate) sent: Option<String>,
    /// The status; `None` if there was no answer.
    pub(crate) status: Option<u16>,
    /// What came, or what went wrong.
    pub(crate) received: String,
}

impl KeptExchange {
    /// Whether it changed something, or may have.
    pub(crate) fn is_change(&self) -> bool {
        is_change(&self.request)
    }
}

/// Listens to a site's adapters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder {
    memory: Arc<Mutex<Memory>>,
}

#[derive(Debug, Default)]
struct Memory {
    kept: VecDeque<KeptExchange>,
    /// By address and body: a hash of the answer before.
    before: BTreeMap<String, u64>,
    /// By how much each server's clock was ahead of ours, by its newest answer with a date.
    clocks: BTreeMap<String, SignedDuration>,
}

impl Recorder {
    /// What adapters tell it through.
    pub(crate) fn tap(&self) -> Tap {
        let memory = self.memory.clone();
        Arc::new(move |exchange| {
            memory
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .hear(exchange);
        })
    }

    /// Takes what was kept so far out of it.
    pub(crate) fn take(&self) -> Vec<KeptExchange> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.kept.drain(..).collect()
    }

    /// By how much servers' clocks are ahead of this machine's, where their answers have a date.
    pub(crate) fn clocks(&self) -> BTreeMap<String, SignedDuration> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.clocks.clone()
    }
}

impl Memory {
    fn hear(&mut self, exchange: Exchange) {
        if let Some(date) = exchange.date
            && self.clocks.len() < ADDRESSES_MAX
        {
            let answered = exchange.at + exchange.took;
            self.clocks
                .insert(authority(&exchange.request), date.duration_since(answered));
        }
        if !is_change(&exchange.request) && !self.is_news(&exchange) {
            return;
        }
        if self.kept.len() >= EXCHANGES_MAX {
            // The oldest look goes first; a change only if there is nothing else.
            let oldest = self.kept.iter().position(|kept| !kept.is_change()).unwrap_or(0);
            self.kept.remove(oldest);
        }
        self.kept.push_back(KeptExchange {
            at: exchange.at,
            took_ms: u64::try_from(exchange.took.as_millis()).unwrap_or(u64::MAX),
            request: cut(exchange.request),
            sent: exchange.sent.map(cut),
            status: exchange.status,
            received: cut(exchange.received),
        });
    }

    fn is_news(&mut self, exchange: &Exchange) -> bool {
        let address = format!("{} {}", exchange.request, exchange.sent.as_deref().unwrap_or(""));
        // A hash that is the same by chance would cost one look of thousands.
        let mut hasher = DefaultHasher::new();
        (exchange.status, &exchange.received).hash(&mut hasher);
        let answer = hasher.finish();
        if self.before.len() >= ADDRESSES_MAX {
            self.before.clear();
        }
        self.before.insert(address, answer) != Some(answer)
    }
}

/// Host and port of a request's address.
fn authority(request: &str) -> String {
    let address = request.split_once("://").map_or(request, |(_, rest)| rest);
    address.split('/').next().unwrap_or_default().to_owned()
}

/// Whether a request changes something. A search is asked by POST.
fn is_change(request: &str) -> bool {
    let (method, rest) = request.split_once(' ').unwrap_or((request, ""));
    let path = rest.split('?').next().unwrap_or_default();
    match method {
        "POST" => !["/_search", "/_msearch", "/_count"]
            .iter()
            .any(|look| path.ends_with(look)),
        "PUT" | "DELETE" | "PATCH" => true,
        _ => false,
    }
}

fn cut(mut text: String) -> String {
    if text.len() > BODY_BYTES_MAX {
        text.truncate(text.floor_char_boundary(BODY_BYTES_MAX));
        text.push('…');
    }
    text
}

/// Puts exchanges behind those that are in a run's directory already.
pub(super) fn append(directory: &Path, exchanges: &[KeptExchange]) -> std::io::Result<()> {
    let path = directory.join(FILE_NAME);
    let mut text = String::new();
    if ends_torn(&path) {
        text.push('\n');
    }
    for exchange in exchanges {
        text.push_str(&plain::json(serde_json::to_string(exchange)?));
        text.push('\n');
    }
    if exchanges.is_empty() {
        return Ok(());
    }
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)?
        .write_all(text.as_bytes())
}

/// Whether a crash has torn the last line of a file: what is put behind it would be lost with it.
fn ends_torn(path: &Path) -> bool {
    let mut last = [b'\n'];
    // A file that is not there, or is empty, is not torn.
    let read = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)
    });
    read.is_ok() && last != [b'\n']
}

/// Those of a run's directory; lines that are none are passed over, as a crash may have torn one.
pub(super) fn read(directory: &Path) -> Vec<KeptExchange> {
    let text = std::fs::read(directory.join(FILE_NAME)).unwrap_or_default();
    let all: Vec<KeptExchange> = text
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    let too_many = all.len().saturating_sub(EXCHANGES_MAX);
    all.into_iter().skip(too_many).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn exchange(request: &str, received: &str) -> Exchange {
        Exchange {
            at: Timestamp::UNIX_EPOCH,
            took: Duration::from_millis(3),
            request: request.to_owned(),
            sent: None,
            status: Some(200),
            received: received.to_owned(),
            date: None,
        }
    }

    #[track_caller]
    fn check(told: &[(&str, &str)], kept: &[(&str, &str)]) {
        let recorder = Recorder::default();
        let tap = recorder.tap();
        for (request, received) in told {
            tap(exchange(request, received));
        }
        let found = recorder.take();
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|kept| (kept.request.as_str(), kept.received.as_str()))
            .collect();
        assert_eq!(found, kept);
    }

    #[test]
    fn looks_are_kept_when_they_tell_something_new() {
        check(
            &[
                ("GET a/x", "1"),
                ("GET a/x", "1"),
                ("GET b/x", "1"),
                ("GET a/x", "2"),
                ("GET a/x", "1"),
            ],
            &[
                ("GET a/x", "1"),
                ("GET b/x", "1"),
                ("GET a/x", "2"),
                ("GET a/x", "1"),
            ],
        );
        let search = "POST h/zeebe*/_search?size=1";
        check(&[(search, "1"), (search, "1")], &[(search, "1")]);
        check(
            &[("gRPC h/Topology", "1"), ("gRPC h/Topology", "1")],
            &[("gRPC h/Topology", "1")],
        );
    }

    #[test]
    fn changes_are_all_kept() {
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let request = format!("{method} a/x");
            check(
                &[(&request, "1"), (&request, "1")],
                &[(&request, "1"), (&request, "1")],
            );
        }
    }

    #[test]
    fn the_memory_is_bounded_and_forgets_looks_first() {
        let recorder = Recorder::default();
        let tap = recorder.tap();
        tap(exchange("POST a/force", "1"));
        for n in 0..EXCHANGES_MAX + 10 {
            tap(exchange("GET a/x", &n.to_string()));
        }
        tap(exchange("GET a/x", &"ä".repeat(BODY_BYTES_MAX)));
        let kept = recorder.take();
        assert_eq!(kept.len(), EXCHANGES_MAX);
        assert_eq!(kept[0].request, "POST a/force");
        let last = &kept[EXCHANGES_MAX - 1].received;
        assert!(last.len() <= BODY_BYTES_MAX + '…'.len_utf8() && last.ends_with('…'));
        assert!(recorder.take().is_empty());
    }

    #[test]
    fn what_is_appended_is_read_back_and_a_torn_line_passed_over() {
        let directory = tempfile::tempdir().unwrap();
        assert!(read(directory.path()).is_empty());
        let recorder = Recorder::default();
        recorder.tap()(exchange("PUT a/x", "1"));
        let first = recorder.take();
        append(directory.path(), &first).unwrap();
        append(directory.path(), &[]).unwrap();
        let path = directory.path().join(FILE_NAME);
        for torn in [&b"{\"at\":\n"[..], b"{\"at\":\"2026"] {
            let torn = [&std::fs::read(&path).unwrap()[..], torn].concat();
            std::fs::write(&path, torn).unwrap();
            append(directory.path(), &first).unwrap();
        }
        assert_eq!(
            read(directory.path()),
            [first.clone(), first.clone(), first].concat()
        );
    }
}
