//! The name of the bucket from a real Terraform: from a state that has it, from one that is empty, and from none.
//!
//! Runs where `terraform` can be started; says so in one line otherwise. Its resource is built in, so nothing is downloaded.
#![expect(
    clippy::print_stdout,
    reason = "it has no harness, and its figures are for whoever started it"
)]

use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};

use c8dr_engine::clock::Clock;
use c8dr_systems::terraform::{BUCKET_OUTPUT, bucket_name};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const OUTPUTS: &str = r#"
terraform {
  backend "local" {
    path = "terraform.tfstate"
  }
}
resource "terraform_data" "key" {
  input = "AKIA-PLANTED-SECRET"
}
output "s3_bucket_name" {
  value = "camunda-bucket"
}
output "s3_aws_access_key" {
  value     = terraform_data.key.output
  sensitive = true
}
"#;

fn terraform(folder: &Path, words: &[&str]) -> Outcome {
    let status = Command::new("terraform")
        .args(words)
        .current_dir(folder)
        .env("CHECKPOINT_DISABLE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("terraform {words:?} ended with {status}").into()),
    }
}

fn main() -> Outcome {
    let is_there = Command::new("terraform")
        .arg("-version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !is_there {
        println!("skipped: terraform cannot be started");
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run())
}

async fn refused(folder: &Path, output: &str, says: &str) -> Outcome {
    match bucket_name(folder, output, &Clock::system()).await {
        Ok(name) => Err(format!("{output} of {} was taken: {name}", folder.display()).into()),
        Err(error) if error.to_string().contains("PLANTED") => {
            Err(format!("a secret is told: {error}").into())
        }
        Err(error) if error.to_string().contains(says) => Ok(()),
        Err(error) => Err(format!("`{says}` is not in: {error}").into()),
    }
}

async fn run() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    // No state at all: terraform ends with 0 all the same.
    refused(folder, BUCKET_OUTPUT, "the state has no outputs").await?;
    std::fs::write(folder.join("main.tf"), OUTPUTS)?;
    terraform(folder, &["init", "-input=false"])?;
    refused(folder, BUCKET_OUTPUT, "the state has no outputs").await?;
    terraform(folder, &["apply", "-auto-approve", "-input=false"])?;
    let clock = Clock::system();
    let began = clock.now();
    let name = bucket_name(folder, BUCKET_OUTPUT, &clock).await?;
    let took = clock.now().since(began);
    if name != "camunda-bucket" {
        return Err(format!("the name is {name:?}").into());
    }
    refused(folder, "no_such_output", "exit code 1").await?;
    // The wrong output may be a secret one.
    refused(folder, "s3_aws_access_key", "no name of a bucket").await?;
    refused(folder, "-json", "no name of an output").await?;
    refused(&folder.join("elsewhere"), BUCKET_OUTPUT, "no such folder").await?;
    println!("terraform: the name of the bucket was told in {took:.0?}; six wrong ones were refused");
    Ok(())
}
