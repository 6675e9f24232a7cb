//! What is done to the world, with the words that `c8dr lab break|heal|ctl` have for it.

use std::time::Duration;

use c8dr_lab::{Blow, BrokerId, Data, NamesTrouble, Region, SearchFault, StoreState};

use super::cursor::{Cursor, shortened};
use super::mistake::Mistake;
use super::script::{Deed, Struck};
use crate::disaster::region as lab_region;
use crate::fault::{Side, Spoil};

/// How a deed begins.
pub(super) const BEGINNINGS: [&str; 15] = [
    "break",
    "freeze",
    "heal",
    "slow",
    "flap",
    "fill",
    "free",
    "search",
    "store",
    "traffic",
    "somebody",
    "install",
    "uninstall",
    "delete-volumes",
    "load",
];

/// What becomes of a request.
pub(super) const SPOILS: [&str; 5] = [
    "lost-before-effect",
    "lost-after-effect",
    "timeout-after-effect",
    "not-sent",
    "status",
];

/// What can be struck. A broker is called by its number.
pub(super) const AIMS: [&str; 9] = [
    "region0",
    "region1",
    "broker:2",
    "link",
    "link:region0",
    "link:region1",
    "search:region0",
    "search:region1",
    "names",
];

/// What a moment that nobody waits for may bring.
pub(super) const STRUCK: [&str; 12] = [
    "break", "freeze", "heal", "slow", "flap", "fill", "free", "search", "store", "somebody", "spoil", "kill",
];

/// What somebody else does, past c8dr.
pub(super) const SOMEBODY: [&str; 12] = [
    "pauses",
    "resumes",
    "upgrades",
    "restarts",
    "uninstalls",
    "forces",
    "begins",
    "cancels",
    "rebalances",
    "disables",
    "enables",
    "points",
];

/// Clients that create more than this are no drill, but a benchmark.
const LOAD_MAX: u64 = 100;

enum Aim {
    Region(Region),
    Broker(BrokerId),
    Search(Region),
    Link,
    /// What one region sends to the other.
    LinkFrom(Region),
    Names,
}

fn aim(cursor: &mut Cursor<'_>, brokers: u32) -> Result<Aim, Mistake> {
    let word = cursor.word("what to strike")?;
    if let Some(id) = word.strip_prefix("broker:") {
        return match id.parse::<u32>() {
            Ok(id) if id < brokers => Ok(Aim::Broker(BrokerId(id))),
            _ => Err(cursor.wrong(
                format!("there is no broker `{}`", shortened(id)),
                format!(
                    "The brokers of this world are 0 to {}.",
                    brokers.saturating_sub(1)
                ),
            )),
        };
    }
    Ok(match word {
        "region0" => Aim::Region(Region::Even),
        "region1" => Aim::Region(Region::Odd),
        "search:region0" => Aim::Search(Region::Even),
        "search:region1" => Aim::Search(Region::Odd),
        "link" => Aim::Link,
        "link:region0" => Aim::LinkFrom(Region::Even),
        "link:region1" => Aim::LinkFrom(Region::Odd),
        "names" => Aim::Names,
        _ => return Err(cursor.unknown(word, "thing that can be struck", &AIMS)),
    })
}

fn blows(cursor: &mut Cursor<'_>, brokers: u32) -> Result<Option<Vec<Blow>>, Mistake> {
    if cursor.has("break") {
        return Ok(Some(vec![match aim(cursor, brokers)? {
            Aim::Region(region) => Blow::RegionDies(region),
            Aim::Broker(broker) => Blow::BrokerDies(broker),
            Aim::Search(region) => Blow::SearchDies(region),
            Aim::Link => Blow::LinkIsCut,
            Aim::LinkFrom(region) => Blow::LinkIsCutOneWay(region),
            Aim::Names => Blow::NamesAreLost,
        }]));
    }
    if cursor.has("slow") {
        let slow = ["link", "search:region0", "search:region1"];
        return Ok(Some(vec![
            match cursor.one_of("thing that can be slow", &slow)? {
                "search:region0" => Blow::SearchIsSlow(Region::Even),
                "search:region1" => Blow::SearchIsSlow(Region::Odd),
                _ => Blow::LinkIsSlow,
            },
        ]));
    }
    if cursor.has("flap") {
        cursor.one_of("thing that can flap", &["link"])?;
        return Ok(Some(vec![Blow::LinkFlaps]));
    }
    if matches!(cursor.peek(), Some("fill" | "free")) {
        let is_full = cursor.has("fill") || !cursor.has("free");
        return Ok(Some(vec![match (aim(cursor, brokers)?, is_full) {
            (Aim::Broker(broker), true) => Blow::VolumeFills(broker),
            (Aim::Broker(broker), false) => Blow::VolumeIsFreed(broker),
            (Aim::Search(region), true) => Blow::SearchFills(region),
            (Aim::Search(region), false) => Blow::SearchIsFreed(region),
            _ => {
                return Err(cursor.wrong(
                    "this has no disks of its own",
                    "Write `fill broker:2` or `fill search:region0`.",
                ));
            }
        }]));
    }
    if cursor.has("freeze") {
        let brokers = match aim(cursor, brokers)? {
            Aim::Search(region) => return Ok(Some(vec![Blow::SearchFreezes(region)])),
            Aim::Broker(broker) => vec![broker],
            Aim::Region(region) => {
                let all = (0..brokers).map(BrokerId);
                all.filter(|broker| broker.region() == region).collect()
            }
            Aim::Link | Aim::LinkFrom(_) | Aim::Names => {
                return Err(cursor.wrong(
                    "only brokers, regions and searches stand still",
                    "Write `freeze broker:2`, `freeze region1` or `freeze search:region0`; the link and names `break`.",
                ));
            }
        };
        return Ok(Some(brokers.into_iter().map(Blow::BrokerFreezes).collect()));
    }
    if cursor.has("heal") {
        return heal(cursor, brokers).map(Some);
    }
    if cursor.has("search") {
        return search(cursor).map(|blow| Some(vec![blow]));
    }
    if cursor.has("store") {
        let state = match cursor.one_of("state of the object store", &["works", "denied", "gone"])? {
            "works" => StoreState::Works,
            "denied" => StoreState::Denied,
            _ => StoreState::Gone,
        };
        return Ok(Some(vec![Blow::StoreIs(state)]));
    }
    if cursor.has("somebody") {
        if matches!(cursor.peek(), Some("disables" | "enables" | "points")) {
            // This is a call, not a blow: it may be refused.
            cursor.back();
            return Ok(None);
        }
        return somebody(cursor).map(|blow| Some(vec![blow]));
    }
    Ok(None)
}

/// What somebody else does to the world.
fn somebody(cursor: &mut Cursor<'_>) -> Result<Blow, Mistake> {
    let word = cursor.one_of("thing that somebody does", &SOMEBODY)?;
    let mut phrase = |words: &[&'static str]| -> Result<(), Mistake> {
        for word in words {
            cursor.one_of("word here", &[word])?;
        }
        Ok(())
    };
    Ok(match word {
        "pauses" => phrase(&["exporting"]).map(|()| Blow::SomebodyPauses)?,
        "resumes" => phrase(&["exporting"]).map(|()| Blow::SomebodyResumes)?,
        "begins" => phrase(&["a", "change"]).map(|()| Blow::SomebodyMistypes)?,
        "cancels" => phrase(&["the", "change"]).map(|()| Blow::SomebodyCancels)?,
        "rebalances" => Blow::SomebodyRebalances,
        "upgrades" => Blow::SomebodyUpgrades(lab_region(cursor.region()?)),
        "restarts" => Blow::SomebodyRestartsBrokers(lab_region(cursor.region()?)),
        "uninstalls" => Blow::SomebodyUninstalls(lab_region(cursor.region()?)),
        _ => Blow::SomebodyForces(lab_region(cursor.region()?)),
    })
}

fn heal(cursor: &mut Cursor<'_>, brokers: u32) -> Result<Vec<Blow>, Mistake> {
    Ok(match aim(cursor, brokers)? {
        Aim::Region(region) => {
            let with_old_disks = || {
                let all = (0..brokers).map(BrokerId);
                let own = all.filter(|broker| broker.region() == region);
                let mut blows: Vec<Blow> = own.map(Blow::BrokerThaws).collect();
                blows.push(Blow::RegionReturns(region, Data::Old));
                blows
            };
            match cursor.peek() {
                Some("--bare") if cursor.has("--bare") => vec![Blow::RegionIsBare(region)],
                Some("--empty") if cursor.has("--empty") => vec![Blow::RegionReturns(region, Data::Empty)],
                _ => with_old_disks(),
            }
        }
        Aim::Broker(broker) => vec![Blow::BrokerThaws(broker), Blow::BrokerStarts(broker)],
        Aim::Search(region) => vec![
            Blow::SearchThaws(region),
            Blow::SearchIsQuick(region),
            Blow::SearchStarts(region),
        ],
        Aim::Link | Aim::LinkFrom(_) => vec![Blow::LinkHeals],
        Aim::Names => vec![Blow::NamesAreFound],
    })
}

fn search(cursor: &mut Cursor<'_>) -> Result<Blow, Mistake> {
    const KNOWN: [&str; 5] = [
        "red",
        "green",
        "partial-snapshot",
        "failed-snapshot",
        "empty-indices",
    ];
    let region = lab_region(cursor.region()?);
    Ok(match cursor.one_of("thing that befalls a search", &KNOWN)? {
        "red" => Blow::SearchTurnsRed(region),
        "green" => Blow::SearchTurnsGreen(region),
        "partial-snapshot" => Blow::SearchFails(region, SearchFault::PartialSnapshot),
        "failed-snapshot" => Blow::SearchFails(region, SearchFault::FailedSnapshot),
        _ => Blow::SearchFails(region, SearchFault::EmptyIndices),
    })
}

/// `for 30s`, where what was done heals by itself.
fn lasts(cursor: &mut Cursor<'_>, blows: &[Blow]) -> Result<Option<Duration>, Mistake> {
    if !cursor.has("for") {
        return Ok(None);
    }
    if blows.iter().any(|blow| blow.healed_by().is_none()) {
        return Err(cursor.wrong(
            "this does not heal by itself",
            "Say when and how it comes back on a line of its own: `at 60s heal region1 --bare`.",
        ));
    }
    cursor.duration().map(Some)
}

/// Something that is done by a line that waits for nothing.
pub(super) fn deed(cursor: &mut Cursor<'_>, brokers: u32) -> Result<Deed, Mistake> {
    if let Some(blows) = blows(cursor, brokers)? {
        let lasts = lasts(cursor, &blows)?;
        return Ok(Deed::Blows(blows, lasts));
    }
    Ok(match cursor.one_of("deed", &BEGINNINGS)? {
        "load" => load(cursor)?,
        "traffic" => Deed::Names(
            match cursor.one_of(
                "state of the name server",
                &["works", "refused", "ignored", "hangs", "unanswered"],
            )? {
                "works" => NamesTrouble::None,
                "refused" => NamesTrouble::Refuses,
                "ignored" => NamesTrouble::Ignores,
                "hangs" => NamesTrouble::Hangs,
                _ => NamesTrouble::Mute,
            },
        ),
        "install" => {
            let region = cursor.region()?;
            let webapps = match cursor.has("--webapps") {
                true => cursor.one_of("state of the webapps", &["on", "off"])? == "on",
                false => true,
            };
            Deed::Install { region, webapps }
        }
        "uninstall" => Deed::Uninstall(cursor.region()?),
        "delete-volumes" => Deed::DeleteVolumes(cursor.region()?),
        _ => {
            let word = cursor.one_of("thing that somebody does", &SOMEBODY)?;
            if word == "points" {
                for word in ["traffic", "to"] {
                    cursor.one_of("word here", &[word])?;
                }
                return Ok(Deed::PointNames(match cursor.has("elsewhere") {
                    true => None,
                    false => Some(cursor.region()?),
                }));
            }
            let on = word == "enables";
            for word in ["the", "exporter", "to"] {
                cursor.one_of("word here", &[word])?;
            }
            Deed::SetExporter {
                region: cursor.region()?,
                on,
            }
        }
    })
}

/// `load 4 creates/s`.
fn load(cursor: &mut Cursor<'_>) -> Result<Deed, Mistake> {
    let creates = cursor.number("how many creates", 0, LOAD_MAX)?;
    cursor.one_of("unit of the load", &["creates/s"])?;
    Ok(Deed::Load(f64::from(u32::try_from(creates).unwrap_or(0))))
}

/// What happens at a moment that nobody waits for; on which side of a request, if it is one.
pub(super) fn struck(cursor: &mut Cursor<'_>, side: Option<Side>, brokers: u32) -> Result<Struck, Mistake> {
    if let Some(blows) = blows(cursor, brokers)? {
        let lasts = lasts(cursor, &blows)?;
        return match blows.as_slice() {
            [blow] => Ok(Struck::Blow(*blow, lasts)),
            // A region that returns, or a broker that is started: the last of them is what was meant.
            [
                ..,
                blow @ (Blow::RegionReturns(..) | Blow::BrokerStarts(_) | Blow::SearchStarts(_)),
            ] => Ok(Struck::Blow(*blow, lasts)),
            _ => Err(cursor.wrong(
                "only one thing can happen at such a moment",
                "Name one broker: `freeze broker:2`.",
            )),
        };
    }
    match cursor.one_of("thing that can happen at such a moment", &STRUCK)? {
        "kill" => {
            cursor.one_of("thing that can be killed so", &["c8dr"])?;
            Ok(Struck::KillC8dr)
        }
        "spoil" if side != Some(Side::Before) => Err(cursor.wrong(
            "a request is spoilt before it leaves",
            "Write `before FB5 spoil lost-after-effect`; the word says what becomes of its effect.",
        )),
        "spoil" => Ok(Struck::Spoil(
            match cursor.one_of("thing that becomes of a request", &SPOILS)? {
                "lost-before-effect" => Spoil::LostBefore,
                "lost-after-effect" => Spoil::LostAfter,
                "timeout-after-effect" => Spoil::LateAfter,
                "not-sent" => Spoil::NotSent,
                _ => {
                    match cursor.one_of("status that something in between answers", &["409", "502", "504"])? {
                        "409" => Spoil::Status(409),
                        "502" => Spoil::Status(502),
                        _ => Spoil::Status(504),
                    }
                }
            },
        )),
        _ => Err(cursor.wrong(
            "at such a moment nobody calls an exporter on or off",
            "Put that on a line of its own: `at 5s somebody disables the exporter to region1`.",
        )),
    }
}
