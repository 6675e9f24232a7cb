//! `c8dr explain`: what a code means, why c8dr says it, and the ways out. Asks nobody.

use crate::error::CliError;
use crate::exit::Exit;
use crate::explain::{self, Kind};
use crate::show::{self, Screen};

pub(super) fn run(screen: &Screen, code: Option<&str>) -> Result<Exit, CliError> {
    match code {
        Some(code) => {
            let page = explain::page(code).map_err(|nearest| CliError::UnknownCode {
                typed: code.to_owned(),
                nearest,
            })?;
            screen.result(&page, || show::explain::page(&page))?;
        }
        None => {
            let pages = explain::all();
            let kinds: Vec<_> = Kind::ALL.iter().map(|kind| (*kind, kind.codes())).collect();
            screen.result(&pages, || show::explain::list(&kinds, &pages))?;
        }
    }
    Ok(Exit::Done)
}
