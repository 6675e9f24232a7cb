//! What was done to a recorded cluster besides asking it: read from the folder's `timeline.json`, whose events are sentences.
#![expect(unreachable_pub, reason = "test support")]

use c8dr_lab::{BrokerId, Data, Region};
use serde_json::Value;

/// Something that was done to the cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    Kill(Vec<BrokerId>),
    Start(Vec<BrokerId>, Data),
    Freeze(Vec<BrokerId>),
    Thaw(Vec<BrokerId>),
    SearchStops(Region),
    SearchStarts(Region),
    LinkIsCut,
    LinkHeals,
}

/// One run of a timeline: it may hold several, one after the other, each from its own second 0.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// When the cluster was healthy, if its start is told.
    pub healthy_at: Option<f64>,
    /// How many brokers were started.
    pub brokers: Option<u32>,
    pub deeds: Vec<(f64, Deed)>,
    /// Sentences that seem to tell of a deed, and are not understood.
    pub riddles: Vec<(f64, String)>,
}

/// Splits a timeline into its runs and reads each. `known` are the ids that a sentence may mean.
pub fn read(events: &Value, brokers: u32) -> Vec<Timeline> {
    let mut runs: Vec<Timeline> = Vec::new();
    let mut last = f64::INFINITY;
    for event in events.as_array().into_iter().flatten() {
        let (Some(at), Some(text)) = (event["at_s"].as_f64(), event["event"].as_str()) else {
            continue;
        };
        if at < last {
            runs.push(Timeline::default());
        }
        last = at;
        if let Some(run) = runs.last_mut() {
            run.take(at, text, event, brokers);
        }
    }
    runs
}

impl Timeline {
    fn take(&mut self, at: f64, text: &str, event: &Value, brokers: u32) {
        let low = text.to_lowercase();
        let told = event["brokers"].as_array().map(|ids| {
            let ids = ids.iter().filter_map(Value::as_u64);
            ids.filter_map(|id| u32::try_from(id).ok())
                .map(BrokerId)
                .collect::<Vec<_>>()
        });
        if low == "start brokers" {
            self.brokers = told.as_ref().and_then(|ids| u32::try_from(ids.len()).ok());
            return;
        }
        if low.starts_with("all brokers listed") {
            self.healthy_at = Some(at);
            return;
        }
        // What was measured has figures beside it; what was done has none, or the brokers that it was done to.
        let figures = [
            "reached",
            "after_s",
            "change",
            "requests",
            "completed",
            "ready",
            "rss",
            "lost",
            "late",
        ];
        if figures.iter().any(|key| event.get(key).is_some()) {
            if low.contains("new brokers") || low.contains("returned brokers") {
                let after = event["after_s"].as_f64().unwrap_or(0.0);
                self.listed_again(at - after, brokers);
            }
            return;
        }
        let ids = told.unwrap_or_else(|| ids_in(&low, brokers));
        let words_of = low
            .split(|c: char| !c.is_ascii_alphanumeric())
            .collect::<Vec<_>>();
        // A word that stands alone: "healthy" is no healing.
        let has = |words: &[&str]| {
            let told = |word: &&str| match word.contains(' ') {
                true => low.contains(*word),
                false => words_of.contains(word),
            };
            words.iter().any(told)
        };
        let search = region_of_search(&low);
        let before = self.deeds.len();
        if has(&["kill", "killed", "sigkill"]) {
            self.deeds.push((at, Deed::Kill(ids)));
            self.deeds
                .extend(search.map(|region| (at, Deed::SearchStops(region))));
        } else if has(&["sigstop", "freeze", "frozen"]) {
            self.deeds.push((at, Deed::Freeze(ids)));
        } else if has(&["sigcont", "thaw", "thawed"]) {
            self.deeds.push((at, Deed::Thaw(ids)));
        } else if has(&[
            "heal",
            "healed",
            "link up",
            "rule removed",
            "rules removed",
            "link restored",
        ]) {
            self.deeds.push((at, Deed::LinkHeals));
        } else if has(&["cut", "nftables"]) {
            self.deeds.push((at, Deed::LinkIsCut));
        } else if has(&["start", "started", "restart", "restarted"])
            && !low.contains("elasticsearch stand-ins")
        {
            let old = has(&["old data", "data kept", "with its data", "without cancel", "kept"]);
            let data = if has(&["empty", "fresh"]) || !old && ids.len() > 1 {
                Data::Empty
            } else {
                Data::Old
            };
            if !ids.is_empty() {
                self.deeds.push((at, Deed::Start(ids, data)));
            }
            self.deeds
                .extend(search.map(|region| (at, Deed::SearchStarts(region))));
        }
        let done = before < self.deeds.len();
        let seems = has(&[
            "kill", "stop", "start", "cut", "heal", "freeze", "remove", "wipe", "delete",
        ]);
        let meant = self.deeds.get(before).map(|(_, deed)| deed);
        let nobody = matches!(meant, Some(Deed::Kill(b) | Deed::Freeze(b) | Deed::Thaw(b)) if b.is_empty());
        if nobody {
            self.deeds.truncate(before);
        }
        if (!done || nobody) && seems && !low.contains("stand-ins") {
            self.riddles.push((at, text.to_owned()));
        }
    }

    /// Brokers that are listed again were started before: unless that is told, it was then, and empty.
    fn listed_again(&mut self, started: f64, brokers: u32) {
        let told = self.deeds.iter().any(|(_, deed)| matches!(deed, Deed::Start(..)));
        if told {
            return;
        }
        let mut killed: Vec<BrokerId> = Vec::new();
        for (_, deed) in &self.deeds {
            if let Deed::Kill(ids) = deed {
                killed.extend(ids);
            }
        }
        if killed.is_empty() {
            // Where not even the loss is told it was the usual one.
            killed = (0..brokers)
                .map(BrokerId)
                .filter(|b| b.region() == Region::Odd)
                .collect();
        }
        killed.sort_unstable();
        killed.dedup();
        self.deeds
            .push((started, Deed::Start(killed.clone(), Data::Empty)));
        for region in Region::BOTH {
            if killed.iter().any(|b| b.region() == region) {
                self.deeds.push((started, Deed::SearchStarts(region)));
            }
        }
        self.deeds.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
}

/// The brokers that a sentence means: by their parity, by their region, or by their numbers.
fn ids_in(text: &str, brokers: u32) -> Vec<BrokerId> {
    let all = (0..brokers).map(BrokerId);
    let of = |region: Region| {
        all.clone()
            .filter(move |b| b.region() == region)
            .collect::<Vec<_>>()
    };
    if text.contains("odd") {
        return of(Region::Odd);
    }
    if text.contains("even") {
        return of(Region::Even);
    }
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || ",;()+[]".contains(c))
        .collect();
    let mut ids = Vec::new();
    for (place, word) in words.iter().enumerate() {
        let before = place
            .checked_sub(1)
            .and_then(|p| words.get(p))
            .copied()
            .unwrap_or("");
        let Ok(number) = word.parse::<u32>() else { continue };
        if before == "region" || before == "side" {
            let region = if number == 0 { Region::Even } else { Region::Odd };
            // "elasticsearch region 1" names a search.
            let named = place
                .checked_sub(2)
                .and_then(|p| words.get(p))
                .copied()
                .unwrap_or("");
            if named != "elasticsearch" {
                ids.extend(of(region));
            }
        } else if number < brokers {
            ids.push(BrokerId(number));
        }
    }
    ids
}

fn region_of_search(text: &str) -> Option<Region> {
    let names = |region: Region| {
        let index = region.index();
        [
            format!("es{index}"),
            format!("elasticsearch region {index}"),
            format!("elasticsearch {index}"),
        ]
    };
    // A region that starts or dies as a whole has its search with it.
    let whole = |region: Region| {
        text.contains(&format!("region {} ", region.index()))
            || text.ends_with(&format!("region {}", region.index()))
    };
    Region::BOTH
        .into_iter()
        .find(|r| names(*r).iter().any(|name| text.contains(name)) || whole(*r))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[Deed]) {
        let events = serde_json::json!([{"at_s": 1.0, "event": text}]);
        let runs = read(&events, 4);
        let found: Vec<Deed> = runs[0].deeds.iter().map(|(_, deed)| deed.clone()).collect();
        assert_eq!(found, expected, "{text}");
    }

    fn b(ids: &[u32]) -> Vec<BrokerId> {
        ids.iter().copied().map(BrokerId).collect()
    }

    #[test]
    fn sentences_are_understood() {
        check(
            "kill -9 odd brokers and stop elasticsearch region 1",
            &[Deed::Kill(b(&[1, 3])), Deed::SearchStops(Region::Odd)],
        );
        check(
            "kill -9 0,2 + stop es0",
            &[Deed::Kill(b(&[0, 2])), Deed::SearchStops(Region::Even)],
        );
        check(
            "kill -9 1,3,2 and es1",
            &[Deed::Kill(b(&[1, 3, 2])), Deed::SearchStops(Region::Odd)],
        );
        check("kill -9 broker 2 again", &[Deed::Kill(b(&[2]))]);
        check("start broker 2 (data kept)", &[Deed::Start(b(&[2]), Data::Old)]);
        check(
            "start broker 2 without cancel",
            &[Deed::Start(b(&[2]), Data::Old)],
        );
        check(
            "failback: start region 1 empty",
            &[
                Deed::Start(b(&[1, 3]), Data::Empty),
                Deed::SearchStarts(Region::Odd),
            ],
        );
        check("start empty broker 0", &[Deed::Start(b(&[0]), Data::Empty)]);
        check("cut the link", &[Deed::LinkIsCut]);
        check("link healed", &[Deed::LinkHeals]);
        check("load healthy", &[]);
    }

    #[test]
    fn what_is_not_understood_is_said() {
        let events = serde_json::json!([{"at_s": 1.0, "event": "stop the gateway"}, {"at_s": 2.0, "event": "kill -9 it"}]);
        let riddles: Vec<String> = read(&events, 4)[0]
            .riddles
            .iter()
            .map(|(_, t)| t.clone())
            .collect();
        assert_eq!(riddles, ["stop the gateway", "kill -9 it"]);
    }
}
