//! The files that stand beside a run's journal when it ends or stops: its report in three forms, its exchanges, and the
//! certificate of a verified failback. All are derived from the journal as it lies on the disk.

use std::path::{Path, PathBuf};

use c8dr_domain::plain;
use c8dr_engine::journal::{FileJournal, Recovered};
use serde::Serialize;

use super::exchanges::{self, KeptExchange};
use super::page::Page;
use super::pages::{self, Loss};
use super::{DrillReport, RunReport, html, markdown};
use crate::certificate::{self, Certificate};
use crate::error::CliError;

/// Where a run's files lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// The report, as HTML.
    pub report: Option<PathBuf>,
    /// The certificate; `None` where there is none.
    pub certificate: Option<PathBuf>,
}

const MARKDOWN: &str = "report.md";
const JSON: &str = "report.json";
const HTML: &str = "report.html";

impl Files {
    /// Those that lie in a run's directory.
    pub(crate) fn of(directory: &Path) -> Files {
        let there = |name: &str| Some(directory.join(name)).filter(|path| path.is_file());
        Files {
            report: there(HTML),
            certificate: there(certificate::FILE_NAME),
        }
    }
}

/// Writes what the journal in a run's directory tells: its report, and the certificate of a verified failback.
///
/// # Errors
/// If the journal cannot be read or trusted, or a file cannot be written.
pub fn write(directory: &Path) -> Result<Files, CliError> {
    of_run(directory, &[]).map(|(_, files)| files)
}

/// The same with the exchanges that were kept since the last time.
pub(crate) fn of_run(directory: &Path, exchanges: &[KeptExchange]) -> Result<(RunReport, Files), CliError> {
    let recovered = FileJournal::read(directory)?;
    let files = certified(directory, &recovered)?;
    let report = RunReport::of(&recovered.run).lying_at(&files);
    let kept = keep(directory, exchanges)?;
    let page = pages::run(&report, &recovered, &kept);
    put_report(directory, &report, &page)?;
    Ok((report, files))
}

/// A drill's runs, by their directories.
pub(crate) struct DrillRuns<'a> {
    /// The failover's.
    pub(crate) failover: &'a Path,
    /// The failback's, if it came to one.
    pub(crate) failback: Option<&'a Path>,
    /// What the drill knows besides.
    pub(crate) loss: Loss,
}

/// Writes a drill's report beside the last of its runs; it tells of both.
pub(crate) fn of_drill(
    runs: &DrillRuns<'_>,
    report: &mut DrillReport,
    exchanges: &[KeptExchange],
) -> Result<(), CliError> {
    let failover = FileJournal::read(runs.failover)?;
    let failback = runs.failback.map(FileJournal::read).transpose()?;
    let directory = runs.failback.unwrap_or(runs.failover);
    let mut kept = match runs.failback {
        Some(_) => exchanges::read(runs.failover),
        None => Vec::new(),
    };
    kept.extend(keep(directory, exchanges)?);
    if let (Some(recovered), Some(told)) = (&failback, &mut report.failback) {
        let files = certified(directory, recovered)?;
        *told = told.clone().lying_at(&files);
        report.certificate = Certificate::of(recovered);
    }
    report.report = Some(directory.join(HTML));
    let page = pages::drill(report, runs.loss, &failover, failback.as_ref(), &kept);
    put_report(directory, report, &page)
}

/// Puts the certificate there, if the journal yields one, and says where the files lie.
fn certified(directory: &Path, recovered: &Recovered) -> Result<Files, CliError> {
    let path = directory.join(certificate::FILE_NAME);
    let certificate = match Certificate::of(recovered) {
        Some(certificate) => {
            put(&path, &certificate.bytes().map_err(|error| unwritable(&error))?)?;
            Some(path)
        }
        None => None,
    };
    Ok(Files {
        report: Some(directory.join(HTML)),
        certificate,
    })
}

fn put_report<T: Serialize>(directory: &Path, document: &T, page: &Page) -> Result<(), CliError> {
    let json = serde_json::to_string_pretty(document).map_err(|error| unwritable(&error))?;
    put(&directory.join(JSON), plain::json(json).as_bytes())?;
    put(&directory.join(MARKDOWN), markdown::document(page).as_bytes())?;
    put(&directory.join(HTML), html::page(page).as_bytes())
}

fn keep(directory: &Path, exchanges: &[KeptExchange]) -> Result<Vec<KeptExchange>, CliError> {
    exchanges::append(directory, exchanges).map_err(|source| CliError::Io {
        doing: "write the exchanges to",
        path: directory.to_owned(),
        source,
    })?;
    Ok(exchanges::read(directory))
}

/// Puts a file there as a whole: a crash leaves the old one or the new one.
fn put(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let io = |doing| {
        let path = path.to_owned();
        move |source| CliError::Io { doing, path, source }
    };
    let beside = path.with_extension("new");
    std::fs::write(&beside, bytes).map_err(io("write"))?;
    std::fs::rename(&beside, path).map_err(io("replace"))
}

fn unwritable(error: &serde_json::Error) -> CliError {
    CliError::Unwritable {
        form: "JSON",
        why: error.to_string(),
    }
}
