//! Chores of this repository: `cargo run -p xtask -- tidy`.

use std::env;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::tidy::repository::Repository;

mod tidy;

/// Everything is tidy, or what was asked for has been printed.
const DONE: u8 = 0;
/// Something is untidy, or the repository could not be read.
const FAILED: u8 = 1;
/// The command line was not understood.
const USAGE: u8 = 2;

const HELP: &str = "\
Usage: cargo run -p xtask -- <COMMAND>

Commands:
  tidy   check the tracked files against the rules of the house
  rules  list these rules with their reasons
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let code = match arguments.as_slice() {
        ["tidy"] => tidy(),
        ["rules"] => rules(&mut io::stdout().lock()).map(|()| DONE),
        ["help" | "--help" | "-h"] => io::stdout().write_all(HELP.as_bytes()).map(|()| DONE),
        _ => io::stderr().write_all(HELP.as_bytes()).map(|()| USAGE),
    };
    // Where nobody can be told anything, the exit code is all that is left to say it with.
    ExitCode::from(code.unwrap_or(FAILED))
}

/// The repository that this program was built from: the folder two above this crate.
fn repository_root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn tidy() -> io::Result<u8> {
    let repository = match Repository::load(repository_root()) {
        Ok(repository) => repository,
        Err(error) => {
            writeln!(io::stderr().lock(), "tidy: {error}")?;
            return Ok(FAILED);
        }
    };
    let complaints = tidy::check(&repository);
    let mut out = io::stdout().lock();
    for complaint in &complaints {
        writeln!(out, "{complaint}\n")?;
    }
    writeln!(
        out,
        "tidy: {} files, {} rules, {} findings",
        repository.files.len(),
        tidy::RULES.len(),
        complaints.len()
    )?;
    Ok(if complaints.is_empty() { DONE } else { FAILED })
}

fn rules(out: &mut impl Write) -> io::Result<()> {
    let width = tidy::RULES.iter().map(|rule| rule.name.len()).max().unwrap_or(0);
    for rule in tidy::RULES {
        writeln!(out, "{:width$}  {}", rule.name, rule.reason)?;
    }
    Ok(())
}
