//! The bucket: that it answers, that of many writers one wins, and that it does not lie where it is lost with a region.

use super::endpoints::{Trouble, trouble};
use super::survey::{BucketAt, BucketSurvey, Race};
use super::{Finding, FindingCode, Scene, Severity, finding};
use crate::ids::counted;
use crate::observation::Sight;

/// How names end that only a Kubernetes cluster resolves, and schemes that lead into one.
const IN_A_CLUSTER: [&str; 4] = [".svc", ".cluster.local", ".svc.", ".cluster.local."];

impl Scene<'_> {
    /// Everything about the bucket.
    pub(super) fn bucket(&self) -> Vec<Finding> {
        let Some(bucket) = &self.survey.bucket else {
            return vec![finding(
                Severity::Warning,
                FindingCode::NoBucket,
                "No bucket is configured: only this machine is kept from giving up the other region too, and only it can go on with a run.",
                "Give a `bucket` outside both regions.",
            )];
        };
        let mut findings = Vec::new();
        findings.extend(unusable(bucket));
        findings.extend(self.near(bucket));
        if bucket.listed.seen().is_some() {
            findings.extend(raced(&bucket.place, &bucket.race));
        }
        findings
    }

    /// Whether it is lost with a region, or with this machine, as far as an address tells.
    fn near(&self, bucket: &BucketSurvey) -> Option<Finding> {
        let place = &bucket.place;
        let elsewhere = "Use a bucket of a third place, which neither region's loss takes away.";
        let near = |what: String| {
            Some(finding(
                Severity::Warning,
                FindingCode::BucketNear,
                what,
                elsewhere,
            ))
        };
        match &bucket.at {
            BucketAt::Service => None,
            BucketAt::Folder => near(format!(
                "The bucket {place} is a folder: it is as far away as what is mounted there, and is lost with this machine if that is its own disk."
            )),
            BucketAt::Host(host) => {
                let lives_with: Vec<&str> = (self.survey.configured.hosts.iter())
                    .filter(|(_, hosts)| hosts.contains(host))
                    .map(|(region, _)| self.name(*region))
                    .collect();
                if !lives_with.is_empty() {
                    return near(format!(
                        "The bucket {place} is at the same host as services of {}: it is lost with it.",
                        counted("region", lives_with)
                    ));
                }
                IN_A_CLUSTER
                    .iter()
                    .any(|end| host.ends_with(end))
                    .then(|| {
                        near(format!(
                            "The bucket {place} is at a name inside a Kubernetes cluster: it is lost with that cluster."
                        ))
                    })
                    .flatten()
            }
        }
    }
}

fn unusable(bucket: &BucketSurvey) -> Option<Finding> {
    let place = &bucket.place;
    Some(match trouble(&bucket.listed)? {
        Trouble::Refused(instead) => finding(
            Severity::Blocking,
            FindingCode::RightsMissing,
            format!("The bucket {place} refuses who we are: {instead}."),
            "Correct `bucket` in the configuration. The key needs s3:ListBucket, s3:GetObject and s3:PutObject.",
        ),
        Trouble::Unheard(instead) => finding(
            Severity::Blocking,
            FindingCode::BucketUnusable,
            format!("The bucket {place} cannot be listed: {instead}."),
            "See whether it is there. In the night a failover without it has to be accepted by `--accept-unrecorded`.",
        ),
    })
}

/// What came of many writers at once.
fn raced(place: &str, race: &Sight<Race>) -> Vec<Finding> {
    let mut findings = Vec::new();
    match race {
        Sight::NotAsked => findings.push(finding(
            Severity::Note,
            FindingCode::NotProbed,
            format!("Whether of many writers only one wins in {place} was not tried: only writing would show it, and a store that ignores `If-None-Match` lets all win."),
            "`c8dr ready --probe` lets 64 put one key at once, and takes it away again.",
        )),
        Sight::Seen(race) => {
            findings.extend(outcome(place, race));
            if let Some(left) = &race.left {
                findings.push(finding(
                    Severity::Note,
                    FindingCode::ProbeLeft,
                    format!("The probe could not take its object out of {place}: {left}."),
                    "Delete what lies under `probe/` by hand, or let the bucket's lifecycle do it; nothing reads it.",
                ));
            }
        }
        other => findings.push(finding(
            Severity::Blocking,
            FindingCode::BucketUnusable,
            format!(
                "Whether of many writers only one wins in {place} is not known: {}.",
                other.instead().unwrap_or_default()
            ),
            "Try it again; see whether the bucket answers.",
        )),
    }
    findings
}

fn outcome(place: &str, race: &Race) -> Option<Finding> {
    let another = "Use a store that keeps `If-None-Match: *`, as Amazon's S3, MinIO and versitygw do; and no proxy that leaves it out.";
    if race.won > 1 || (race.won == 1 && !race.is_winners) {
        let what = match race.won {
            1 => format!(
                "In {place} one of {} writers was told that it had won, and another's object is there.",
                race.writers
            ),
            won => format!(
                "In {place} {won} of {} writers of one key were told that theirs is there: two machines could give up both regions.",
                race.writers
            ),
        };
        return Some(finding(
            Severity::Blocking,
            FindingCode::BucketNotExclusive,
            what,
            another,
        ));
    }
    if race.won == 1 {
        return None;
    }
    let why = match &race.refused {
        Some(why) => why.clone(),
        None => format!("{} of {} writers could not tell", race.unknown, race.writers),
    };
    Some(finding(
        Severity::Blocking,
        FindingCode::BucketUnusable,
        format!("Nothing could be put into {place} if absent: {why}."),
        format!("The key needs s3:PutObject. {another}"),
    ))
}
