//! A recorded run watched from reading to reading, as `c8dr status --watch` would have been.

use c8dr_domain::check::check;
use c8dr_domain::diagnose::{Code, diagnose};
use c8dr_domain::history::History;
use c8dr_domain::ids::RegionId;
use c8dr_domain::installation::Installation;
use c8dr_domain::observation::Observation;
use c8dr_domain::plan::failover::{Request, plan};

use super::{Recording, Stage, dated, moment};

/// A recorded run being watched: readings in order, as often as they were seen, and the diagnosis after each.
pub(crate) struct Watch {
    recording: Recording,
    installation: Installation,
    history: History,
    pub(crate) codes: Vec<Code>,
    /// When each new diagnosis was first made, in seconds of the run.
    pub(crate) since_s: Vec<f64>,
}

impl Watch {
    pub(crate) fn begin(recording: Recording) -> Watch {
        Watch {
            recording,
            installation: recording.installation(),
            history: History::new(),
            codes: Vec::new(),
            since_s: Vec::new(),
        }
    }

    /// A single reading.
    pub(crate) async fn once(&mut self, stage: Stage) {
        let reading = stage.reading().await;
        self.add(reading);
    }

    /// Every answer of a poll, as often as it was seen, beside what else was known then.
    pub(crate) async fn poll(&mut self, number: u32, beside: &Stage) {
        for nth in 0..self.recording.polls(number).len() {
            self.nth_of(number, nth, beside).await;
        }
    }

    /// One answer of a poll, as often as it was seen.
    pub(crate) async fn nth_of(&mut self, number: u32, nth: usize, beside: &Stage) {
        let seen = self.recording.polls(number)[nth];
        let reading = beside.clone().polled(number, nth).reading().await;
        let every_s = (seen.until_s - seen.from_s) / f64::from(seen.times.max(2) - 1);
        for time in 0..seen.times {
            self.add(dated(&reading, seen.from_s + f64::from(time) * every_s));
        }
    }

    fn add(&mut self, reading: Observation) {
        let at_s = reading.at.duration_since(moment(0.0)).as_secs_f64();
        self.history.add(reading);
        let code = diagnose(&self.installation, &self.history).code;
        if self.codes.last() != Some(&code) {
            self.codes.push(code);
            self.since_s.push(at_s);
        }
        self.assert_forced_in_its_time_only(code, at_s);
    }

    /// A force is planned for a region that is lost or is being removed, never before, never again, never for both.
    fn assert_forced_in_its_time_only(&self, code: Code, at_s: f64) {
        let forced: Vec<RegionId> = [RegionId(0), RegionId(1)]
            .into_iter()
            .filter(|lost| owed(&self.installation, &self.history, *lost).contains("FO1"))
            .collect();
        match code {
            Code::RegionLost => assert_eq!(forced.len(), 1, "at {at_s:.1} s"),
            Code::ChangeRunning | Code::ChangeStuck => assert!(forced.len() < 2, "at {at_s:.1} s"),
            _ => assert_eq!(forced, vec![], "{} at {at_s:.1} s", code.as_str()),
        }
    }

    /// The diagnoses in their order, and how long after the kill the loss was proven.
    #[track_caller]
    pub(crate) fn assert_seen(&self, codes: &[Code], killed_s: f64, proven_within_s: f64) {
        assert_eq!(self.codes, codes, "{}: {:?}", self.recording.folder, self.since_s);
        let lost = self
            .codes
            .iter()
            .position(|code| *code == Code::RegionLost)
            .unwrap();
        let proven_s = self.since_s[lost] - killed_s;
        assert!(
            proven_s < proven_within_s,
            "{}: {proven_s:.1} s",
            self.recording.folder
        );
    }
}

/// What a failover of a region comes to, in the words of the table.
pub(crate) fn owed(installation: &Installation, history: &History, lost: RegionId) -> String {
    let latest = history.latest().unwrap();
    match plan(installation, history, &Request::new(lost), latest.until) {
        Err(refusal) => format!("refused: {}", refusal.code),
        Ok(plan) => {
            let complaints = check(&plan, Some(latest));
            let steps: Vec<String> = plan.steps.iter().map(|step| step.id.to_string()).collect();
            match complaints.as_slice() {
                [] => steps.join(" "),
                some => format!("{} but {some:?}", steps.join(" ")),
            }
        }
    }
}
