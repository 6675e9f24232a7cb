//! Polls: the lab is watched as the recording was, and must go through the same changes in the same order, each within
//! a factor of two of the recorded time.
#![expect(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "test support: a failure is the point"
)]

use std::time::Duration;

use c8dr_lab::BrokerId;
use serde_json::Value;

use crate::asking::Asking;
use crate::recorded::Run;
use crate::report::{Verdict, note};

/// What is watched for in the answers.
#[derive(Clone, Copy)]
pub enum Watched {
    /// Survivors lead nothing; then the dead are no longer listed.
    LossSeen,
    /// The change of this id is pending, then completed.
    Change(u64),
    /// Every partition is led by one of these.
    LedBy(&'static [u64]),
    /// So many brokers are listed.
    Listed(usize),
    /// The older change is still shown as completed while the newer one is pending.
    LastChangeWhilePending { last: u64, pending: u64 },
}

/// A recorded poll.
pub struct Poll {
    run: Run,
    number: u32,
    step: String,
    gateway: u32,
    path: String,
    /// Seconds since the poll's first answer, and the answer.
    answers: Vec<(f64, Value)>,
}

fn leaders(topology: &Value, of: impl Fn(u64) -> bool) -> usize {
    let brokers = topology["brokers"].as_array().unwrap().iter();
    let own = brokers.filter(|b| of(b["nodeId"].as_u64().unwrap()));
    own.flat_map(|b| b["partitions"].as_array().unwrap())
        .filter(|p| p["role"] == "leader")
        .count()
}

impl Watched {
    /// The stages, in their order, that an answer has reached: as many as the returned number.
    fn stage(self, answer: &Value, first: &Value) -> usize {
        match self {
            Watched::LossSeen => {
                let gateway_side = first["brokers"].as_array().map_or(0, Vec::len) / 2;
                let listed = answer["brokers"].as_array().map_or(0, Vec::len);
                // The survivors are those that are listed last of all, hence those of the gateway's parity.
                let parity = first["gateway"].as_u64().unwrap_or(0) % 2;
                let quiet = leaders(answer, |id| id % 2 == parity) == 0;
                usize::from(quiet) + usize::from(quiet && listed == gateway_side)
            }
            Watched::Change(id) => {
                let done = answer["lastChange"]["id"] == id
                    && answer["lastChange"]["status"] == "COMPLETED"
                    && answer["pendingChange"].is_null();
                usize::from(done)
            }
            Watched::LedBy(brokers) => {
                let partitions = answer["partitionsCount"].as_u64().unwrap_or(0);
                usize::from(leaders(answer, |id| brokers.contains(&id)) as u64 >= partitions)
            }
            Watched::Listed(count) => usize::from(answer["brokers"].as_array().map(Vec::len) == Some(count)),
            Watched::LastChangeWhilePending { last, pending } => {
                if answer["pendingChange"].is_null() {
                    return usize::from(answer["lastChange"]["id"] == pending);
                }
                assert_eq!(
                    answer["lastChange"]["id"], last,
                    "the change before, still COMPLETED"
                );
                assert_eq!(answer["lastChange"]["status"], "COMPLETED");
                assert_eq!(answer["pendingChange"]["id"], pending);
                0
            }
        }
    }

    const fn stages(self) -> usize {
        match self {
            Watched::LossSeen => 2,
            _ => 1,
        }
    }
}

impl Poll {
    pub fn of(run: Run, number: u32) -> Poll {
        let recording = run.load(number);
        let answers = recording["distinct_answers"].as_array().unwrap();
        let begin = answers[0]["at_s"].as_f64().unwrap();
        let gateway = answers[0]["gateway_of_broker"].as_u64().unwrap();
        Poll {
            run,
            number,
            step: recording["step"].as_str().unwrap_or_default().to_owned(),
            gateway: u32::try_from(gateway).unwrap(),
            path: recording["poll"].as_str().unwrap().to_owned(),
            answers: answers
                .iter()
                .map(|a| (a["at_s"].as_f64().unwrap() - begin, a["response_body"].clone()))
                .collect(),
        }
    }

    /// Watches the lab until the last stage, and compares the times at which the stages were reached.
    pub async fn compare(&self, lab: &Asking, limit_s: f64, watched: Watched) {
        let mut first = self.answers[0].1.clone();
        if first.is_object() {
            first["gateway"] = self.gateway.into();
        }
        let recorded = self.times(
            watched,
            &first,
            self.answers.iter().map(|(at, a)| (*at, a.clone())),
        );
        let begin = lab.clock.now();
        let mut seen = Vec::new();
        loop {
            let at = lab.clock.now().since(begin).as_secs_f64();
            let answer = self.look(lab).await;
            let done = watched.stage(&answer, &first) == watched.stages();
            seen.push((at, answer));
            if done {
                break;
            }
            assert!(
                at < limit_s,
                "{} {}: not within {limit_s} s\n{}",
                self.run.folder,
                self.number,
                lab.history()
            );
            lab.clock.sleep(Duration::from_millis(100)).await;
        }
        let got = self.times(watched, &first, seen.into_iter());
        let pairs = recorded.iter().copied().zip(got.iter().copied()).collect();
        note(self.run.folder, self.number, &self.step, Verdict::OverTime(pairs));
        for (stage, (wanted, found)) in recorded.iter().zip(&got).enumerate() {
            // A second is what the machine of the recordings and the distance of two looks are worth.
            let (low, high) = ((wanted / 2.0) - 1.0, wanted * 2.0 + 1.0);
            assert!(
                (low..=high).contains(found),
                "{} {}: stage {stage} after {found:.1} s, recorded {wanted:.1} s\n{}",
                self.run.folder,
                self.number,
                lab.history()
            );
        }
    }

    async fn look(&self, lab: &Asking) -> Value {
        let broker = BrokerId(self.gateway);
        let port = if self.path.starts_with("/v2") {
            lab.lab.rest(broker)
        } else {
            lab.lab.management(broker)
        };
        lab.ask(port, "GET", &self.path, "").await.unwrap().json()
    }

    /// When each stage was first reached; stages must not be left again.
    fn times(
        &self,
        watched: Watched,
        first: &Value,
        answers: impl Iterator<Item = (f64, Value)>,
    ) -> Vec<f64> {
        let mut times = Vec::new();
        for (at, answer) in answers {
            let stage = watched.stage(&answer, first);
            while times.len() < stage {
                times.push(at);
            }
        }
        times
    }
}
