//! `c8dr lab …`: a lab in a process of its own, with real interfaces on loopback, and the commands that break and heal it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use c8dr_engine::clock::Clock;
use c8dr_lab::{Endpoints, Lab, Listen, Region, ServeError, WorldConfig};
use c8dr_systems::dial::{Connector, Tcp};
use c8dr_systems::http::{Client, Service};
use clap::ValueEnum;
use http_body_util::Full;
use tower::ServiceExt;

use crate::args::{self, Ctl, Place, Switch, World};
use crate::config::{self, Config};
use crate::environment;
use crate::error::CliError;
use crate::exit::Exit;
use crate::show::{HEAD, Screen, styled};

/// How long a lab may take to come up before we stop waiting for it.
const UP_LIMIT: Duration = Duration::from_secs(10);

pub(super) async fn run(screen: &Screen, command: &args::Lab) -> Result<Exit, CliError> {
    let files = Files::of(&environment::home());
    match command {
        args::Lab::Up {
            world,
            place,
            foreground: true,
        } => serve(screen, &files, world, place).await,
        args::Lab::Up {
            world,
            place,
            foreground: false,
        } => up(screen, &files, world, place).await,
        args::Lab::Break { what } => {
            let target = target(what)?;
            said(screen, &files, "/break", target, &format!("{what} is broken.")).await
        }
        args::Lab::Heal { what, empty, bare } => {
            let mut target = target(what)?;
            let data = match (bare, empty) {
                (true, _) => "bare",
                (false, true) => "empty",
                (false, false) => "old",
            };
            if let Some(object) = target.as_object_mut() {
                object.insert("data".to_owned(), data.into());
            }
            said(
                screen,
                &files,
                "/heal",
                target,
                &format!("{what} is on its way back."),
            )
            .await
        }
        args::Lab::Ctl { control, verb } => ctl(screen, &files, control.as_deref(), verb).await,
        args::Lab::Status => {
            let status = call(&files, "GET", "/status", None).await?;
            screen.result(&status, || truth(&status))?;
            Ok(Exit::Done)
        }
        args::Lab::Down => {
            call(&files, "POST", "/down", None).await?;
            files.remove();
            screen.note("The lab is down.");
            Ok(Exit::Done)
        }
    }
}

/// What helm and kubectl would do. What kubectl prints is printed as it does: other tools read it.
async fn ctl(screen: &Screen, files: &Files, control: Option<&str>, verb: &Ctl) -> Result<Exit, CliError> {
    let control = match control {
        Some(control) => control.to_owned(),
        None => files.control()?,
    };
    let get = |path: String| ("GET", path, None);
    let post = |body: serde_json::Value| ("POST", "/ctl".to_owned(), Some(body));
    let (method, path, body) = match verb {
        Ctl::Pods { region } => get(format!("/ctl/pods?region={region}")),
        Ctl::Volumes { region } => get(format!("/ctl/volumes?region={region}")),
        Ctl::Releases => get("/ctl/releases".to_owned()),
        Ctl::Names {
            to,
            strange: None,
            server: None,
        } if to.is_empty() => get("/ctl/names".to_owned()),
        Ctl::Names { to, strange, server } => post(serde_json::json!({
            "names": {
                "to": (!to.is_empty()).then_some(to),
                "strange": strange,
                "server": server.and_then(|one| one.to_possible_value()).map(|one| one.get_name().to_owned()),
            }
        })),
        Ctl::Install { region, webapps } => post(serde_json::json!({
            "upgrade": { "region": region, "webapps": *webapps == Switch::On, "install": true }
        })),
        Ctl::Uninstall { region } => post(serde_json::json!({ "uninstall": { "region": region } })),
        Ctl::DeleteVolumes { region } => post(serde_json::json!({ "delete-volumes": { "region": region } })),
        Ctl::Scale {
            region,
            deployment,
            replicas,
        } => post(serde_json::json!({
            "scale": { "region": region, "deployment": deployment, "replicas": replicas }
        })),
    };
    let answer = call_at(&control, method, &path, body).await?;
    let text = serde_json::to_string_pretty(&answer).unwrap_or_default();
    screen.result(&answer, || text)?;
    Ok(Exit::Done)
}

impl Place {
    /// The same place as arguments of another process.
    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["--regions".to_owned()];
        arguments.extend(self.regions.iter().cloned());
        if let Some(network) = self.network {
            arguments.extend(["--network".to_owned(), network.to_string()]);
        }
        if !self.searches.is_empty() {
            arguments.push("--searches".to_owned());
            arguments.extend(self.searches.iter().map(ToString::to_string));
        }
        arguments
    }
}

/// A lab as the arguments describe it.
pub(super) fn new(world: &World, clock: Clock) -> Result<Lab, CliError> {
    made(world, WorldConfig::default().region_names, clock)
}

/// The same, with the names of its place.
fn new_in(world: &World, place: &Place, clock: Clock) -> Result<Lab, CliError> {
    let names = <[String; 2]>::try_from(place.regions.clone());
    made(world, names.unwrap_or(WorldConfig::default().region_names), clock)
}

fn made(world: &World, region_names: [String; 2], clock: Clock) -> Result<Lab, CliError> {
    let config = WorldConfig {
        region_names,
        brokers: world.brokers,
        partitions: world.partitions,
        seed: world.seed,
        ..WorldConfig::default()
    };
    if !(world.speed.is_finite() && world.speed > 0.0) {
        return Err(CliError::Usage {
            what: format!("a clock cannot run at speed {}", world.speed),
            help: "Give a number above 0, for example 5.".to_owned(),
        });
    }
    Lab::new(config, clock).map_err(|error| CliError::Usage {
        what: error.to_string(),
        help: "See `c8dr drill --help`.".to_owned(),
    })
}

pub(super) fn not_served(error: &ServeError) -> CliError {
    CliError::Lab {
        what: error.to_string(),
        help: "Another program may hold the port; try again.".to_owned(),
    }
}

/// The configuration that leads to a lab: written like anybody's, and read like anybody's, so that nothing outside here
/// knows that it is a lab.
pub(super) fn config(lab: &Lab, endpoints: &Endpoints, speed: f64, home: &Path) -> Result<Config, CliError> {
    let path = home.join("lab.yaml");
    describe(&path, lab, endpoints, speed)?;
    Ok(config::load(&path)?)
}

/// Writes the configuration, and the key to the lab's bucket, which takes any, beside it.
fn describe(path: &Path, lab: &Lab, endpoints: &Endpoints, speed: f64) -> Result<(), CliError> {
    let key = path.with_file_name("lab.key");
    write(&key, "lab")?;
    for_its_owner_only(&key)?;
    write(path, &yaml(lab, endpoints, speed, &key))
}

fn yaml(lab: &Lab, endpoints: &Endpoints, speed: f64, key: &Path) -> String {
    let itself =
        std::env::current_exe().map_or_else(|_| "c8dr".to_owned(), |path| path.display().to_string());
    use std::fmt::Write;
    let world = lab.with(|world| world.config().clone());
    let mut text = format!(
        "# Written by c8dr for its lab. The shape is that of any configuration.\nname: lab\nclusterSize: {}\npartitionCount: {}\nreplicationFactor: {}\nclock:\n  speed: {speed}\nregions:\n",
        world.brokers, world.partitions, world.replication_factor
    );
    for (name, region) in world.region_names.iter().zip(0u32..) {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  - name: {name}\n    exporter: elasticsearchregion{region}\n    gateways:"
        );
        let own = || {
            endpoints
                .brokers
                .iter()
                .filter(move |broker| broker.broker.0 % 2 == region)
        };
        for broker in own() {
            let _ = writeln!(
                text,
                "      - name: gateway-{}\n        rest: http://{}\n        management: http://{}\n        grpc: http://{}",
                broker.broker.0, broker.rest, broker.management, broker.grpc
            );
        }
        let _ = writeln!(text, "    brokers:");
        for broker in own() {
            let _ = writeln!(text, "      {}: http://{}", broker.broker.0, broker.management);
        }
        if let Some(search) = endpoints.searches.get(region as usize) {
            let _ = writeln!(text, "    search:\n      url: http://{}", search.address);
        }
        let ctl = |words: &[&str]| {
            let mut command = vec![itself.to_owned()];
            command.extend(["lab", "ctl", "--control"].map(str::to_owned));
            command.push(endpoints.control.to_string());
            command.extend(words.iter().map(|word| (*word).to_owned()));
            command.extend(["--region".to_owned(), name.clone()]);
            // A JSON list is a YAML list, whatever is in it.
            serde_json::to_string(&command).unwrap_or_default()
        };
        let _ = writeln!(
            text,
            "    platform:\n      driver: command\n      pods: {}\n      volumes: {}\n      install: [{}]\n      webappsDown: [{}, {}]\n      webappsUp: [{}]",
            ctl(&["pods"]),
            ctl(&["volumes"]),
            ctl(&["install", "--webapps", "off"]),
            ctl(&["scale", "--deployment", "operate", "--replicas", "0"]),
            ctl(&["scale", "--deployment", "tasklist", "--replicas", "0"]),
            ctl(&["install", "--webapps", "on"]),
        );
    }
    let bucket = &endpoints.bucket;
    // Whole, so that a copy of the configuration finds it from elsewhere.
    let key = serde_json::Value::from(key.display().to_string());
    let disk = world.disk;
    let _ = writeln!(
        text,
        "snapshots:\n  repository: camunda_backup\n  type: s3\n  settings: {{bucket: camunda-backup, client: camunda, base_path: backups}}\n\
         bucket:\n  url: s3://{}/c8dr\n  endpoint: {bucket}\n  accessKey: {{file: {key}}}\n  secretKey: {{file: {key}}}\n\
         pause:\n  reserveBytes: {}\n",
        c8dr_lab::BUCKET,
        disk.processing_free_bytes_min
    );
    text
}

/// Where a running lab leaves its traces.
struct Files {
    config: PathBuf,
    control: PathBuf,
}

impl Files {
    fn of(home: &Path) -> Self {
        let config = config::lab_config(home);
        Files {
            control: config.with_file_name("control"),
            config,
        }
    }

    /// The control port of the running lab.
    fn control(&self) -> Result<String, CliError> {
        std::fs::read_to_string(&self.control)
            .map(|control| control.trim().to_owned())
            .map_err(|_| down())
    }

    fn remove(&self) {
        for path in [&self.config, &self.control] {
            // Gone already is as good.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    let io = |source| CliError::Io {
        doing: "write",
        path: path.to_owned(),
        source,
    };
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(io)?;
    }
    std::fs::write(path, text).map_err(io)
}

/// Keeps others on this machine from reading a file, as one should a secret.
fn for_its_owner_only(path: &Path) -> Result<(), CliError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(|source| {
            CliError::Io {
                doing: "protect",
                path: path.to_owned(),
                source,
            }
        })?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// The lab itself, until it is told to stop.
async fn serve(screen: &Screen, files: &Files, world: &World, place: &Place) -> Result<Exit, CliError> {
    let lab = new_in(world, place, Clock::at_speed(world.speed))?;
    for (region, address) in Region::BOTH.into_iter().zip(&place.searches) {
        lab.export_outside(region, *address);
    }
    let endpoints = lab
        .serve(place.network.map_or(Listen::Loopback, Listen::PerBroker))
        .await
        .map_err(|error| not_served(&error))?;
    describe(&files.config, &lab, &endpoints, world.speed)?;
    write(&files.control, &endpoints.control.to_string())?;
    screen.note(&format!(
        "The lab is up. Its configuration: {}",
        files.config.display()
    ));
    tokio::select! {
        () = endpoints.until_stopped(&lab) => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    files.remove();
    Ok(Exit::Done)
}

/// Starts the lab in a process of its own and waits until it answers.
async fn up(screen: &Screen, files: &Files, world: &World, place: &Place) -> Result<Exit, CliError> {
    if call(files, "GET", "/status", None).await.is_ok() {
        return Err(CliError::Lab {
            what: "a lab is running already".to_owned(),
            help: "Use it (`c8dr lab status`), or end it first: `c8dr lab down`.".to_owned(),
        });
    }
    // A bad description is told here, not lost in the background.
    let clock = Clock::at_speed(world.speed);
    new_in(world, place, clock.clone())?;
    files.remove();
    let itself = std::env::current_exe().map_err(|source| CliError::Io {
        doing: "find",
        path: "c8dr".into(),
        source,
    })?;
    let mut child = std::process::Command::new(itself);
    child
        .args(["lab", "up", "--foreground"])
        .args([
            "--brokers",
            &world.brokers.to_string(),
            "--partitions",
            &world.partitions.to_string(),
        ])
        .args([
            "--seed",
            &world.seed.to_string(),
            "--speed",
            &world.speed.to_string(),
        ])
        .args(place.arguments())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    #[cfg(unix)]
    {
        // A group of its own: Ctrl-C in this terminal is not meant for the lab.
        std::os::unix::process::CommandExt::process_group(&mut child, 0);
    }
    child.spawn().map_err(|source| CliError::Io {
        doing: "start",
        path: "c8dr lab up --foreground".into(),
        source,
    })?;
    let real = Clock::system();
    let came = real
        .timeout(UP_LIMIT, async {
            while call(files, "GET", "/status", None).await.is_err() {
                real.sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    if came.is_err() {
        return Err(CliError::Lab {
            what: format!("the lab did not come up within {} s", UP_LIMIT.as_secs()),
            help: "See why: `c8dr lab up --foreground`.".to_owned(),
        });
    }
    screen.note(&format!(
        "The lab is up: {} brokers, {} partitions, regions {}.\nIts configuration: {}\nNext: `c8dr status`, `c8dr lab break {lost}`, `c8dr failover --lost {lost}`.",
        world.brokers,
        world.partitions,
        place.regions.join(" and "),
        files.config.display(),
        lost = place.regions.last().map_or("region1", String::as_str),
    ));
    Ok(Exit::Done)
}

/// What is to be broken or healed, as the control port wants it.
fn target(what: &str) -> Result<serde_json::Value, CliError> {
    if what == "link" {
        return Ok(serde_json::json!({ "link": true }));
    }
    if let Some(id) = what.strip_prefix("broker:") {
        let id: u32 = id.parse().map_err(|_| CliError::Usage {
            what: format!("`{id}` is no broker id"),
            help: "For example `broker:2`.".to_owned(),
        })?;
        return Ok(serde_json::json!({ "broker": id }));
    }
    Ok(serde_json::json!({ "region": what }))
}

async fn said(
    screen: &Screen,
    files: &Files,
    path: &str,
    body: serde_json::Value,
    words: &str,
) -> Result<Exit, CliError> {
    let status = call(files, "POST", path, Some(body)).await?;
    screen.result(&status, || words.to_owned())?;
    Ok(Exit::Done)
}

/// One call of the control port.
async fn call(
    files: &Files,
    method: &str,
    path: &str,
    body: Option<serde_json::Value>,
) -> Result<serde_json::Value, CliError> {
    call_at(&files.control()?, method, path, body).await
}

fn down() -> CliError {
    CliError::Lab {
        what: "no lab is running".to_owned(),
        help: "Start one: `c8dr lab up`.".to_owned(),
    }
}

async fn call_at(
    address: &str,
    method: &str,
    path: &str,
    body: Option<serde_json::Value>,
) -> Result<serde_json::Value, CliError> {
    let clock = Clock::system();
    let connector = Connector::new(std::sync::Arc::new(Tcp::new(clock.clone())), None, clock);
    let request = http::Request::builder()
        .method(method)
        .uri(format!("http://{}{path}", address.trim()))
        .body(Full::new(
            body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string())),
        ))
        .map_err(|_| down())?;
    let answer = Service::new(Client::new(connector))
        .oneshot(request)
        .await
        .map_err(|_| down())?;
    let value: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    if answer.status().is_success() {
        return Ok(value);
    }
    let complaint = value
        .get("error")
        .and_then(serde_json::Value::as_str)
        .unwrap_or("the lab refused")
        .to_owned();
    Err(CliError::Lab {
        what: complaint,
        help: "See `c8dr lab --help`.".to_owned(),
    })
}

/// The lab's own truth, for people.
fn truth(status: &serde_json::Value) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    let list = |value: Option<&serde_json::Value>| {
        value
            .and_then(|value| value.as_array())
            .map_or(String::new(), |items| {
                items
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(" ")
            })
    };
    // Writing to a string cannot fail.
    for region in status
        .get("regions")
        .and_then(|regions| regions.as_array())
        .into_iter()
        .flatten()
    {
        let name = region
            .get("name")
            .and_then(|name| name.as_str())
            .unwrap_or_default();
        let search = region
            .pointer("/search/alive")
            .and_then(serde_json::Value::as_bool)
            .unwrap_or_default();
        let _ = writeln!(
            text,
            "{}  search {}",
            styled(HEAD, name),
            if search { "up" } else { "down" }
        );
        for broker in region
            .get("brokers")
            .and_then(|brokers| brokers.as_array())
            .into_iter()
            .flatten()
        {
            let _ = writeln!(
                text,
                "  broker {:<3} {:<8} leads [{}] follows [{}]",
                broker.get("id").map(ToString::to_string).unwrap_or_default(),
                broker
                    .get("power")
                    .and_then(|power| power.as_str())
                    .unwrap_or_default(),
                list(broker.get("leads")),
                list(broker.get("follows")),
            );
        }
    }
    let number = |key: &str| status.get(key).map_or("–".to_owned(), ToString::to_string);
    let _ = writeln!(
        text,
        "link {}  leaderless [{}]  acknowledged {}",
        number("link"),
        list(status.get("leaderless")),
        number("acknowledged")
    );
    text
}
