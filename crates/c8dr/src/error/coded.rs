//! An error as it is shown: with its code above it, whatever it is made of.

use std::error::Error;
use std::fmt;

use miette::{Diagnostic, LabeledSpan, Severity, SourceCode};

use super::CliError;

/// A [`CliError`] whose diagnostic names the code of [`CliError::error_code`]. Codes are kept in enums and not in derived
/// attributes, so that there is no second list of them.
#[derive(Debug)]
pub struct Coded {
    code: &'static str,
    error: CliError,
}

impl Coded {
    /// The code.
    pub fn error_code(&self) -> &'static str {
        self.code
    }
}

impl From<CliError> for Coded {
    fn from(error: CliError) -> Self {
        Coded {
            code: error.error_code(),
            error,
        }
    }
}

impl fmt::Display for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for Coded {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

impl Diagnostic for Coded {
    fn code(&self) -> Option<Box<dyn fmt::Display + '_>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<Severity> {
        self.error.severity()
    }

    fn help(&self) -> Option<Box<dyn fmt::Display + '_>> {
        self.error.help()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.error.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.error.labels()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        self.error.related()
    }
}
