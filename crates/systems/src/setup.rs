//! What can be wrong with a system's configuration before anything is sent.

use ::http::HeaderValue;

use crate::auth::Auth;
use crate::dial::TlsSetupError;

/// The endpoints cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsSetupError),
    /// A credential holds something that no header can carry, such as a line break.
    #[error("the {kind} credentials cannot be sent in a header: does the secret hold a line break?")]
    Credentials {
        /// For which kind of endpoint.
        kind: &'static str,
    },
}

/// The header for `auth`.
pub(crate) fn header(kind: &'static str, auth: &Auth) -> Result<Option<HeaderValue>, SetupError> {
    // The source is dropped on purpose: nothing that saw the secret goes on.
    auth.header().map_err(|_| SetupError::Credentials { kind })
}
