//! States in which a failback must not be begun, each with its way out.
//!
//! All of it is said before exporting is paused. Guarantees G9, G10, G12; `spec: procedure.md I7–I9, I16, I18`

use std::collections::{BTreeMap, BTreeSet};

use super::{Progress, Scene};
use crate::condition::{Condition, Verdict};
use crate::diagnose::{is_adding, is_enabling};
use crate::ids::{BrokerId, RegionId, counted, listed, sentence};
use crate::observation::Sight;
use crate::plan::{Refusal, RefusalCode};
use crate::planted::{self, Bug};
use crate::topology::ExporterStatus;

impl Scene<'_> {
    /// States in which a failback must not be begun.
    pub(super) fn refuse_what_is_wrong(&self, progress: &Progress) -> Result<(), Refusal> {
        let survivors = self.installation().brokers_of(self.survivors());
        let down: BTreeSet<BrokerId> = self
            .picture
            .region(self.survivors(), self.picture.latest)
            .silent
            .intersection(&survivors)
            .copied()
            .collect();
        if !down.is_empty() {
            return self.refuse(
                RefusalCode::SurvivorDown,
                sentence(
                    "broker",
                    &down,
                    "of the surviving region does not answer; with two replicas its partitions stand still.",
                    "of the surviving region do not answer; with two replicas their partitions stand still.",
                ),
                vec![format!(
                    "Start {} again, then repeat this command.",
                    counted("broker", &down)
                )],
            );
        }
        self.refuse_foreign_change()?;
        let (own, theirs) = (
            self.exporter_status(self.survivors()),
            self.exporter_status(self.request.returning),
        );
        if let Some(status) = own.filter(|status| *status != ExporterStatus::Enabled) {
            return self.refuse(
                RefusalCode::SurvivingExporterOff,
                format!(
                    "The exporter {} of the surviving region is {status}: its search does not get what is processed.",
                    self.installation().region(self.survivors()).exporter
                ),
                vec!["Enable it first; what it missed cannot be copied from anywhere.".to_owned()],
            );
        }
        if *progress < Progress::Enabled && theirs == Some(ExporterStatus::Enabled) {
            return self.refuse(
                RefusalCode::FailoverHalfDone,
                format!(
                    "The exporter {} is still ENABLED, although region {} is not there: the failover was not finished.",
                    self.installation().region(self.request.returning).exporter,
                    self.name(self.request.returning)
                ),
                vec![format!("`c8dr failover --lost {}` does the rest.", self.name(self.request.returning))],
            );
        }
        if let Some(status) =
            theirs.filter(|status| *progress >= Progress::Adding && *status != ExporterStatus::Enabled)
        {
            return self.refuse(
                RefusalCode::MembersUnexpected,
                format!(
                    "Brokers of region {} are members, but its exporter {} is {status}: its search has a hole that no step from here fills.",
                    self.name(self.request.returning),
                    self.installation().region(self.request.returning).exporter
                ),
                vec![format!(
                    "Stop the brokers of region {name}, give it up (`c8dr failover --lost {name}`), and repeat this command.",
                    name = self.name(self.request.returning)
                )],
            );
        }
        self.refuse_webapps(progress)?;
        self.refuse_an_unfilled_search(progress)?;
        self.refuse_one_search()?;
        self.refuse_old_disks(progress)?;
        self.refuse_a_dirty_search(progress)?;
        self.refuse_a_pause(progress)?;
        self.refuse_unseen_platforms(progress)
    }

    fn refuse_foreign_change(&self) -> Result<(), Refusal> {
        let Some(change) = self.pending() else {
            return Ok(());
        };
        let returning = self.installation().region(self.request.returning);
        if is_adding(change, &self.installation().brokers_of(returning.id))
            || is_enabling(change, &returning.exporter)
            || planted::is(Bug::ForeignChangeCancelled)
        {
            return Ok(());
        }
        self.refuse(
            RefusalCode::ChangePending,
            format!(
                "Change {} is pending, and while it is every other change is refused with 409.",
                change.id
            ),
            vec![
                "If it moves, wait for its end: `c8dr status --watch`.".to_owned(),
                format!(
                    "If nobody needs it: `curl -X DELETE $MANAGEMENT/actuator/cluster/changes/{}`, then repeat this command.",
                    change.id
                ),
            ],
        )
    }

    /// The returning exporter is on, but its search was never filled: the failover was left half done, and the region came
    /// back empty. Records of before would be missing there for ever.
    fn refuse_an_unfilled_search(&self, progress: &Progress) -> Result<(), Refusal> {
        if *progress < Progress::Enabled {
            return Ok(());
        }
        let indices = |region: RegionId| {
            let search = self.picture.latest.searches.get(&region)?;
            let counts = search
                .indices
                .seen()?
                .iter()
                .map(|index| (index.name.as_str(), index.documents));
            Some(counts.collect::<BTreeMap<_, _>>())
        };
        let (Some(full), Some(other)) = (indices(self.survivors()), indices(self.request.returning)) else {
            return Ok(());
        };
        let lacking = full
            .into_iter()
            .filter(|(index, documents)| !index.starts_with('.') && documents.is_some_and(|count| count > 0))
            .map(|(index, _)| index)
            .find(|index| matches!(other.get(index), None | Some(Some(0))));
        let Some(lacking) = lacking else { return Ok(()) };
        let (name, exporter) = (
            self.name(self.request.returning),
            &self.installation().region(self.request.returning).exporter,
        );
        self.refuse(
            RefusalCode::SearchNotFilled,
            format!(
                "The exporter {exporter} is on, but the search of region {name} lacks {lacking}: it was never filled from a snapshot."
            ),
            vec![
                format!(
                    "Disable it: `curl -X POST {}/actuator/exporters/{exporter}/disable`.",
                    self.request.management
                ),
                format!("Then rebuild region {name} empty, its search included, and repeat this command."),
            ],
        )
    }

    /// Both addresses lead to one cluster: a restore would be onto itself.
    fn refuse_one_search(&self) -> Result<(), Refusal> {
        let uuid = |region: RegionId| {
            let search = self.picture.latest.searches.get(&region)?;
            search.cluster.seen().map(|cluster| cluster.uuid.as_str())
        };
        let (Some(one), Some(other)) = (uuid(self.survivors()), uuid(self.request.returning)) else {
            return Ok(());
        };
        if one != other {
            return Ok(());
        }
        self.refuse(
            RefusalCode::OneSearch,
            format!("The configured searches of both regions are one and the same cluster ({one})."),
            vec!["Correct the `search` of one region in the configuration.".to_owned()],
        )
    }

    /// Indices with documents stand in the way of the restore. That is said before exporting is paused, not after.
    fn refuse_a_dirty_search(&self, progress: &Progress) -> Result<(), Refusal> {
        if *progress >= Progress::Enabled {
            return Ok(());
        }
        let indices = |region: RegionId| {
            let search = self.picture.latest.searches.get(&region)?;
            search.indices.seen()
        };
        let (Some(source), Some(found)) = (indices(self.survivors()), indices(self.request.returning)) else {
            return Ok(());
        };
        let real: Vec<String> = found
            .iter()
            .filter(|index| !index.name.starts_with('.') && index.documents != Some(0))
            .filter(|index| source.iter().any(|other| other.name == index.name))
            .map(|index| match index.documents {
                Some(documents) => format!("{} ({documents} documents)", index.name),
                None => format!("{} (unreadable)", index.name),
            })
            .collect();
        if real.is_empty() {
            return Ok(());
        }
        let name = self.name(self.request.returning);
        self.refuse(
            RefusalCode::SearchNotClean,
            format!(
                "The search of region {name} is not empty; a restore would stumble over {}.",
                listed(&real)
            ),
            vec![
                format!(
                    "If that is what an earlier failback has left: uninstall the release of region {name}, delete its volume claims by name, then repeat this command."
                ),
                "If it may be somebody's data: find out whose before anything is deleted; c8dr deletes nothing that has documents."
                    .to_owned(),
            ],
        )
    }

    /// Webapps that write where the plan cannot, or does not, take them down.
    fn refuse_webapps(&self, progress: &Progress) -> Result<(), Refusal> {
        if *progress >= Progress::Enabled {
            return Ok(());
        }
        let returning = self.request.returning;
        if !self.request.webapps {
            let unexpected = [self.survivors(), returning]
                .into_iter()
                .find(|region| self.webapps_in(*region));
            let Some(region) = unexpected else { return Ok(()) };
            return self.refuse(
                RefusalCode::WebappsUnexpected,
                format!(
                    "Pods of Operate or Tasklist run in region {}, and the configuration says that there are none: they would write while the snapshot is taken.",
                    self.name(region)
                ),
                vec![
                    "Say in the configuration that the installation has webapps, then repeat this command.".to_owned(),
                    format!("If nobody needs them: take them down in region {}, then repeat this command.", self.name(region)),
                ],
            );
        }
        if self.has_joined() && self.webapps_in(returning) {
            return self.refuse(
                RefusalCode::WebappsUnexpected,
                format!(
                    "Region {} is installed, and Operate or Tasklist run in it: they make indices that the restore stumbles on.",
                    self.name(returning)
                ),
                vec![format!(
                    "Upgrade the release of region {} with Operate and Tasklist off, then repeat this command.",
                    self.name(returning)
                )],
            );
        }
        Ok(())
    }

    /// Guarantee G12: what came back with its old disks has to go first.
    fn refuse_old_disks(&self, progress: &Progress) -> Result<(), Refusal> {
        // One that is being added may hold something before the members are read again.
        if self.is_adding() {
            return Ok(());
        }
        let left = Condition::NothingLeft {
            region: self.request.returning,
        };
        let verdict = left.judge(self.picture, &Default::default(), &Default::default());
        // Volumes of a region whose brokers are there are in use, and new.
        let is_rebuilt = *progress >= Progress::Rebuilt;
        match verdict {
            Verdict::Broken(words) if !is_rebuilt || words.contains("old disk") => self.refuse(
                RefusalCode::ReturnedWithOldDisks,
                words,
                vec![
                    format!(
                        "Uninstall the release of region {}, delete its volume claims by name, then repeat this command.",
                        self.name(self.request.returning)
                    ),
                    "In the lab: `c8dr lab ctl uninstall --region REGION`, then `c8dr lab ctl delete-volumes --region REGION`."
                        .to_owned(),
                ],
            ),
            _ => Ok(()),
        }
    }

    /// A pause that this run did not begin may be somebody's backup.
    fn refuse_a_pause(&self, progress: &Progress) -> Result<(), Refusal> {
        let paused = self.picture.paused();
        // With the exporter on and no broker added yet, the pause is the one that a failback left behind.
        if paused.is_empty() || *progress == Progress::Enabled || self.request.adopt_pause.is_some() {
            return Ok(());
        }
        self.refuse(
            RefusalCode::ExportingPaused,
            format!(
                "Exporting is paused on {}, and not by this run: somebody may be in the middle of a backup.",
                counted("broker", paused.keys())
            ),
            vec![
                "If a run of c8dr was interrupted: `c8dr run list`, then `c8dr run resume`.".to_owned(),
                "If a run of another machine was: `c8dr run resume --from-record`.".to_owned(),
                "If nobody needs the pause: `curl -X POST $MANAGEMENT/actuator/exporting/resume`, then repeat this command."
                    .to_owned(),
                format!(
                    "To take the pause over: `c8dr failback --returning {} --adopt-pause \"reason\"`.",
                    self.name(self.request.returning)
                ),
            ],
        )
    }

    /// What cannot be seen cannot be proven: a pod that still writes would make the snapshot worthless.
    fn refuse_unseen_platforms(&self, progress: &Progress) -> Result<(), Refusal> {
        if *progress >= Progress::Enabled {
            return Ok(());
        }
        for region in [self.survivors(), self.request.returning] {
            let pods = self
                .picture
                .latest
                .platforms
                .get(&region)
                .map(|platform| &platform.pods);
            match pods {
                Some(Sight::Seen(_)) => {}
                // A region that is not rebuilt yet may have no API server that answers; it is looked at again in FB1.
                Some(_) if region == self.request.returning => {}
                Some(other) => {
                    return self.refuse(
                        RefusalCode::PlatformUnseen,
                        format!(
                            "The pods of region {} cannot be read: {}.",
                            self.name(region),
                            other.instead().unwrap_or_default()
                        ),
                        vec!["Whether Operate and Tasklist are down cannot be proven without it. Correct `platform.pods` in the configuration.".to_owned()],
                    );
                }
                None => {
                    return self.refuse(
                        RefusalCode::PlatformUnknown,
                        format!("How to reach the platform of region {} is not configured.", self.name(region)),
                        vec!["Add `platform` to both regions in the configuration: `c8dr failback --help` shows an example.".to_owned()],
                    );
                }
            }
        }
        Ok(())
    }
}
