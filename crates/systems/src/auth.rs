//! Credentials: how they go onto the wire, and how they are kept out of everything else.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use http::HeaderValue;
use http::header::InvalidHeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::base_url::segment;

/// How to authenticate at one kind of endpoint.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    /// Not at all: the default of the management port in every version. `spec: api.md §1`
    #[default]
    None,
    /// `Authorization: Basic`.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// `Authorization: Bearer`. Taken as it is: whoever made it sees to its lifetime.
    Bearer {
        /// The token.
        token: SecretString,
    },
}

impl Auth {
    /// The `Authorization` header, marked as sensitive.
    pub(crate) fn header(&self) -> Result<Option<HeaderValue>, InvalidHeaderValue> {
        let mut value = match self {
            Auth::None => return Ok(None),
            Auth::Basic { .. } => HeaderValue::try_from(format!("Basic {}", self.encoded().expose_secret()))?,
            Auth::Bearer { token } => HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))?,
        };
        value.set_sensitive(true);
        Ok(Some(value))
    }

    fn encoded(&self) -> SecretString {
        match self {
            Auth::Basic { user, password } => STANDARD
                .encode(format!("{user}:{}", password.expose_secret()))
                .into(),
            Auth::None | Auth::Bearer { .. } => SecretString::default(),
        }
    }

    /// What must never be told of it.
    pub fn secrets(&self) -> Vec<SecretString> {
        match self {
            Auth::None => Vec::new(),
            Auth::Basic { password, .. } => vec![self.encoded(), password.clone()],
            Auth::Bearer { token } => vec![token.clone()],
        }
    }
}

/// What must not appear in any text: a server may echo the credentials it was sent.
#[derive(Debug)]
pub(crate) struct Secrets(Vec<SecretString>);

/// A shorter secret would turn up in texts by chance, and blot them out.
const SECRET_BYTES_MIN: usize = 4;

impl Secrets {
    pub(crate) fn of<'a>(all: impl IntoIterator<Item = &'a Auth>) -> Self {
        Self::new(all.into_iter().flat_map(Auth::secrets))
    }

    /// Secrets by themselves, and in the forms in which others write them: Kubernetes in base64, URLs with `%`.
    pub(crate) fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let mut all: Vec<SecretString> = Vec::new();
        for secret in secrets {
            let plain = secret.expose_secret();
            if plain.len() < SECRET_BYTES_MIN {
                continue;
            }
            // Without the padding, so that either way of writing it is found.
            all.push(STANDARD_NO_PAD.encode(plain).into());
            all.push(URL_SAFE_NO_PAD.encode(plain).into());
            all.push(segment(plain).into());
            all.push(secret);
        }
        // The longest first: one may be a part of another.
        all.sort_by_key(|secret| std::cmp::Reverse(secret.expose_secret().len()));
        all.dedup_by(|one, other| one.expose_secret() == other.expose_secret());
        Secrets(all)
    }

    /// How long the longest of them is, in bytes.
    pub(crate) fn longest(&self) -> usize {
        self.0
            .iter()
            .map(|secret| secret.expose_secret().len())
            .max()
            .unwrap_or_default()
    }

    /// Whether any of them is in there.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        self.0.iter().any(|secret| text.contains(secret.expose_secret()))
    }

    /// The text with each of them blotted out.
    pub(crate) fn scrubbed(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| {
            if text.contains(secret.expose_secret()) {
                text.replace(secret.expose_secret(), "***")
            } else {
                text
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic() -> Auth {
        Auth::Basic {
            user: "demo".to_owned(),
            password: "hunter22".into(),
        }
    }

    #[test]
    fn headers_are_sensitive() {
        let header = basic().header().unwrap().unwrap();
        assert_eq!(header, "Basic ZGVtbzpodW50ZXIyMg==");
        assert_eq!(format!("{header:?}"), "Sensitive");
        let token = Auth::Bearer {
            token: "t0ken".into(),
        };
        assert_eq!(token.header().unwrap().unwrap(), "Bearer t0ken");
        assert!(
            Auth::Bearer {
                token: "line\nbreak".into()
            }
            .header()
            .is_err()
        );
    }

    #[test]
    fn echoed_secrets_are_blotted_out_in_both_forms() {
        let secrets = Secrets::of([&basic()]);
        let text = "Basic ZGVtbzpodW50ZXIyMg== is demo:hunter22".to_owned();
        assert!(secrets.are_in(&text));
        assert_eq!(secrets.scrubbed(text), "Basic *** is demo:***");
        // As Kubernetes shows it, and as a URL does.
        let others = Secrets::new(["hunter/22".into()]);
        assert_eq!(
            others.scrubbed("aHVudGVyLzIy hunter%2F22 hunter/22".to_owned()),
            "*** *** ***"
        );
        assert!(!format!("{secrets:?}{:?}", basic()).contains("hunter22"));
    }
}
