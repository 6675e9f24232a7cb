//! Could a failover and the failback after it be carried out now? Findings, each with what was seen and what to do about it.
//!
//! Pure: the edge gathers a [`History`] of readings and a [`Survey`] of what no run asks for; here they are judged. What was
//! not seen is said to be unknown, never taken for good.

mod brokers;
mod bucket;
mod endpoints;
mod failback;
mod failover;
mod names;
mod network;
mod searches;
pub mod survey;
mod versions;

use serde::{Deserialize, Serialize};
use strum::VariantArray;

pub use self::failover::prospects;
use self::survey::Survey;
use crate::diagnose::Diagnosis;
use crate::history::History;
use crate::ids::RegionId;
use crate::installation::Installation;
use crate::picture::Picture;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// It would work, with less proof, more time, or only if nothing else happens.
    Warning,
    /// It would be refused, or would hang.
    Blocking,
}

/// What a finding is called. Kebab-case; what is also a state, a refusal or an error has that one's name.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::VariantArray,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum FindingCode {
    /// Another state than healthy.
    NotHealthy,
    /// Brokers of a region are no members.
    MembersMissing,
    /// A change is pending.
    ChangePending,
    /// The cluster has no such exporter.
    ExporterUnknown,
    /// An exporter is off.
    ExporterOff,
    /// An exporter is behind what is processed.
    ExporterBehind,
    /// Exporting is paused.
    ExportingPaused,
    /// Replicas are not where the round robin puts them.
    ReplicasMisplaced,
    /// A broker that would have to go on alone does not answer.
    SurvivorDown,
    /// Brokers' own endpoints are not configured.
    BrokersNotConfigured,
    /// No gateway of a region gives access to the management.
    NoManagement,
    /// Only one gateway of a region shows its topology.
    OneGateway,
    /// Gateways of one region do not list brokers of the other.
    RegionsApart,
    /// An endpoint refuses who we are.
    RightsMissing,
    /// An endpoint that is configured gives no answer, or none that is one.
    NoAnswer,
    /// Gateways and brokers are of different versions.
    VersionsDiffer,
    /// A version that this procedure is not for, or was not tried with.
    VersionUntried,
    /// A snapshot of one search cannot be restored in the other.
    SearchesDiffer,
    /// The searches of both regions are one and the same.
    OneSearch,
    /// A search is red, or takes no writes.
    SearchUnwell,
    /// Indices have no replica of their own.
    NoReplicas,
    /// What a failback needs is not configured.
    NotConfigured,
    /// The repository is registered otherwise than it is configured.
    RepositoryDiffers,
    /// The repository cannot be written to or read.
    RepositoryUnusable,
    /// There is no place outside both regions.
    NoBucket,
    /// The bucket cannot be used.
    BucketUnusable,
    /// The bucket let more than one of many writers win.
    BucketNotExclusive,
    /// The bucket is where it may be lost with a region.
    BucketNear,
    /// What only writing would prove was not proven.
    NotProbed,
    /// A probe left something behind.
    ProbeLeft,
    /// The brokers' disks would not last.
    DiskShort,
    /// For how long the disks would last is not known.
    DiskUnknown,
    /// Brokers do not flush their logs.
    FlushOff,
    /// Pods that should be ready are not.
    PodsUnready,
    /// Pods cannot run.
    PodsBroken,
    /// Something is left in a region that has to be empty.
    Leftovers,
    /// A release is not what the configuration describes.
    ChartDrift,
    /// The values files would install something that does not fit.
    ValuesWrong,
    /// The users' names point elsewhere than the cluster serves.
    NamesElsewhere,
    /// Clocks of servers differ.
    ClocksDiffer,
    /// What was not looked at, or cannot be seen from here.
    NotLookedAt,
}

impl FindingCode {
    /// All that there are.
    pub const ALL: &[FindingCode] = FindingCode::VARIANTS;

    /// The code as it is written.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its code, for `c8dr explain`.
    pub code: FindingCode,
    /// How much it matters.
    pub severity: Severity,
    /// What was seen, as a sentence.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// What the loss of one region would mean now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prospect {
    /// The region.
    pub region: RegionId,
    /// Its name.
    pub name: String,
    /// From the loss until everything is verified, in seconds, without the time that a person takes to decide.
    pub about_s: u64,
    /// What that is made of.
    pub made_of: String,
    /// What speaks against it.
    pub findings: Vec<Finding>,
}

impl Prospect {
    /// Whether nothing blocks.
    pub fn is_ready(&self) -> bool {
        is_clear(&self.findings)
    }
}

/// What a failback would meet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// The region that is owed; `None` while both are members, as either may be lost.
    pub owed: Option<RegionId>,
    /// Zeebe's own part of it, in seconds. The platform and the data come on top.
    pub about_s: u64,
    /// What that is made of.
    pub made_of: String,
    /// What speaks against it.
    pub findings: Vec<Finding>,
}

impl Return {
    /// Whether nothing blocks.
    pub fn is_ready(&self) -> bool {
        is_clear(&self.findings)
    }
}

/// Whether an installation could lose a region now and get it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Whether nothing blocks, neither a failover of either region nor the failback after it.
    pub is_ready: bool,
    /// Whether it was tried to write, where nothing else would prove it.
    pub is_probed: bool,
    /// The loss of each region.
    pub losses: Vec<Prospect>,
    /// The failback.
    pub failback: Return,
}

/// Judges everything that was seen.
pub fn readiness(
    installation: &Installation,
    history: &History,
    diagnosis: &Diagnosis,
    survey: &Survey,
) -> Readiness {
    let mut losses = prospects(installation, history, diagnosis);
    let mut failback = failback::none();
    if let Some(picture) = Picture::of(installation, history) {
        let scene = Scene { picture, survey };
        let common = scene.of_failover();
        for prospect in &mut losses {
            prospect.findings.extend(common.iter().cloned());
            sort(&mut prospect.findings);
        }
        failback = scene.of_failback();
        sort(&mut failback.findings);
    }
    Readiness {
        is_ready: !losses.is_empty() && losses.iter().all(Prospect::is_ready) && failback.is_ready(),
        is_probed: survey.is_probed,
        losses,
        failback,
    }
}

/// What is judged: the cluster as it was read, and everything around it.
struct Scene<'a> {
    picture: Picture<'a>,
    survey: &'a Survey,
}

impl Scene<'_> {
    fn name(&self, region: RegionId) -> &str {
        &self.picture.installation.region(region).name
    }

    /// What concerns a failover of either region, besides the cluster itself.
    fn of_failover(&self) -> Vec<Finding> {
        let mut findings = self.cluster_unheard();
        findings.extend(self.regions_apart());
        findings.extend(self.cluster_versions());
        findings.extend(self.bucket());
        findings.extend(self.flush());
        findings.extend(self.names());
        findings.extend(self.clocks());
        findings.push(self.not_looked_at());
        findings
    }
}

/// The worst first; what is alike stays in its order.
fn sort(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
}

fn is_clear(findings: &[Finding]) -> bool {
    findings
        .iter()
        .all(|finding| finding.severity < Severity::Blocking)
}

fn finding(
    severity: Severity,
    code: FindingCode,
    what: impl Into<String>,
    remedy: impl Into<String>,
) -> Finding {
    Finding {
        code,
        severity,
        what: what.into(),
        remedy: remedy.into(),
    }
}
