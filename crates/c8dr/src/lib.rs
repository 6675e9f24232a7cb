//! The command line of c8dr: arguments, output, exit codes, and the only place that wires the rooms together.

pub mod args;
pub mod certificate;
pub mod config;
pub mod environment;
pub mod error;
pub mod exit;
pub mod explain;
pub mod report;
pub mod runbook;

mod commands;
mod show;
mod site;
mod usage;
mod watch;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, LogFormat};
use crate::exit::Exit;
use crate::show::Screen;

/// Runs c8dr on the process's own arguments.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version are answers, not errors. If not even they can be printed there is nobody to tell.
            if !error.use_stderr() {
                let _ = error.print();
                return Exit::Done.into();
            }
            show::usage(&error, usage::better(&error), std::env::args_os());
            return Exit::Usage.into();
        }
    };
    // One TLS provider for the whole process. A second installation is impossible, as this is the first thing done.
    let _ = rustls::crypto::ring::default_provider().install_default();
    log(args.verbose, args.log_format);
    let screen = Screen::new(&args, std::io::stderr().is_terminal());
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            screen.say(&format!("c8dr could not start: {error}"));
            return Exit::Unexpected.into();
        }
    };
    let outcome = runtime.block_on(commands::run(&args, &screen));
    // A hanging resolver or a console thread must not keep a finished command alive.
    runtime.shutdown_background();
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) => {
            let exit = error.exit();
            screen.error(error);
            exit.into()
        }
    }
}

/// Sets the log up. C8DR_LOG says what is logged; without it warnings are, and with `-vv` everything of ours.
fn log(verbose: u8, format: LogFormat) {
    use tracing_subscriber::EnvFilter;
    let default = match verbose {
        0 | 1 => "warn",
        _ => "info,c8dr=debug,c8dr_domain=debug,c8dr_engine=debug,c8dr_systems=debug,c8dr_lab=debug",
    };
    let filter = environment::read(environment::LOG).and_then(|text| EnvFilter::try_new(text).ok());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|| EnvFilter::new(default)))
        .with_writer(std::io::stderr)
        // It would tell of an error stream that is full on that same stream, and end the process.
        .log_internal_errors(false)
        .with_ansi(false);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}
