//! Looks for a while before something is decided: one reading is never believed.

use std::time::Duration;

use c8dr_domain::diagnose::{Code, Diagnosis, diagnose};
use c8dr_domain::history::History;
use c8dr_engine::backoff::Backoff;
use c8dr_engine::observe::{Look, observe};

use crate::site::Site;

/// How long a state that time may make clearer is watched before a plan is refused: leaders step down within eight
/// seconds, eleven on a busy machine. `spec: edge-cases.md E5`
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// How long `status` looks at a state that one reading can't tell: an election, and a little more.
pub(crate) const GLANCE: Duration = Duration::from_secs(4);

/// How long a silence is watched that may be a hiccup: a broker between two garbage collections, a dropped packet.
pub(crate) const HICCUP: Duration = Duration::from_secs(3);

/// States that another reading may change at once.
pub(crate) fn may_clear(code: Code) -> bool {
    matches!(
        code,
        Code::RegionSuspected | Code::Unclear | Code::Leaderless | Code::ElectingAfterForce
    )
}

/// Looks once, and again as long as what is seen may clear, at most for `patience`. Tells each diagnosis.
pub(crate) async fn watch(
    site: &Site,
    history: &mut History,
    patience: Duration,
    seed: u64,
    mut tell: impl FnMut(&Diagnosis),
) -> Diagnosis {
    let began = site.clock.now();
    let mut backoff = Backoff::seeded(seed);
    let mut look = Look::Everything;
    loop {
        history.add(observe(&site.cluster, &site.clock, look).await);
        let diagnosis = diagnose(&site.config.installation, history);
        tell(&diagnosis);
        let enough = !may_clear(diagnosis.code) || site.clock.now().since(began) >= patience;
        // Where one reading said something alarming, a second has to say it, too.
        if enough && (diagnosis.code == Code::Healthy || history.len() >= 3) {
            return diagnosis;
        }
        if let (Code::RegionSuspected, Some(lost)) = (diagnosis.code, diagnosis.region) {
            look = Look::Loss { lost };
        }
        site.clock.sleep(backoff.pause()).await;
    }
}
