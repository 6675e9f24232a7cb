//! What a command prints to say where the users' names point: a few lines of words, and nothing else.
//!
//! ```text
//! points NAME [REGION …]     one for each name, at least one; without a region it points to neither
//! strange NAME TARGET        a target of it that belongs to neither region
//! ttl SECONDS                how long resolvers may keep it; the longest counts
//! version TOKEN              what the records are now, given back when they are changed
//! ```

use std::collections::BTreeMap;

use c8dr_domain::ids::RegionId;
use c8dr_domain::traffic::{Pointing, TrafficSight};

use crate::foreign::shown as harmless;

/// More lines than anybody has names.
const LINES_MAX: usize = 1_000;
/// As long as a name, a target or a version may be.
const WORD_BYTES_MAX: usize = 512;

/// Reads what was printed. Empty lines are passed over; whatever else is not of the form makes all of it worthless: a line
/// that is not understood may be the one that says that the lost region still serves.
///
/// # Errors
/// What is wrong with it, as a phrase without secrets of ours in it: the caller knows those.
pub fn shown(output: &[u8], regions: &BTreeMap<String, RegionId>) -> Result<TrafficSight, String> {
    let text = std::str::from_utf8(output).map_err(|_| "it is not UTF-8".to_owned())?;
    let mut seen = TrafficSight::default();
    for (number, line) in text.lines().enumerate() {
        if number >= LINES_MAX {
            return Err(format!("it has more than {LINES_MAX} lines"));
        }
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let wrong = |why: &str| {
            let line = harmless(line.as_bytes(), 80);
            Err(format!("line {}, `{line}`: {why}", number + 1))
        };
        if words.iter().any(|word| word.len() > WORD_BYTES_MAX) {
            return Err(format!(
                "line {} has a word of more than {WORD_BYTES_MAX} bytes",
                number + 1
            ));
        }
        match words.as_slice() {
            [] => {}
            ["points", name, targets @ ..] => {
                let mut pointing = Pointing::default();
                for target in targets {
                    match regions.get(*target) {
                        Some(region) => pointing.regions.insert(*region),
                        None => return wrong("there is no such region; another target is told by `strange`"),
                    };
                }
                let strange = seen.names.remove(*name).map(|before| {
                    let is_second = !before.regions.is_empty() || before.strange.is_empty();
                    (is_second, before.strange)
                });
                if let Some((true, _)) = strange {
                    return wrong("this name is there for the second time");
                }
                pointing.strange = strange.map(|(_, strange)| strange).unwrap_or_default();
                seen.names.insert((*name).to_owned(), pointing);
            }
            ["strange", name, target] => {
                let pointing = seen.names.entry((*name).to_owned()).or_default();
                pointing.strange.insert((*target).to_owned());
            }
            ["ttl", seconds] => match seconds.parse::<u32>() {
                Ok(seconds) => seen.ttl_s = Some(seen.ttl_s.unwrap_or(0).max(seconds)),
                Err(_) => return wrong("a time to live is whole seconds"),
            },
            ["version", version] if seen.version.is_none() => seen.version = Some((*version).to_owned()),
            ["version", _] => return wrong("there is a version already"),
            _ => return wrong("it is none of `points`, `strange`, `ttl` and `version` with its words"),
        }
    }
    match seen.names.is_empty() {
        true => Err("it names no name: a line `points NAME REGION …` is wanted for each".to_owned()),
        false => Ok(seen),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn read(text: &str) -> Result<TrafficSight, String> {
        let regions = [("london", 0), ("paris", 1)];
        let regions = regions.map(|(name, id)| (name.to_owned(), RegionId(id)));
        shown(text.as_bytes(), &BTreeMap::from(regions))
    }

    #[test]
    fn a_whole_answer_is_read() {
        let seen = read(
            "points zeebe.example.org london paris\npoints tasklist.example.org london\n\nttl 30\nttl 60\nversion 2026113001\n",
        )
        .unwrap();
        assert_eq!(seen.names.len(), 2);
        assert_eq!(
            seen.names["zeebe.example.org"].regions,
            [RegionId(0), RegionId(1)].into()
        );
        assert_eq!(
            (seen.ttl_s, seen.version.as_deref()),
            (Some(60), Some("2026113001"))
        );
        assert!(read("points a\r\n").unwrap().is_at(&BTreeSet::new()));
    }

    #[test]
    fn a_strange_target_is_kept_in_whichever_order() {
        for text in [
            "points a london\nstrange a 192.0.2.1\n",
            "strange a 192.0.2.1\npoints a london\n",
        ] {
            let seen = read(text).unwrap();
            assert_eq!(seen.strange().len(), 1, "{text}");
            assert_eq!(seen.names["a"].regions, [RegionId(0)].into(), "{text}");
        }
    }

    #[test]
    fn what_is_not_of_the_form_is_not_guessed() {
        let cases = [
            "",
            "\n\n",
            "london\n",
            "points\n",
            "points a berlin\n",
            "points a London\n",
            "points a london\npoints a paris\n",
            "points a london\nttl soon\n",
            "points a london\nttl -1\n",
            "points a london\nversion 1\nversion 2\n",
            "points a london\nversion\n",
            "points a london\nstrange a\n",
            "points a london # both\n",
            "Error: no such zone\n",
        ];
        for text in cases {
            assert!(read(text).is_err(), "{text:?}");
        }
        assert!(shown(b"points a \xff\n", &BTreeMap::new()).is_err());
    }
}
