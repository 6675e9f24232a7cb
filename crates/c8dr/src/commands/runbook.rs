//! `c8dr runbook`: the procedure for this installation as a page of commands. Asks nobody, changes nothing.

use std::collections::BTreeMap;

use c8dr_domain::ids::RegionId;
use c8dr_systems::auth::Auth;

use super::failback;
use crate::args::{Args, Returning, Runbook as Which};
use crate::error::CliError;
use crate::exit::Exit;
use crate::runbook::{self, Places};
use crate::show::Screen;
use crate::site::Site;

pub(super) async fn run(args: &Args, screen: &Screen, which: &Which) -> Result<Exit, CliError> {
    let site = Site::open(args, screen)?;
    let page = match which {
        Which::Failover { lost } => runbook::failover::runbook(&places(&site), site.region(lost)?),
        Which::Failback { returning } => {
            let asked = Returning {
                returning: returning.clone(),
                adopt_pause: None,
            };
            let request = failback::request(&site, &asked).await?;
            let places = places(&site);
            runbook::failback::runbook(&places, request.returning, &request.repository, request.webapps)
        }
    };
    screen.result(&page, || page.markdown())?;
    Ok(Exit::Done)
}

/// The addresses as they are configured. Secrets stay where they are.
fn places(site: &Site) -> Places {
    let endpoints = &site.config.endpoints;
    let mut gateways: BTreeMap<RegionId, Vec<_>> = BTreeMap::new();
    for gateway in endpoints.gateways.values() {
        if let Some(management) = &gateway.management {
            let addresses = (bare(management), gateway.rest.as_ref().map(bare));
            gateways.entry(gateway.region).or_default().push(addresses);
        }
    }
    let mut brokers: BTreeMap<RegionId, Vec<_>> = BTreeMap::new();
    for (broker, address) in &endpoints.brokers {
        let region = RegionId::of(*broker);
        brokers.entry(region).or_default().push(bare(address));
    }
    let rebuild = &site.config.rebuild;
    let credentials = &endpoints.credentials;
    Places {
        installation: site.config.installation.clone(),
        gateways,
        brokers,
        zeebe_login: ![&credentials.rest, &credentials.management]
            .iter()
            .all(|auth| matches!(auth, Auth::None)),
        search_login: !rebuild
            .searches
            .values()
            .all(|search| matches!(search.auth, Auth::None)),
        searches: rebuild
            .searches
            .iter()
            .map(|(region, search)| (*region, bare(&search.url)))
            .collect(),
        pods: rebuild
            .platforms
            .iter()
            .filter_map(|(region, platform)| {
                let at = site.config.kubernetes.get(region);
                let asked = platform
                    .pods
                    .clone()
                    .or_else(|| Some(at?.kubectl(&["get", "pods", "-o", "json"])));
                Some((*region, asked?))
            })
            .collect(),
        platforms: site.platform_commands(),
        traffic: site.reroute(),
    }
}

/// An address without the slash at its end: paths are put behind it.
fn bare(address: &impl ToString) -> String {
    address.to_string().trim_end_matches('/').to_owned()
}
