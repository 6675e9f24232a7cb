//! The lab's name server behind the engine's port, in both rings: it stands outside both regions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use c8dr_domain::effect::{Answer, TrafficEffect};
use c8dr_domain::ids::RegionId;
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::plan::traffic::Reroute;
use c8dr_domain::traffic::{Pointing, TrafficSight};
use c8dr_engine::ports::Traffic;
use c8dr_lab::{Lab, NamesChanged, Region};
use futures_util::future::BoxFuture;

use crate::disaster::region;

/// How long it takes to answer.
const ANSWER: Duration = Duration::from_millis(120);
/// After how long an answer that does not come is given up.
const TOO_LATE: Duration = Duration::from_secs(10);

/// The clients' name, by the lab's name server.
#[derive(Clone, Debug)]
pub struct LabNames {
    lab: Lab,
}

impl LabNames {
    /// That of a lab.
    pub fn of(lab: &Lab) -> Self {
        LabNames { lab: lab.clone() }
    }

    /// What a plan has to know of it: both regions serve when all is well.
    pub fn reroute(&self) -> Reroute {
        let both: BTreeSet<RegionId> = [RegionId(0), RegionId(1)].into();
        let targets = [both.clone(), [RegionId(0)].into(), [RegionId(1)].into()];
        let commands: BTreeMap<_, _> = (targets.into_iter())
            .map(|to| {
                let lines = self.command(&to);
                (to, lines)
            })
            .collect();
        let ttl = self.lab.with(|world| world.names_really().ttl);
        Reroute {
            normal: both,
            ttl_s: u32::try_from(ttl.as_secs()).ok(),
            lag_s: 0,
            commands,
        }
    }

    async fn see(&self) -> Sight<TrafficSight> {
        let clock = self.lab.clock();
        let record = self.lab.with(|world| world.names().cloned());
        let Some(record) = record else {
            clock.sleep(TOO_LATE).await;
            return Sight::Silent {
                why: Silence::NoAnswer,
                detail: "the name server hangs".to_owned(),
            };
        };
        clock.sleep(ANSWER).await;
        let pointing = Pointing {
            regions: (record.regions.iter())
                .map(|region| RegionId(u32::from(*region == Region::Odd)))
                .collect(),
            strange: record.strange.into_iter().collect(),
        };
        Sight::Seen(TrafficSight {
            names: [(record.name, pointing)].into(),
            ttl_s: u32::try_from(record.ttl.as_secs()).ok(),
            version: Some(record.serial.to_string()),
        })
    }

    async fn change(&self, effect: &TrafficEffect) -> Answer {
        let to: BTreeSet<Region> = effect.to.iter().map(|id| region(*id)).collect();
        let expected = effect.expected.as_ref().and_then(|serial| serial.parse().ok());
        let clock = self.lab.clock();
        clock.sleep(ANSWER).await;
        match self.lab.with(|world| world.point_names(to, expected)) {
            NamesChanged::Taken => Answer::Done,
            NamesChanged::Refused => Answer::Refused {
                status: 403,
                message: "the name server refuses changes".to_owned(),
            },
            NamesChanged::Stale => Answer::Stale {
                message: "the serial is another one".to_owned(),
            },
            NamesChanged::Silence => {
                clock.sleep(TOO_LATE).await;
                Answer::Unknown {
                    status: None,
                    detail: "no answer in time".to_owned(),
                }
            }
        }
    }
}

impl Traffic for LabNames {
    fn place(&self) -> String {
        "the lab's name server".to_owned()
    }

    fn look(&self) -> BoxFuture<'_, Sight<TrafficSight>> {
        Box::pin(self.see())
    }

    fn command(&self, to: &BTreeSet<RegionId>) -> Vec<String> {
        let regions: Vec<String> = to.iter().map(|region| format!("region{region}")).collect();
        vec![format!("names: point to {}", regions.join(" and "))]
    }

    fn perform<'a>(&'a self, effect: &'a TrafficEffect) -> BoxFuture<'a, Answer> {
        Box::pin(self.change(effect))
    }
}
