//! `c8dr status`: look, say what is wrong, say what next. Changes nothing.

use std::time::Duration;

use c8dr_domain::diagnose::diagnose;
use c8dr_domain::history::History;
use c8dr_domain::observation::Sight;
use c8dr_domain::traffic::TrafficSight;
use c8dr_engine::observe::{Look, observe};
use c8dr_engine::ports::Zeebe;
use c8dr_systems::zeebe::zbctl;

use crate::args::{Args, Output, Status};
use crate::error::CliError;
use crate::exit::Exit;
use crate::show::status::OpenRun;
use crate::show::{self, Screen};
use crate::site::Site;
use crate::watch::{GLANCE, watch};

/// How often `--watch` looks.
const EVERY: Duration = Duration::from_secs(1);

pub(super) async fn run(args: &Args, screen: &Screen, status: &Status) -> Result<Exit, CliError> {
    let site = Site::open(args, screen)?;
    if screen.output == Output::Zbctl {
        return as_zbctl(&site, screen).await;
    }
    let mut history = History::new();
    let diagnosis = watch(&site, &mut history, GLANCE, 0, |_| {}).await;
    let traffic = look_at_names(&site).await;
    let mut is_read = print(&site, screen, &history, &diagnosis, traffic.as_ref())?;
    // Where the pipe was closed nobody reads any more, and watching on would never end.
    while status.watch && is_read {
        site.clock.sleep(EVERY).await;
        history.add(observe(&site.cluster, &site.clock, Look::Everything).await);
        let diagnosis = diagnose(&site.config.installation, &history);
        if screen.is_human() && screen.is_live {
            // Home and clear: the newest look replaces the one before.
            screen.clear();
        }
        let traffic = look_at_names(&site).await;
        is_read = print(&site, screen, &history, &diagnosis, traffic.as_ref())?;
    }
    Ok(Exit::Done)
}

/// Where the users' names point, where they are configured.
async fn look_at_names(site: &Site) -> Option<Sight<TrafficSight>> {
    match &site.traffic {
        Some(traffic) => Some(traffic.look().await),
        None => None,
    }
}

fn print(
    site: &Site,
    screen: &Screen,
    history: &History,
    diagnosis: &c8dr_domain::diagnose::Diagnosis,
    traffic: Option<&Sight<TrafficSight>>,
) -> Result<bool, CliError> {
    let (installation, endpoints) = (&site.config.installation, &site.config.endpoints);
    // What is seen counts also where this machine's own journals cannot be read.
    let open = site.open_run().ok().flatten().map(|run| OpenRun::of(&run));
    let document = show::status::document(
        installation,
        endpoints,
        history,
        diagnosis,
        traffic,
        open.as_ref(),
    );
    screen.result(&document, || {
        show::status::human(
            installation,
            endpoints,
            history,
            diagnosis,
            traffic,
            open.as_ref(),
        )
    })
}

/// The first gateway's own view, as `zbctl status` prints it.
async fn as_zbctl(site: &Site, screen: &Screen) -> Result<Exit, CliError> {
    let mut instead = Vec::new();
    for gateway in site.cluster.gateways().into_keys() {
        for sight in [
            site.cluster.topology_by_grpc(&gateway).await,
            site.cluster.topology(&gateway).await,
        ] {
            if let Some(topology) = sight.seen() {
                screen.print(&zbctl::render(topology));
                return Ok(Exit::Done);
            }
            instead.extend(sight.instead().map(|words| format!("gateway {gateway}: {words}")));
        }
    }
    Err(CliError::Usage {
        what: format!("no gateway shows its topology ({})", instead.join("; ")),
        help: "Look at the whole: `c8dr status`.".to_owned(),
    })
}
