//! What can be expected: of a command, of its run, and of the world.

use c8dr_domain::diagnose::Code;
use c8dr_domain::plan::{RefusalCode, StepId};
use c8dr_domain::run::{Outcome, Stop};

use super::cursor::Cursor;
use super::mistake::Mistake;
use super::script::{EXITS, Ended, Expected, Wish};

/// How an expectation may begin, besides with a step or a number.
pub(super) const BEGINNINGS: [&str; 22] = [
    "verified",
    "turned",
    "given",
    "killed",
    "refused",
    "stopped",
    "planned",
    "ready",
    "not",
    "exit",
    "diagnosis",
    "says",
    "took",
    "all",
    "exporting",
    "members",
    "nothing",
    "both",
    "disks",
    "forced",
    "no",
    "traffic",
];

/// Refusals that are not a planner's, but of the command itself.
pub(super) const OWN_REFUSALS: [&str; 4] = [
    "run-unfinished",
    "no-such-run",
    "run-ended",
    "installation-locked",
];

const OUTCOMES: [Outcome; 6] = [
    Outcome::Verified,
    Outcome::Already,
    Outcome::Skipped,
    Outcome::Failed,
    Outcome::Unknown,
    Outcome::Waiting,
];

/// The end of a list of expectations, or a word that belongs to another one.
fn ends(cursor: &Cursor<'_>) -> bool {
    matches!(cursor.peek(), None | Some(",")) && !cursor.is_quoted()
}

/// Reads one expectation.
pub(super) fn expected(cursor: &mut Cursor<'_>) -> Result<Expected, Mistake> {
    let steps: Vec<&'static str> = StepId::ALL.iter().map(|step| step.as_str()).collect();
    if let Some(step) = StepId::ALL
        .iter()
        .find(|step| cursor.peek() == Some(step.as_str()))
    {
        let _ = cursor.has(step.as_str());
        return of_step(cursor, *step);
    }
    if cursor.is_figure() {
        let count = cursor.number("how many partitions or replicas", 0, 2000)?;
        if cursor.one_of("word here", &["partitions", "replicas"])? == "replicas" {
            phrase(cursor, &["of", "each", "partition"])?;
            return world(cursor, Wish::Replicas(u32::try_from(count).unwrap_or(u32::MAX)));
        }
        phrase(cursor, &["led"])?;
        return world(cursor, Wish::Led(u32::try_from(count).ok()));
    }
    let mut known: Vec<&'static str> = BEGINNINGS.to_vec();
    known.extend(["change", "broker:2", "12 partitions led"]);
    known.extend(&steps);
    if let Some(word) = cursor.peek().filter(|word| word.starts_with("broker:")) {
        let _ = cursor.has(word);
        let Some(id) = word.strip_prefix("broker:").and_then(|id| id.parse().ok()) else {
            return Err(cursor.wrong("this names no broker", "Write its number: `broker:2 answers`."));
        };
        let answers = cursor.one_of("state of a broker", &["answers", "silent"])? == "answers";
        return world(cursor, Wish::Answers(id, answers));
    }
    let word = cursor.one_of("expectation", &known)?;
    let ended = |ended| Ok(Expected::Ended(ended));
    match word {
        "verified" => ended(Ended::Verified),
        "turned" => phrase(cursor, &["back"]).and_then(|()| ended(Ended::TurnedBack)),
        "given" => phrase(cursor, &["up"]).and_then(|()| ended(Ended::GivenUp)),
        "killed" => ended(Ended::Killed),
        "planned" => ended(Ended::Planned),
        "ready" => ended(Ended::Ready),
        "not" => phrase(cursor, &["ready"]).and_then(|()| ended(Ended::NotReady)),
        "refused" if ends(cursor) => ended(Ended::Refused(None)),
        "refused" => {
            let mut codes: Vec<&'static str> = RefusalCode::ALL.iter().map(|code| code.as_str()).collect();
            codes.extend(OWN_REFUSALS);
            let code = cursor.one_of("code of a refusal", &codes)?;
            ended(Ended::Refused(Some(code.to_owned())))
        }
        "stopped" if ends(cursor) => ended(Ended::Stopped(None)),
        "stopped" => {
            let words: Vec<&'static str> = Stop::ALL.iter().map(|stop| stop.as_str()).collect();
            let word = cursor.one_of("reason to stop", &words)?;
            let stop = Stop::ALL.iter().find(|stop| stop.as_str() == word);
            ended(Ended::Stopped(stop.copied()))
        }
        "exit" => {
            let last = u64::try_from(EXITS.len()).unwrap_or(1) - 1;
            let number = cursor.number("an exit code", 0, last)?;
            Ok(Expected::Exit(u8::try_from(number).unwrap_or(u8::MAX)))
        }
        "diagnosis" => {
            let codes: Vec<&'static str> = Code::ALL.iter().map(|code| code.as_str()).collect();
            let word = cursor.one_of("diagnosis", &codes)?;
            let code = Code::ALL.iter().find(|code| code.as_str() == word);
            let code = code
                .copied()
                .ok_or_else(|| cursor.unknown(word, "diagnosis", &codes))?;
            Ok(Expected::Diagnosis(code))
        }
        "says" => Ok(Expected::Says(cursor.quoted("what it says")?)),
        "took" => {
            phrase(cursor, &["at", "most"])?;
            cursor.duration().map(Expected::TookAtMost)
        }
        word => {
            let wish = wish(cursor, word)?;
            world(cursor, wish)
        }
    }
}

/// These words come next.
fn phrase(cursor: &mut Cursor<'_>, words: &[&'static str]) -> Result<(), Mistake> {
    for word in words {
        cursor.one_of("word here", &[word])?;
    }
    Ok(())
}

fn of_step(cursor: &mut Cursor<'_>, step: StepId) -> Result<Expected, Mistake> {
    let mut known: Vec<&'static str> = OUTCOMES.iter().map(|outcome| outcome.as_str()).collect();
    known.push("sent");
    let word = cursor.one_of("outcome of a step", &known)?;
    if let Some(outcome) = OUTCOMES.iter().find(|outcome| outcome.as_str() == word) {
        return Ok(Expected::StepIs(step, *outcome));
    }
    let times = match cursor.is_figure() {
        true => {
            let times = cursor.number("how often", 0, 100)?;
            phrase(cursor, &["times"])?;
            times
        }
        false => match cursor.one_of("number of times", &["never", "once", "twice"])? {
            "never" => 0,
            "once" => 1,
            _ => 2,
        },
    };
    Ok(Expected::Sent(step, u32::try_from(times).unwrap_or(u32::MAX)))
}

fn wish(cursor: &mut Cursor<'_>, word: &str) -> Result<Wish, Mistake> {
    Ok(match word {
        "all" => {
            phrase(cursor, &["partitions", "led"])?;
            Wish::Led(None)
        }
        "nothing" => match cursor.one_of("word here", &["missing", "forced"])? {
            "missing" => Wish::NothingMissing,
            _ => Wish::Forced(0),
        },
        "forced" => match cursor.one_of("number of times", &["once", "twice"])? {
            "once" => Wish::Forced(1),
            _ => Wish::Forced(2),
        },
        "both" => {
            phrase(cursor, &["searches", "equal"])?;
            Wish::SearchesEqual
        }
        "exporting" => match cursor.one_of("state of exporting", &["on", "paused", "to"])? {
            "on" => Wish::ExportingOn,
            "paused" => Wish::ExportingPaused,
            _ if cursor.has("both") => {
                phrase(cursor, &["regions"])?;
                Wish::ExportingToBoth
            }
            _ => {
                let region = cursor.region()?;
                phrase(cursor, &["only"])?;
                Wish::ExportingOnlyTo(region)
            }
        },
        "members" => {
            phrase(cursor, &["of"])?;
            match cursor.has("both") {
                true => {
                    phrase(cursor, &["regions"])?;
                    Wish::MembersOfBoth
                }
                false => {
                    let region = cursor.region()?;
                    phrase(cursor, &["only"])?;
                    Wish::MembersOnlyOf(region)
                }
            }
        }
        "disks" => {
            phrase(cursor, &["of"])?;
            let region = cursor.region()?;
            phrase(cursor, &["untouched"])?;
            Wish::DisksUntouched(region)
        }
        "traffic" => {
            phrase(cursor, &["at"])?;
            match cursor.has("both") {
                true => {
                    phrase(cursor, &["regions"])?;
                    Wish::TrafficAt(None)
                }
                false => {
                    let region = cursor.region()?;
                    phrase(cursor, &["only"])?;
                    Wish::TrafficAt(Some(region))
                }
            }
        }
        "change" => {
            phrase(cursor, &["pending"])?;
            Wish::ChangePending(true)
        }
        _ => {
            phrase(cursor, &["change", "pending"])?;
            Wish::ChangePending(false)
        }
    })
}

/// A wish of the world, which may take some time to come about.
fn world(cursor: &mut Cursor<'_>, wish: Wish) -> Result<Expected, Mistake> {
    let within = match cursor.has("within") {
        true => Some(cursor.duration()?),
        false => None,
    };
    Ok(Expected::World(wish, within))
}
