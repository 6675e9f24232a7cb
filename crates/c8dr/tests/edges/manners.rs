//! The manners of the command line: colours, quiet, each request, the log, errors as documents, help, completions, manual
//! pages, and pipes that are closed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use c8dr::args::Args;
use clap::CommandFactory;
use serde_json::Value;

use crate::stage::{Ran, Stage};

/// In the wall's time; far more than anything takes.
const LIMIT: Duration = Duration::from_secs(40);

const ESCAPE: char = '\u{1b}';

/// A configuration whose addresses nobody listens at.
fn nobody(stage: &Stage) {
    let regions: String = [("london", 0), ("paris", 1)]
        .map(|(name, id)| {
            let ports = [id + 1, id + 3, id + 5];
            format!(
                "  - name: {name}\n    exporter: elasticsearchregion{id}\n    gateways:\n      - rest: http://127.0.0.1:{gateway}\n        management: http://127.0.0.1:{gateway}\n    brokers:\n      {id}: http://127.0.0.1:{one}\n      {next}: http://127.0.0.1:{other}\n",
                gateway = ports[0],
                one = ports[1],
                other = ports[2],
                next = id + 2,
            )
        })
        .concat();
    let text = format!(
        "name: camunda\nclusterSize: 4\npartitionCount: 4\nreplicationFactor: 4\nregions:\n{regions}"
    );
    std::fs::write(stage.path().join("c8dr.yaml"), text).unwrap();
}

#[test]
fn every_command_has_help_with_examples() {
    fn look(command: &clap::Command, path: &str) {
        for below in command.get_subcommands() {
            let path = format!("{path} {}", below.get_name());
            let help = below
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(
                below.get_about().is_some(),
                "`{path}` does not say what it is for"
            );
            assert!(
                help.contains("Example") && help.contains(&format!("  {path}")),
                "`{path} --help` has no example of itself: {help}"
            );
            look(below, &path);
        }
    }
    look(&Args::command(), "c8dr");
}

#[test]
fn colours_are_where_they_are_wanted() {
    let stage = Stage::new();
    let run = |args: &[&str], variables: &[(&str, &str)]| -> Ran {
        let mut command = stage.command(args);
        command.envs(variables.iter().copied());
        command.output().unwrap().into()
    };
    let colourful = |ran: &Ran| (ran.out.contains(ESCAPE), ran.err.contains(ESCAPE));
    for args in [["explain", "healthy"].as_slice(), &["status"]] {
        let with =
            |more: &[&str], variables: &[(&str, &str)]| colourful(&run(&[args, more].concat(), variables));
        let wanted = match args[0] {
            "status" => (false, true),
            _ => (true, false),
        };
        assert_eq!(with(&[], &[]), (false, false), "a pipe: {args:?}");
        assert_eq!(with(&["--color", "always"], &[]), wanted, "always: {args:?}");
        assert_eq!(
            with(&["--color", "always"], &[("NO_COLOR", "1")]),
            wanted,
            "typed wins: {args:?}"
        );
        assert_eq!(with(&[], &[("CLICOLOR_FORCE", "1")]), wanted, "forced: {args:?}");
        assert_eq!(
            with(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]),
            (false, false),
            "NO_COLOR: {args:?}"
        );
        assert_eq!(
            with(&["--no-color"], &[("CLICOLOR_FORCE", "1")]),
            (false, false),
            "--no-color: {args:?}"
        );
        assert_eq!(
            with(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]),
            (false, false),
            "never: {args:?}"
        );
    }
}

#[test]
fn errors_are_documents_where_documents_were_asked_for() {
    let stage = Stage::new();
    nobody(&stage);
    let last = |ran: &Ran| -> Value {
        let line = ran.err.lines().last().unwrap_or_default();
        let document: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        document["error"].clone()
    };
    for (typed, exit, code) in [
        ("failover --lost nowhere --output json", 2, "unknown-region"),
        ("--output=json explain nonsense", 2, "unknown-code"),
        (
            "status --output json --config none.yaml",
            2,
            "configuration-unreadable",
        ),
        (
            "failback --returning paris --output json",
            2,
            "configuration-incomplete",
        ),
        ("failover --output json", 2, "wrong-usage"),
        ("-ojson flail", 2, "wrong-usage"),
        ("run show --output yaml", 2, "no-such-run"),
        (
            "failover --lost paris --dry-run --output json --quiet",
            3,
            "nothing-answers",
        ),
    ] {
        let words: Vec<&str> = typed.split(' ').collect();
        let ran = stage.run(&words).exits(exit);
        let error = last(&ran);
        assert_eq!(error["code"], code, "{typed}: {error}");
        assert_eq!(error["exit"], exit, "{typed}: {error}");
        assert_eq!(error["more"], format!("c8dr explain {code}"), "{typed}");
        let message = error["message"].as_str().unwrap_or_default();
        assert!(
            !message.is_empty() && !message.contains(ESCAPE),
            "{typed}: {error}"
        );
        assert!(error["help"].is_string(), "{typed} has no way out: {error}");
        assert_eq!(ran.out, "", "{typed}: nothing is a result");
    }
    let quiet = stage.run(&[
        "failover",
        "--lost",
        "paris",
        "--dry-run",
        "--output",
        "json",
        "--quiet",
    ]);
    assert_eq!(
        quiet.err.lines().count(),
        1,
        "with --quiet the document is all: {}",
        quiet.err
    );
    let human = stage.run(&["failover", "--lost", "paris", "--dry-run"]).exits(3);
    assert_eq!(
        human.err.matches("More: c8dr explain nothing-answers").count(),
        1,
        "{}",
        human.err
    );
}

#[test]
fn quiet_is_quiet_and_verbose_tells_each_request() {
    let stage = Stage::new();
    stage.lab(&["--speed", "4"]);
    let normal = stage.run(&["status"]).exits(0);
    assert!(normal.err.contains("this is the running lab"), "{}", normal.err);
    let quiet = stage.run(&["status", "--quiet"]).exits(0);
    assert_eq!(quiet.err, "");
    assert_eq!(quiet.out.is_empty(), normal.out.is_empty());
    let verbose = stage.run(&["status", "-v"]).exits(0);
    let requests = verbose
        .err
        .lines()
        .filter(|line| line.contains(" GET http://127.0.0.1:"));
    assert!(requests.count() >= 8, "{}", verbose.err);
    assert!(verbose.err.contains(" 200 in "), "{}", verbose.err);
    let debug = stage.run(&["status", "-vv", "--log-format", "json"]).exits(0);
    let logged = debug
        .err
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["level"] == "DEBUG");
    assert!(logged.count() > 0, "{}", debug.err);
    stage.run(&["lab", "break", "region1"]).exits(0);
    stage.until("region-lost", LIMIT);
    let over = stage
        .run(&[
            "failover", "--lost", "region1", "--yes", "--quiet", "--output", "json",
        ])
        .exits(0);
    assert_eq!(
        over.err, "",
        "a run that goes well has nothing to say but its result"
    );
    assert_eq!(over.json()["outcome"], "verified");
}

#[test]
fn a_closed_pipe_is_no_panic_and_ends_a_watch() {
    let stage = Stage::new();
    stage.lab(&["--speed", "4"]);
    for line in [
        "$C8DR explain | true",
        "$C8DR man | true",
        "$C8DR completions bash | head -n 1 > /dev/null",
        "$C8DR status --watch | head -n 1 > /dev/null",
        "$C8DR status --watch --output json | true",
        "$C8DR status >&-",
        "$C8DR status --config nowhere.yaml 2>&-",
        "$C8DR --help | true",
    ] {
        let file = stage.path().join("status");
        let shell_line = format!(
            "exec 3> {}; {line}; echo \"${{PIPESTATUS[0]}}\" >&3",
            file.display()
        );
        let mut shell = Command::new("timeout");
        shell
            .args(["60", "bash", "-c", &shell_line])
            .env("C8DR", env!("CARGO_BIN_EXE_c8dr"))
            .env("C8DR_HOME", stage.home())
            .current_dir(stage.path())
            .stdin(Stdio::null());
        let ran = Ran::from(shell.output().unwrap());
        assert_ne!(ran.code, 124, "`{line}` does not end");
        assert!(!ran.err.contains("panicked"), "`{line}`: {}", ran.err);
        let code = std::fs::read_to_string(&file).unwrap();
        assert!(
            ["0", "2"].contains(&code.trim()),
            "`{line}` exits {code}: {}",
            ran.err
        );
    }
}

#[test]
fn completions_are_scripts() {
    let stage = Stage::new();
    let mut checked = 0;
    for (shell, check) in [
        ("bash", &["bash", "-n"][..]),
        ("zsh", &["zsh", "-n"]),
        ("fish", &["fish", "--no-execute"]),
    ] {
        let script = stage.run(&["completions", shell]).exits(0).out;
        for command in ["failback", "explain", "why"] {
            assert!(script.contains(command), "{shell} does not know `{command}`");
        }
        if !is_there(check[0]) {
            continue;
        }
        let file = stage.path().join(shell);
        std::fs::write(&file, script).unwrap();
        let ran = Ran::from(
            Command::new(check[0])
                .args(&check[1..])
                .arg(&file)
                .output()
                .unwrap(),
        );
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{shell}");
        checked += 1;
    }
    assert!(checked > 0, "no shell is there to check its script");
}

#[test]
fn every_command_has_a_manual_page() {
    let stage = Stage::new();
    assert!(stage.run(&["man"]).exits(0).out.contains(".TH c8dr 1"));
    stage.run(&["man", "--dir", "pages"]).exits(0);
    let pages = stage.path().join("pages");
    fn names(command: &clap::Command, path: &str, into: &mut Vec<String>) {
        into.push(path.to_owned());
        for below in command
            .get_subcommands()
            .filter(|below| below.get_name() != "help")
        {
            names(below, &format!("{path}-{}", below.get_name()), into);
        }
    }
    let mut wanted = Vec::new();
    names(&Args::command(), "c8dr", &mut wanted);
    for name in wanted {
        let page = std::fs::read_to_string(pages.join(format!("{name}.1")))
            .unwrap_or_else(|error| panic!("{name}.1: {error}"));
        assert!(page.contains(&format!(".TH {name} 1")), "{name}: {page}");
    }
}

/// Whether a program is on the path.
fn is_there(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|directory: PathBuf| directory.join(program).is_file())
    })
}
