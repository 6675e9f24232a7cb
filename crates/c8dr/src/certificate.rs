//! The certificate of a failback: that both regions hold the same records, as its journal tells it and byte for byte.
//!
//! It is derived from the journal alone, so that whoever has both can check the one against the other without any network.
//! The journal proves itself by its hashes; the certificate is what a person files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use c8dr_domain::exporting::PositionVector;
use c8dr_domain::ids::{listed, number};
use c8dr_domain::plain::{self, quoted};
use c8dr_domain::plan::{Kind, StepId};
use c8dr_domain::run::{Event, Phase};
use c8dr_domain::search::Holdings;
use c8dr_engine::journal::Recovered;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::error::CliError;
use crate::report::text::plain;

/// Its name in a run's directory.
pub const FILE_NAME: &str = "certificate.json";

/// The version of its form. A reader of a later form still derives the earlier ones byte for byte.
const FORMAT: u32 = 1;

/// Why a run that began behind the pause tells no V. Part of the form: it stands in files.
const NO_POSITIONS: &str =
    "The run began when the returning exporter was on already, so it never read a position vector.";

/// Why a run that began behind the restore tells no snapshot. Part of the form: it stands in files.
const NO_SNAPSHOT: &str = "The run began when the returning search had been filled already. That both searches hold the same was compared all the same.";

/// What a verified failback is certified by. Fields stand in the order of their names, as they do in the file: the bytes
/// must not depend on how some library orders an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// When the run was planned.
    pub begun_at: Timestamp,
    /// What tells a certificate from any other JSON.
    pub certificate: &'static str,
    /// The UUID of each region's search cluster, by the region's name.
    pub clusters: BTreeMap<String, String>,
    /// What both searches held in the end; `None` if the journal does not tell.
    pub compared: Option<ComparedRecords>,
    /// The version of this form.
    pub format: u32,
    /// The installation.
    pub installation: Shape,
    /// The journal that it is derived from.
    pub journal: JournalMark,
    /// SHA-256 of the plan.
    pub plan_sha256: String,
    /// The position vector V by partition; `None` if the run began behind the pause and never read one.
    pub positions: Option<PositionVector>,
    /// The region that returned.
    pub returning: String,
    /// The run.
    pub run: String,
    /// The snapshot that filled the returning search; `None` if the run began behind it.
    pub snapshot: Option<TakenSnapshot>,
    /// What it does not tell, by the name of the field, and why.
    pub untold: BTreeMap<&'static str, &'static str>,
    /// When everything that had to hold was read.
    pub verified_at: Timestamp,
}

/// What both searches held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ComparedRecords {
    /// Records of all partitions, as one region holds them; both do, or the certificate does not hold.
    pub records: u64,
    /// By the region's name, then by partition: count, hash, highest position.
    pub regions: BTreeMap<String, Holdings>,
    /// Up to which position of each partition it was compared.
    pub up_to: PositionVector,
}

/// What the installation is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shape {
    /// Its name.
    pub name: String,
    /// How many partitions it has, counted from 1.
    pub partitions: u32,
    /// Both regions' names, in the order of their numbers.
    pub regions: Vec<String>,
}

/// Which journal, down to its last byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JournalMark {
    /// Its records, the header left out.
    pub records: usize,
    /// The hash of its last line, which binds every line before it.
    pub sum: String,
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TakenSnapshot {
    /// Documents by index, read when it was whole.
    pub documents: BTreeMap<String, u64>,
    /// Its name.
    pub name: String,
    /// Its own UUID; the same name may be another snapshot.
    pub uuid: Option<String>,
}

impl Certificate {
    /// The certificate that a journal yields; `None` unless it tells of a failback that was verified.
    pub fn of(recovered: &Recovered) -> Option<Certificate> {
        let run = &recovered.run;
        let verified_at = run
            .ended_at
            .filter(|_| run.phase == Phase::Verified && run.plan.kind == Kind::Failback)?;
        let installation = &run.plan.installation;
        let name = |region| installation.region(region).name.clone();
        let facts = &run.facts;
        let positions = Some(facts.positions.clone()).filter(|positions| !positions.is_empty());
        let snapshot = facts.snapshot.as_ref().map(|snapshot| TakenSnapshot {
            documents: snapshot.documents.clone(),
            name: snapshot.name.clone(),
            uuid: snapshot.uuid.clone(),
        });
        let compared = facts.compared.as_ref().map(|compared| ComparedRecords {
            records: compared
                .held
                .values()
                .next()
                .map_or(0, |held| held.values().map(|holding| holding.count).sum()),
            regions: compared
                .held
                .iter()
                .map(|(region, held)| (name(*region), held.clone()))
                .collect(),
            up_to: compared.up_to.clone(),
        });
        let was_owed = |step: StepId| run.plan.steps.iter().any(|planned| planned.id == step);
        let mut untold = BTreeMap::new();
        if positions.is_none() && !was_owed(StepId::Fb2b) {
            untold.insert("positions", NO_POSITIONS);
        }
        if snapshot.is_none() && !was_owed(StepId::Fb3b) {
            untold.insert("snapshot", NO_SNAPSHOT);
        }
        let plan_sha256 = recovered.events.iter().find_map(|(_, event)| match event {
            Event::Planned { fingerprint, .. } => Some(fingerprint.clone()),
            _ => None,
        });
        Some(Certificate {
            begun_at: run.planned_at,
            certificate: "c8dr-failback",
            clusters: facts
                .clusters
                .iter()
                .map(|(region, uuid)| (name(*region), uuid.clone()))
                .collect(),
            compared,
            format: FORMAT,
            installation: Shape {
                name: installation.name().to_owned(),
                partitions: installation.partitions().count() as u32,
                regions: installation
                    .regions()
                    .each_ref()
                    .map(|region| region.name.clone())
                    .to_vec(),
            },
            journal: JournalMark {
                records: recovered.events.len(),
                sum: recovered.tip.sum.clone(),
            },
            plan_sha256: plan_sha256.unwrap_or_default(),
            positions,
            returning: name(run.plan.lost),
            run: run.id.to_string(),
            snapshot,
            untold,
            verified_at,
        })
    }

    /// Its bytes, as they stand in the file.
    ///
    /// # Errors
    /// If it cannot be written as JSON, which its types exclude.
    pub fn bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut text = plain::json(serde_json::to_string_pretty(self)?);
        text.push('\n');
        Ok(text.into_bytes())
    }

    /// Whether a file is this very certificate, to the byte.
    ///
    /// # Errors
    /// A sentence that names the first field that differs, or where the file is written otherwise.
    pub fn is_in(&self, file: &[u8]) -> Result<(), String> {
        let promised = self.bytes().map_err(|error| error.to_string())?;
        if file == promised {
            return Ok(());
        }
        let said = match (
            serde_json::from_slice::<Value>(file),
            serde_json::from_slice::<Value>(&promised),
        ) {
            (Err(error), _) => format!(
                "it is no JSON any more ({}); {}",
                plain(&error.to_string()),
                should_read(file, &promised)
            ),
            (Ok(found), Ok(value)) => first_difference("", &found, &value).unwrap_or_else(|| {
                format!(
                    "it means the same, but is written otherwise; {}",
                    should_read(file, &promised)
                )
            }),
            (_, Err(error)) => error.to_string(),
        };
        Err(format!("The certificate is not what the journal yields: {said}."))
    }

    /// What is wrong with what it says; nothing if it proves that both regions hold the same.
    pub fn complaints(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        self.complain_of_clusters(&mut wrong);
        self.complain_of_snapshot(&mut wrong);
        let Some(compared) = &self.compared else {
            wrong.push("What both searches hold is not in the journal.".to_owned());
            return wrong;
        };
        let wanted: BTreeSet<u32> = (1..=self.installation.partitions).collect();
        let has_all = |positions: &PositionVector| {
            positions
                .keys()
                .map(|partition| partition.0)
                .collect::<BTreeSet<_>>()
                == wanted
        };
        if !has_all(&compared.up_to) {
            wrong.push("It was not compared on every partition: `compared.up_to` names others.".to_owned());
        }
        for name in &self.installation.regions {
            let held = compared.regions.get(name);
            let partitions: BTreeSet<u32> = held
                .into_iter()
                .flat_map(|held| held.keys())
                .map(|partition| partition.0)
                .collect();
            if partitions != wanted {
                wrong.push(format!(
                    "What region {} held is not told for every partition.",
                    plain(name)
                ));
            }
        }
        let mut sides = compared.regions.iter();
        if let (Some((one, here)), Some((other, there))) = (sides.next(), sides.next()) {
            for (partition, holding) in here {
                if there.get(partition) != Some(holding) {
                    wrong.push(format!(
                        "Regions {} and {} do not hold the same of partition {partition}.",
                        plain(one),
                        plain(other)
                    ));
                }
            }
        }
        for (partition, v) in self.positions.iter().flatten() {
            if compared.up_to.get(partition).is_none_or(|up_to| up_to < v) {
                wrong.push(format!(
                    "Partition {partition} was not compared up to V, which is {v}."
                ));
            }
        }
        if self
            .positions
            .as_ref()
            .is_some_and(|positions| !has_all(positions))
        {
            wrong.push("V does not name every partition.".to_owned());
        }
        if self.positions.is_none() && !self.untold.contains_key("positions") {
            wrong.push("The plan had exporting paused, but V is not in the journal.".to_owned());
        }
        wrong
    }

    fn complain_of_clusters(&self, wrong: &mut Vec<String>) {
        let [one, other] = self.installation.regions.as_slice() else {
            wrong.push("The installation does not have two regions.".to_owned());
            return;
        };
        match (self.clusters.get(one), self.clusters.get(other)) {
            (Some(here), Some(there)) if here == there => wrong.push(format!(
                "Both regions' searches are the one cluster {}: it was compared with itself.",
                plain(here)
            )),
            (Some(here), Some(there)) if !here.is_empty() && !there.is_empty() => {}
            _ => wrong.push("Which search clusters were compared is not in the journal.".to_owned()),
        }
    }

    fn complain_of_snapshot(&self, wrong: &mut Vec<String>) {
        match &self.snapshot {
            Some(snapshot) => {
                if snapshot.uuid.as_ref().is_none_or(String::is_empty) {
                    wrong.push("The UUID of the snapshot is not in the journal.".to_owned());
                }
                if snapshot.documents.is_empty() {
                    wrong.push("The documents of the snapshot are not in the journal.".to_owned());
                }
            }
            None if self.untold.contains_key("snapshot") => {}
            None => {
                wrong.push("The plan had a snapshot taken, but it is not in the journal.".to_owned());
            }
        }
    }
}

impl Certificate {
    /// What it proves, as a sentence.
    pub fn words(&self) -> String {
        let records = self.compared.as_ref().map_or(0, |compared| compared.records);
        format!(
            "Certified: regions {} hold the same {records} records of {}, compared position by position.",
            listed(&self.installation.regions),
            number(self.installation.partitions as usize, "partition"),
        )
    }
}

/// What is wrong with the certificate in a run's directory, against the one that its journal yields.
///
/// # Errors
/// If there is a file and it cannot be read.
pub fn complaints(promised: Option<&Certificate>, directory: &Path) -> Result<Vec<String>, CliError> {
    let path = directory.join(FILE_NAME);
    let file = match std::fs::read(&path) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(source) => {
            return Err(CliError::Io {
                doing: "read",
                path,
                source,
            });
        }
    };
    let Some(promised) = promised else {
        // A file that says more than the journal is no proof of anything.
        return Ok(file
            .map(|_| {
                format!(
                    "There is a {FILE_NAME}, but the journal does not tell of a failback that was verified."
                )
            })
            .into_iter()
            .collect());
    };
    let mut wrong: Vec<String> = match &file {
        Some(file) => promised.is_in(file).err().into_iter().collect(),
        None => vec![format!(
            "The certificate {} is missing. The journal is there, and still proves what the certificate said; keep the journal.",
            path.display()
        )],
    };
    wrong.extend(promised.complaints());
    Ok(wrong)
}

/// A name that a stranger put into a certificate may have any length.
const KEY_LETTERS_MAX: usize = 200;

/// Where two documents differ first, as a sentence's predicate; `None` if they mean the same.
fn first_difference(at: &str, found: &Value, promised: &Value) -> Option<String> {
    let below = |key: &str| match at {
        "" => key.to_owned(),
        _ => format!("{at}.{key}"),
    };
    match (found, promised) {
        (Value::Object(found), Value::Object(promised)) => {
            let keys: BTreeSet<&String> = promised.keys().chain(found.keys()).collect();
            keys.into_iter()
                .find_map(|key| match (found.get(key), promised.get(key)) {
                    (Some(found), Some(promised)) => first_difference(&below(key), found, promised),
                    (None, _) => Some(format!("`{}` is missing", below(key))),
                    (_, None) => Some(format!(
                        "`{}` does not belong there",
                        quoted(&below(key), KEY_LETTERS_MAX)
                    )),
                })
        }
        (Value::Array(found), Value::Array(promised)) => {
            if found.len() != promised.len() {
                return Some(format!(
                    "`{at}` has {} entries, and not {}",
                    found.len(),
                    promised.len()
                ));
            }
            found
                .iter()
                .zip(promised)
                .enumerate()
                .find_map(|(index, (found, promised))| {
                    first_difference(&below(&index.to_string()), found, promised)
                })
        }
        _ if found == promised => None,
        _ => Some(format!("`{at}` is {}, and not {}", cut(found), cut(promised))),
    }
}

/// A value, short enough for a sentence.
fn cut(value: &Value) -> String {
    const LETTERS_MAX: usize = 80;
    let text = plain(&value.to_string());
    match text.char_indices().nth(LETTERS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// The first line that differs, as it should read.
fn should_read(found: &[u8], promised: &[u8]) -> String {
    let same = found
        .iter()
        .zip(promised)
        .take_while(|(found, promised)| found == promised)
        .count();
    if same == promised.len() {
        return "there is more behind its end".to_owned();
    }
    let begin = promised[..same]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let line = promised[begin..]
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let number = promised[..begin].iter().filter(|byte| **byte == b'\n').count() + 1;
    format!(
        "line {number} should read `{}`",
        plain(String::from_utf8_lossy(line).trim())
    )
}
