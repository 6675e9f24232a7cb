//! Where a store is, as one URL.

use std::fmt;
use std::path::PathBuf;

use c8dr_domain::plain::is_obeyed;
use url::Url;

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `s3://bucket/prefix`
    S3 {
        /// The bucket.
        bucket: String,
        /// Before each key, without slashes at its ends; may be empty.
        prefix: String,
    },
    /// `file:///folder`
    Folder(PathBuf),
    /// `memory:`, which ends with the process.
    Memory,
}

/// A URL that is no place. Does not repeat the URL, as it may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPlace {
    /// Not a URL at all.
    #[error("this is not a URL: {0}")]
    Syntax(url::ParseError),
    /// Another scheme.
    #[error("the URL must begin with s3://, file:/// or memory:")]
    Scheme,
    /// A user, a password, a port, a query or a fragment.
    #[error(
        "the URL must hold a bucket and a prefix and no more; credentials and the endpoint have fields of their own"
    )]
    Extra,
    /// No bucket, or no folder.
    #[error("the URL must name a bucket, or a folder by its whole path")]
    Nothing,
}

impl Place {
    /// Takes a URL.
    ///
    /// # Errors
    /// If it is none, or holds more than a place.
    pub fn parse(text: &str) -> Result<Self, BadPlace> {
        let url = Url::parse(text).map_err(BadPlace::Syntax)?;
        let extra = !url.username().is_empty()
            || url.password().is_some()
            || url.port().is_some()
            || url.query().is_some()
            || url.fragment().is_some();
        if extra {
            return Err(BadPlace::Extra);
        }
        match url.scheme() {
            "s3" => match url.host_str() {
                Some(bucket) if !bucket.is_empty() => Ok(Place::S3 {
                    bucket: bucket.to_owned(),
                    prefix: url.path().trim_matches('/').to_owned(),
                }),
                _ => Err(BadPlace::Nothing),
            },
            "file" => match url.to_file_path() {
                // A name that nobody can see is no place to look for records in.
                Ok(folder) if !folder.to_string_lossy().contains(is_obeyed) => Ok(Place::Folder(folder)),
                _ => Err(BadPlace::Nothing),
            },
            "memory" => Ok(Place::Memory),
            _ => Err(BadPlace::Scheme),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Place::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
            Place::Folder(folder) => write!(f, "file://{}", folder.display()),
            Place::Memory => f.write_str("memory:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_told() {
        for (text, told) in [
            ("s3://backup/camunda/c8dr/", "s3://backup/camunda/c8dr"),
            ("s3://backup", "s3://backup"),
            ("file:///srv/c8dr", "file:///srv/c8dr"),
            ("memory:", "memory:"),
        ] {
            assert_eq!(Place::parse(text).unwrap().to_string(), told);
        }
    }

    #[test]
    fn a_refused_url_is_not_repeated() {
        for (text, bad) in [
            ("s3://AKIA:hunter22@backup/x", BadPlace::Extra),
            ("s3://backup/x?secret=hunter22", BadPlace::Extra),
            ("s3://backup:9000/x", BadPlace::Extra),
            ("https://hunter22", BadPlace::Scheme),
            ("s3:///hunter22", BadPlace::Nothing),
            ("file://hunter22/x", BadPlace::Nothing),
            ("file:///hunter22%00", BadPlace::Nothing),
        ] {
            let refused = Place::parse(text).unwrap_err();
            assert_eq!(refused, bad, "{text}");
            assert!(!format!("{refused} {refused:?}").contains("hunter22"));
        }
        assert!(matches!(Place::parse("backup/x"), Err(BadPlace::Syntax(_))));
    }
}
