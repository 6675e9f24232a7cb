//! `c8dr ready`: what the loss of each region would mean now. Changes nothing.

use c8dr_domain::history::History;
use c8dr_domain::ready::prospects;

use crate::args::Args;
use crate::error::CliError;
use crate::exit::Exit;
use crate::show::{self, Screen};
use crate::site::Site;
use crate::watch::{GLANCE, watch};

pub(super) async fn run(args: &Args, screen: &Screen) -> Result<Exit, CliError> {
    let site = Site::open(args, screen)?;
    let mut history = History::new();
    let diagnosis = watch(&site, &mut history, GLANCE, 0, |_| {}).await;
    let prospects = prospects(&site.config.installation, &history, &diagnosis);
    screen.result(&prospects, || show::ready::human(&prospects))?;
    let is_ready = !prospects.is_empty() && prospects.iter().all(c8dr_domain::ready::Prospect::is_ready);
    Ok(if is_ready { Exit::Done } else { Exit::Refused })
}
