//! The commands: each wires what it needs, lets the rooms below do the work, and shows what came of it.

mod apply;
mod carry;
mod clean;
mod config;
mod drill;
mod drill_script;
mod explain;
mod failback;
mod failover;
mod fence;
mod init;
mod interrupts;
mod lab;
#[cfg(feature = "planted")]
mod planted;
mod ready;
mod release;
mod releases;
mod runbook;
mod runs;
mod status;
mod storm;
mod unstick;
mod values;
mod why;

use clap::CommandFactory;

use crate::args::{Args, Command, Output, Plan};
use crate::error::CliError;
use crate::exit::Exit;
use crate::show::Screen;

/// Runs the command that was asked for.
pub(crate) async fn run(args: &Args, screen: &Screen) -> Result<Exit, CliError> {
    if args.output == Output::Zbctl && !matches!(args.command, Command::Status(_)) {
        return Err(CliError::Usage {
            what: "`--output zbctl` is for `c8dr status` only".to_owned(),
            help: "Use human, json or yaml.".to_owned(),
        });
    }
    match &args.command {
        Command::Drill(drill) if drill.list => drill_script::list(screen),
        Command::Drill(drill) => match &drill.script {
            Some(script) => drill_script::run(screen, drill, script).await,
            None => drill::run(screen, drill).await,
        },
        Command::Storm(wanted) => storm::run(screen, wanted).await,
        Command::Lab(lab) => lab::run(screen, lab).await,
        Command::Status(status) => status::run(args, screen, status).await,
        Command::Ready(ready) => ready::run(args, screen, ready).await,
        Command::Runbook(which) => runbook::run(args, screen, which).await,
        Command::Why => why::run(args, screen).await,
        Command::Plan(Plan::Failover { lost, save }) => {
            failover::plan_only(args, screen, lost, save.as_deref()).await
        }
        Command::Plan(Plan::Failback { returning, save }) => {
            failback::plan_only(args, screen, returning, save.as_deref()).await
        }
        Command::Failover(failover) => failover::run(args, screen, failover).await,
        Command::Failback(failback) => failback::run(args, screen, failback).await,
        Command::Fence(fence) => fence::run(args, screen, fence).await,
        Command::Clean(clean) => clean::run(args, screen, clean).await,
        Command::Unstick(wanted) => unstick::run(args, screen, wanted).await,
        Command::Apply(apply) => apply::run(args, screen, apply).await,
        Command::Run(run) => runs::run(args, screen, run).await,
        Command::Values(wanted) => values::run(args, screen, wanted),
        Command::Release(command) => release::run(args, screen, command).await,
        Command::Init(init) => init::run(screen, init).await,
        Command::Config(command) => config::run(args, screen, command),
        Command::Explain { code } => explain::run(screen, code.as_deref()),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Args::command(), "c8dr", &mut script);
            screen.print(&String::from_utf8_lossy(&script));
            Ok(Exit::Done)
        }
        Command::Man { dir: Some(dir) } => {
            let io = |doing| {
                move |source| CliError::Io {
                    doing,
                    path: dir.clone(),
                    source,
                }
            };
            std::fs::create_dir_all(dir).map_err(io("make"))?;
            clap_mangen::generate_to(Args::command(), dir).map_err(io("write manual pages into"))?;
            screen.note(&format!("The manual pages are in {}.", dir.display()));
            Ok(Exit::Done)
        }
        Command::Man { dir: None } => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Args::command())
                .render(&mut page)
                .map_err(|error| CliError::Unwritable {
                    form: "a manual page",
                    why: error.to_string(),
                })?;
            screen.print(&String::from_utf8_lossy(&page));
            Ok(Exit::Done)
        }
    }
}
