//! Arguments that are wrong in a way that deserves more than a parser's words: which region, and why.

use c8dr_domain::plain::plain;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::error::CliError;

/// What is said instead of the parser's own words; `None` if those will do.
pub(crate) fn better(error: &clap::Error) -> Option<CliError> {
    let argument = argument(error)?;
    let usage = |what: String, help: &str| {
        Some(CliError::Usage {
            what,
            help: help.to_owned(),
        })
    };
    let name = argument.split([' ', '=']).next().unwrap_or_default();
    match (error.kind(), name) {
        (ErrorKind::ArgumentConflict, "--lost" | "--returning") => usage(
            format!("`{name}` was given more than once"),
            "Only one region can be lost, or return: the other one has to serve. `c8dr status` shows which it is.",
        ),
        (ErrorKind::MissingRequiredArgument, "--lost" | "--returning") => usage(
            format!("which region it is was not said: `{name} REGION` is missing"),
            "There is no default, so that nobody gives the wrong one up by a slip. `c8dr status` shows the regions, and which is lost.",
        ),
        (ErrorKind::InvalidValue | ErrorKind::ValueValidation, "--lost" | "--returning") => usage(
            format!("which region it is was not said: `{name}` has no name behind it"),
            "`c8dr status` shows the regions, and which is lost.",
        ),
        (ErrorKind::InvalidValue | ErrorKind::ValueValidation, _) if is_reasoned(name) => usage(
            format!("`{name}` wants a reason, and none was given"),
            &format!(
                "Say why, in quotes: `{name} \"INC-4711: …\"`. It is kept in the journal and in the report."
            ),
        ),
        (ErrorKind::MissingRequiredArgument, "--reason") => usage(
            "why the run is given up was not said".to_owned(),
            "Say why, in quotes: `c8dr run abort --reason \"INC-4711: …\"`. It is kept in the journal and in the report.",
        ),
        _ => None,
    }
}

fn is_reasoned(name: &str) -> bool {
    matches!(
        name,
        "--accept-unfenced" | "--accept-data-loss" | "--accept-unrecorded" | "--adopt-pause" | "--reason"
    )
}

/// The argument that it is about; the first of several.
fn argument(error: &clap::Error) -> Option<String> {
    match error.get(ContextKind::InvalidArg)? {
        ContextValue::String(argument) => Some(argument.clone()),
        ContextValue::Strings(arguments) => arguments.first().cloned(),
        _ => None,
    }
}

/// A reason that is one: something must be written, not only spaces. It is kept in the journal and shown for years, so what
/// in it a terminal would obey is spelled out.
pub(crate) fn reason(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("a reason is wanted".to_owned()),
        reason => Ok(plain(reason).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Args;

    #[track_caller]
    fn check(arguments: &str, says: &str) {
        let error = Args::try_parse_from(arguments.split(' ')).unwrap_err();
        let words = better(&error).map(|error| error.to_string());
        assert!(
            words.as_ref().is_some_and(|words| words.contains(says)),
            "{words:?} for {error}"
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        check("c8dr failover", "`--lost REGION` is missing");
        check("c8dr failover --lost", "has no name behind it");
        check("c8dr failback", "`--returning REGION` is missing");
        check("c8dr failover --lost a --lost b", "more than once");
        check("c8dr failover --lost a --accept-data-loss", "wants a reason");
        check(
            "c8dr failover --lost a --accept-data-loss --yes",
            "wants a reason",
        );
        check("c8dr failover --lost a --accept-unfenced=", "wants a reason");
        check("c8dr failback --returning a --adopt-pause=", "wants a reason");
        check("c8dr run abort --reason=", "wants a reason");
        check("c8dr run abort", "why the run is given up was not said");
        let other = Args::try_parse_from(["c8dr", "failover", "--loost", "a"]).unwrap_err();
        assert!(better(&other).is_none());
    }

    #[test]
    fn spaces_are_no_reason() {
        assert!(reason(" \t ").is_err());
        assert_eq!(reason(" INC-1 ").unwrap(), "INC-1");
    }
}
