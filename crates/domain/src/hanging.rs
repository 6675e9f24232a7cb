//! Which of a region's brokers hang at their start, and which only wait.
//!
//! A broker that starts while the names of the other region cannot be resolved may hang for good; a new pod of it does not.
//! `spec: concepts.md, startup hang`. By its pod alone it cannot be told from one of a rebuilt region, which runs and is not
//! ready until the failback gives it partitions, and which is right so (`procedure.md FB1`): that one is listed by gateways,
//! one that hangs is not. So without a gateway that says anything nothing is said here either.

use std::time::Duration;

use crate::ids::BrokerId;
use crate::observation::Observation;
use crate::platform::{PodState, PodTrouble};

/// How long a broker may take before it hangs, where nothing else is said: its readiness is first asked for after half a
/// minute, and one with much to read back is listed long before it is ready.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// From when on minutes tell more than seconds.
const MINUTES_FROM: Duration = Duration::from_secs(300);

/// How a broker's pod stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is ready.
    Ready,
    /// It is not ready, and a part of the cluster: it waits for partitions, or reads back what it has.
    InCluster,
    /// It runs, is not ready, and no gateway knows of it; not for long enough yet.
    Early,
    /// The same for long: it hangs.
    Hangs,
    /// It runs and is not ready, and no gateway says who is in the cluster.
    Untold,
    /// It cannot run, and making it anew does not help.
    Broken(PodTrouble),
    /// It is about to be something else, or nobody knows: being started, ending, on a node that is not heard.
    Otherwise(PodState),
}

impl Standing {
    /// What speaks for it, as the end of a sentence that begins with the pod; `after` is how long it has been so.
    pub fn words(self, broker: Option<BrokerId>, after: Option<Duration>) -> String {
        let broker = broker.map_or_else(|| "its broker".to_owned(), |broker| format!("broker {broker}"));
        let long = match after {
            Some(after) if after >= MINUTES_FROM => format!(" for {} min", after.as_secs() / 60),
            Some(after) => format!(" for {} s", after.as_secs()),
            None => ", since when is not known".to_owned(),
        };
        match self {
            Standing::Ready => "is ready".to_owned(),
            Standing::InCluster => {
                format!(
                    "runs and is not ready; {broker} is a part of the cluster: it does not hang, it waits"
                )
            }
            Standing::Early => format!(
                "runs and is not ready{long}, and no gateway lists {broker}: too early to say that it hangs"
            ),
            Standing::Hangs => {
                format!("HANGS: it runs and is not ready{long}, and no gateway lists {broker}")
            }
            Standing::Untold => format!(
                "runs and is not ready{long}; no gateway says who is in the cluster, so whether it hangs is not known"
            ),
            Standing::Broken(trouble) => format!("is {}: it does not hang, it is broken", trouble.words()),
            Standing::Otherwise(state) => format!("is {}", state.words()),
        }
    }
}

/// How a pod stands, by a reading of the cluster; `after` is for how long it has not been ready, as far as that is known.
pub fn standing(
    reading: &Observation,
    broker: Option<BrokerId>,
    state: PodState,
    after: Option<Duration>,
    patience: Duration,
) -> Standing {
    match state {
        PodState::Ready => return Standing::Ready,
        PodState::Broken(trouble) => return Standing::Broken(trouble),
        PodState::Running => {}
        state => return Standing::Otherwise(state),
    }
    // What it says of itself counts first: gateways may be on the other side of a broken link.
    let holds = |broker: &BrokerId| {
        let own = reading
            .brokers
            .get(broker)
            .and_then(|sight| sight.partitions.seen());
        own.is_some_and(|own| !own.is_empty())
    };
    if broker.as_ref().is_some_and(holds) {
        return Standing::InCluster;
    }
    let mut said = reading.topologies().peekable();
    if said.peek().is_none() {
        return Standing::Untold;
    }
    let is_listed = |broker| said.any(|(_, _, topology)| topology.brokers.contains_key(&broker));
    // What has no number is no broker that anybody could list.
    match broker.map(is_listed) {
        None => Standing::Untold,
        Some(true) => Standing::InCluster,
        Some(false) if after.is_some_and(|after| after >= patience) => Standing::Hangs,
        Some(false) => Standing::Early,
    }
}
