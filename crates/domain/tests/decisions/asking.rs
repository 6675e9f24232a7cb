//! How the traps ask: a diagnosis, a plan, a refusal, a verdict or a gap in the fence, each held to what it should be.

use c8dr_domain::check::{Severity, check};
use c8dr_domain::condition::{Condition, Known, Verdict};
use c8dr_domain::diagnose::{Code, Diagnosis, diagnose};
use c8dr_domain::fence::{Gap, Pale, gaps};
use c8dr_domain::history::History;
use c8dr_domain::ids::{ChangeId, RegionId};
use c8dr_domain::picture::Picture;
use c8dr_domain::plan::failover::{Request, plan};
use c8dr_domain::plan::{Plan, Refusal, StepId};

use crate::world::{PARIS, World, brokers, noon};

pub(crate) const FO1: StepId = StepId::Fo1;
pub(crate) const FO2: StepId = StepId::Fo2;

pub(crate) fn four() -> World {
    World::of(4, 4)
}

pub(crate) fn failed_over() -> World {
    four().loses(PARIS).forced(PARIS, 2).elected().disabled(PARIS, 4)
}

#[track_caller]
pub(crate) fn diagnosed(history: &History, code: Code) -> Diagnosis {
    let diagnosis = diagnose(&four().installation, history);
    assert_eq!(diagnosis.code, code, "{diagnosis:#?}");
    diagnosis
}

#[track_caller]
pub(crate) fn asked(history: &History, request: &Request) -> Result<Plan, Refusal> {
    plan(&four().installation, history, request, noon())
}

#[track_caller]
pub(crate) fn refused(history: &History, lost: RegionId, code: &str) -> Refusal {
    let refusal = asked(history, &Request::new(lost)).unwrap_err();
    assert_eq!(refusal.code.as_str(), code, "{refusal:#?}");
    assert!(!refusal.way_out.is_empty(), "no way out: {refusal:#?}");
    refusal
}

#[track_caller]
pub(crate) fn planned(history: &History, lost: RegionId, steps: &[StepId]) -> Plan {
    let plan = asked(history, &Request::new(lost)).unwrap();
    let owed: Vec<StepId> = plan.steps.iter().map(|step| step.id).collect();
    assert_eq!(owed, steps, "{plan:#?}");
    let errors: Vec<_> = check(&plan, history.latest())
        .into_iter()
        .filter(|complaint| complaint.severity == Severity::Error)
        .collect();
    assert_eq!(errors, [], "the checker complains");
    plan
}

/// An override does not help.
#[track_caller]
pub(crate) fn refused_in_any_case(history: &History, lost: RegionId, code: &str) {
    let mut request = Request::new(lost);
    request.accept_unfenced = Some("I know better".to_owned());
    request.accept_data_loss = Some("I really do".to_owned());
    refused(history, lost, code);
    assert_eq!(asked(history, &request).unwrap_err().code.as_str(), code);
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stands {
    Met,
    NotYet,
    Broken,
    Moved,
}
pub(crate) use Stands::{Broken, Met, Moved, NotYet};

/// How a condition stands, with a part of what it says.
#[track_caller]
pub(crate) fn stands(condition: &Condition, change: Option<i64>, history: &History, how: Stands, says: &str) {
    let known = Known {
        change: change.map(ChangeId),
        ..Known::default()
    };
    judged(condition, &known, history, how, says);
}

#[track_caller]
pub(crate) fn judged(condition: &Condition, known: &Known, history: &History, how: Stands, says: &str) {
    let installation = four().installation;
    let picture = Picture::of(&installation, history).unwrap();
    let verdict = condition.judge(&picture, known, &Default::default());
    let stands = match verdict {
        Verdict::Met(_) => Met,
        Verdict::NotYet(_) => NotYet,
        Verdict::Broken(_) => Broken,
        Verdict::Moved(_) => Moved,
    };
    assert_eq!(stands, how, "{verdict:?}");
    assert!(verdict.words().contains(says), "{says:?} is not in {verdict:?}");
}

#[track_caller]
pub(crate) fn fence_gaps(history: &History, lost: RegionId) -> Vec<Gap> {
    let installation = four().installation;
    gaps(&Picture::of(&installation, history).unwrap(), lost)
}

#[track_caller]
pub(crate) fn gap_in(history: &History, lost: RegionId, pale: Pale, says: &str) {
    let gaps = fence_gaps(history, lost);
    let gap = gaps
        .iter()
        .find(|gap| gap.pale == pale)
        .unwrap_or_else(|| panic!("no gap in {pale:?}: {gaps:#?}"));
    assert!(gap.why.contains(says), "{says:?} is not in {gap:?}");
}

pub(crate) fn led_by_survivors() -> Condition {
    Condition::Led { by: brokers(&[0, 2]) }
}
