//! What is fetched or read from beside the configuration: secrets, and the files of TLS.

use std::path::PathBuf;

use c8dr_engine::clock::Clock;
use c8dr_systems::dial::{ClientIdentity, Tls, TlsOptions, TlsSetupError};
use c8dr_systems::terraform;
use c8dr_systems::zeebe::{Auth, Credentials};
use secrecy::SecretString;

use super::error::ConfigError;
use super::file::{File, Login, Secret};
use super::source::Source;
use crate::environment;

/// Whether secrets are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secrets {
    /// Each must be there.
    Fetched,
    /// They are not looked for, and stay empty: the configuration is only shown.
    LeftOut,
}

/// Resolves what a configuration names.
pub(super) struct Resolver<'a> {
    source: &'a Source,
    secrets: Secrets,
    tls: TlsOptions,
}

impl<'a> Resolver<'a> {
    /// For a configuration whose TLS files can be used.
    pub(super) fn new(source: &'a Source, file: &File, secrets: Secrets) -> Result<Self, ConfigError> {
        let options = file
            .tls
            .as_ref()
            .map_or_else(TlsOptions::default, |tls| TlsOptions {
                ca_file: tls.ca_file.as_deref().map(|path| source.beside(path)),
                identity: tls.client.as_ref().map(|client| ClientIdentity {
                    certificate_file: source.beside(&client.certificate_file),
                    key_file: source.beside(&client.key_file),
                }),
            });
        if file.tls.is_some() {
            check(source, &options)?;
        }
        Ok(Resolver {
            source,
            secrets,
            tls: options,
        })
    }

    /// Whom to trust.
    pub(super) fn tls(&self) -> TlsOptions {
        self.tls.clone()
    }

    /// The secret at a key.
    pub(super) fn secret(&self, key: &str, secret: &Secret) -> Result<SecretString, ConfigError> {
        match self.secrets {
            Secrets::Fetched => secret.fetch(self.source, key),
            Secrets::LeftOut => Ok(SecretString::default()),
        }
    }

    /// The name of a bucket in an environment variable.
    pub(super) fn variable(&self, key: &str, variable: &str) -> Result<String, ConfigError> {
        if self.secrets == Secrets::LeftOut {
            return Ok(format!("${variable}"));
        }
        let name = environment::read(variable).unwrap_or_default();
        terraform::bucket(&name).ok_or_else(|| {
            let what = match name.is_empty() {
                true => format!("the environment variable {variable} is not set, or empty"),
                false => format!("the environment variable {variable} holds no name of a bucket"),
            };
            self.source.wrong(
                key,
                what,
                format!("`export {variable}=…` where c8dr is started, or name the bucket in `settings`."),
            )
        })
    }

    /// Who we are at each kind of endpoint.
    pub(super) fn credentials(&self, file: &File) -> Result<Credentials, ConfigError> {
        let Some(auth) = &file.auth else {
            return Ok(Credentials::default());
        };
        Ok(Credentials {
            rest: self.login("auth.rest", auth.rest.as_ref())?,
            management: self.login("auth.management", auth.management.as_ref())?,
            grpc: self.login("auth.grpc", auth.grpc.as_ref())?,
        })
    }

    /// The login at a key.
    pub(super) fn login(&self, key: &str, login: Option<&Login>) -> Result<Auth, ConfigError> {
        Ok(match login {
            None => Auth::None,
            Some(Login::Basic { username, password }) => Auth::Basic {
                user: username.clone(),
                password: self.secret(&format!("{key}.basic.password"), password)?,
            },
            Some(Login::Bearer { token }) => Auth::Bearer {
                token: self.secret(&format!("{key}.bearer.token"), token)?,
            },
        })
    }
}

/// Reads the files as a connection would, so that they are not found wanting in the night.
fn check(source: &Source, options: &TlsOptions) -> Result<(), ConfigError> {
    let client = &options.identity;
    let Err(error) = Tls::new(options, &Clock::system()) else {
        return Ok(());
    };
    let key_of = |path: &PathBuf| {
        if options.ca_file.as_ref() == Some(path) {
            "tls.caFile"
        } else if client.as_ref().is_some_and(|client| &client.key_file == path) {
            "tls.client.keyFile"
        } else {
            "tls.client.certificateFile"
        }
    };
    let (key, help) = match &error {
        TlsSetupError::File { path, .. } if !path.is_file() => (
            key_of(path),
            "Check the path: it is beside the configuration, if not absolute.".to_owned(),
        ),
        TlsSetupError::File { path, .. } | TlsSetupError::Nothing { path, .. } => {
            let key = key_of(path);
            let wanted = if key == "tls.client.keyFile" {
                "with `-----BEGIN PRIVATE KEY-----` in it, without a passphrase."
            } else {
                "with `-----BEGIN CERTIFICATE-----` in it. `openssl x509 -in FILE -noout -subject` shows what is in it."
            };
            (key, format!("A PEM file is wanted, {wanted}"))
        }
        TlsSetupError::Unusable(_) if client.is_some() => (
            "tls.client",
            "Do the certificate and the key belong together? `openssl x509 -in CERTIFICATE -noout -pubkey` and `openssl pkey -in KEY -pubout` must print the same."
                .to_owned(),
        ),
        _ => ("tls", "Name a CA file: `tls: { caFile: ca.pem }`.".to_owned()),
    };
    let mut what = match &error {
        TlsSetupError::Nothing { what, path } => {
            format!("the {what} file {} has no certificate in it", path.display())
        }
        other => other.to_string(),
    };
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        what = format!("{what}: {error}");
        cause = error.source();
    }
    Err(source.wrong(key, what, help))
}
