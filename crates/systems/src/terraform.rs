//! Terraform's outputs, of which the name of the snapshots' bucket is wanted.
//!
//! With an empty state, or none, `terraform output -raw` ends with 0 and prints a warning where the value belongs. So it is
//! the value that is checked, not the exit code.

use std::path::Path;
use std::time::Duration;

use c8dr_engine::clock::Clock;

use crate::command::{Command, End};
use crate::foreign::shown;

/// What the guide calls the output.
pub const BUCKET_OUTPUT: &str = "s3_bucket_name";

/// An output takes 40 ms from a local state, and some seconds from a remote one.
const LIMIT: Duration = Duration::from_secs(30);

/// More than any output of one value.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// The name of the bucket could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("terraform does not tell the name of the bucket in {dir}: {why}")]
pub struct NoBucketName {
    /// The folder that was asked.
    pub dir: String,
    /// Why.
    pub why: String,
}

/// The name of the bucket in the output `output` of the folder `dir`.
///
/// # Errors
/// If terraform does not say, or says something that is no name of a bucket.
pub async fn bucket_name(dir: &Path, output: &str, clock: &Clock) -> Result<String, NoBucketName> {
    let no = |why: String| NoBucketName {
        dir: dir.display().to_string(),
        why,
    };
    if !dir.is_dir() {
        return Err(no("there is no such folder".to_owned()));
    }
    if output.is_empty() || output.starts_with('-') {
        return Err(no(format!("{output:?} is no name of an output")));
    }
    let mut command = Command::new("terraform", LIMIT);
    command.arguments = ["output", "-no-color", "-raw", output].map(Into::into).into();
    command.folder = Some(dir.to_owned());
    // It asks nobody, neither here nor whether there is a newer one.
    command.variables = [
        ("CHECKPOINT_DISABLE", "1"),
        ("TF_IN_AUTOMATION", "1"),
        ("TF_INPUT", "0"),
    ]
    .map(|(name, value)| (name.into(), value.into()))
    .into();
    let (ran, printed) = command
        .read(clock, OUTPUT_BYTES_MAX)
        .await
        .map_err(|not_started| no(not_started.words()))?;
    if ran.end != End::Exited(0) {
        return Err(no(ran.words()));
    }
    let printed = printed.unwrap_or_default();
    bucket(&String::from_utf8_lossy(&printed)).ok_or_else(|| {
        // It may be another output than was meant, and a secret one.
        let first = printed.split(|byte| *byte == b'\n').find(|line| !line.is_empty());
        no(match first {
            Some(line) if String::from_utf8_lossy(&printed).contains("Warning") => {
                format!(
                    "the state has no outputs ({:?}); was `terraform apply` run there?",
                    shown(line, 60)
                )
            }
            Some(_) => format!("the output {output} is no name of a bucket (it is not shown)"),
            None => format!("the output {output} is empty"),
        })
    })
}

/// A text as the name of a bucket, if it is one: 3 to 63 small letters, digits, dots and hyphens.
pub fn bucket(text: &str) -> Option<String> {
    let name = text.trim();
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_right = (3..=63).contains(&name.len())
        && name.chars().all(|c| is_end(c) || c == '-' || c == '.')
        && name.starts_with(is_end)
        && name.ends_with(is_end)
        && !name.contains("..");
    is_right.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_of_a_bucket_is_one() {
        assert_eq!(bucket("camunda-bucket\n").as_deref(), Some("camunda-bucket"));
        for text in [
            "",
            "ab",
            "Camunda",
            "a b c",
            "-abc",
            "abc.",
            "a..b",
            "\u{1b}[33mWarning: No outputs found",
        ] {
            assert_eq!(bucket(text), None, "{text:?}");
        }
    }
}
