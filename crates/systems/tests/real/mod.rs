//! What tests on real servers have in common: they run where a variable says where the server is, and say so in one line where
//! none does.
#![expect(
    dead_code,
    unreachable_pub,
    clippy::print_stdout,
    reason = "test support: each file uses some; a test that does not run says so"
)]

use std::env;
use std::error::Error;
use std::path::Path;
use std::process::Command;

pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Runs a test with what `variable` says, if it is set.
pub fn where_said(variable: &str, test: impl AsyncFnOnce(String) -> Outcome) -> Outcome {
    let Ok(said) = env::var(variable) else {
        println!("skipped: {variable} is not set");
        return Ok(());
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(test(said))
}

/// A variable that has to be set where `first` is.
pub fn given(first: &str, name: &str) -> Outcome<String> {
    env::var(name).map_err(|_| format!("{first} is set, so {name} must be, too").into())
}

/// Fails where something is not so.
pub fn holds(what: &str, is_so: bool) -> Outcome {
    match is_so {
        true => Ok(()),
        false => Err(format!("not so: {what}").into()),
    }
}

/// What a person's kubectl prints.
pub fn kubectl(program: &str, kubeconfig: &Path, place: [&str; 2], arguments: &[&str]) -> Outcome<String> {
    let [context, namespace] = place;
    let output = Command::new(program)
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(["--context", context, "--namespace", namespace])
        .args(arguments)
        .output()?;
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout)?),
        false => Err(format!(
            "kubectl {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        )
        .into()),
    }
}
