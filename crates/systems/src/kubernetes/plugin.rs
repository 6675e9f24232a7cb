//! Credential plugins of a kubeconfig, such as `aws eks get-token`: run by us, with a deadline, and without telling what they
//! print, as that is the credential.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use c8dr_engine::clock::Clock;
use kube::config::{AuthInfo, Cluster, ExecConfig};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use crate::command::{Command, End};
use crate::foreign::json;

/// More than this is no credential.
const OUTPUT_BYTES_MAX: usize = 256 * 1024;

/// What a plugin brought.
pub(super) struct Credential {
    token: Option<SecretString>,
    certificate: Option<String>,
    key: Option<SecretString>,
}

#[derive(Deserialize)]
struct Printed {
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

impl Credential {
    /// Puts it where kube looks for it.
    pub(super) fn give(self, login: &mut AuthInfo) {
        if let Some(token) = self.token {
            login.token = Some(token);
        }
        if let (Some(certificate), Some(key)) = (self.certificate, self.key) {
            use secrecy::ExposeSecret;
            // A kubeconfig has them in base64, a plugin prints them as they are.
            login.client_certificate_data = Some(STANDARD.encode(certificate));
            login.client_key_data = Some(STANDARD.encode(key.expose_secret()).into());
        }
    }
}

/// Runs a plugin, once. What is wrong is told as a sentence.
pub(super) async fn run(
    exec: &ExecConfig,
    cluster: Option<&Cluster>,
    clock: &Clock,
    limit: Duration,
) -> Result<Credential, String> {
    let program = exec
        .command
        .as_deref()
        .ok_or("the kubeconfig names a credential plugin without a command")?;
    let mut command = Command::new(program, limit);
    command.arguments = exec.args.iter().flatten().map(Into::into).collect();
    for variable in exec.env.iter().flatten() {
        if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
            command.variables.push((name.into(), value.into()));
        }
    }
    let mut spec = BTreeMap::from([("interactive", json!(false))]);
    if let Some(cluster) = cluster.filter(|_| exec.provide_cluster_info) {
        spec.insert(
            "cluster",
            json!({
                "server": cluster.server,
                "certificate-authority-data": cluster.certificate_authority_data,
                "tls-server-name": cluster.tls_server_name,
            }),
        );
    }
    let version = exec
        .api_version
        .as_deref()
        .unwrap_or("client.authentication.k8s.io/v1");
    let info = json!({"apiVersion": version, "kind": "ExecCredential", "spec": spec});
    command
        .variables
        .push(("KUBERNETES_EXEC_INFO".into(), info.to_string().into()));
    let (ran, output) = command
        .read(clock, OUTPUT_BYTES_MAX)
        .await
        .map_err(|not_started| {
            let hint = exec
                .install_hint
                .as_deref()
                .map(|hint| format!(" ({})", crate::foreign::shown(hint.as_bytes(), 200)))
                .unwrap_or_default();
            format!("the credential plugin {}{hint}", not_started.words())
        })?;
    if ran.end != End::Exited(0) {
        return Err(format!("the credential plugin `{program}`: {}", ran.words()));
    }
    // Why it is not understood would have to show it.
    let unreadable = || format!("the credential plugin `{program}` printed no ExecCredential");
    let printed: Printed = json::read(&output.ok_or_else(unreadable)?).map_err(|_| unreadable())?;
    let status = printed.status.ok_or_else(|| {
        format!("the credential plugin `{program}` printed no credential: are you logged in?")
    })?;
    let credential = Credential {
        token: status.token.filter(|token| !token.is_empty()).map(Into::into),
        certificate: status.client_certificate_data,
        key: status.client_key_data.map(Into::into),
    };
    match (&credential.token, &credential.certificate) {
        (None, None) => Err(format!(
            "the credential plugin `{program}` printed neither a token nor a certificate"
        )),
        _ => Ok(credential),
    }
}

/// Base64 as kubeconfigs have it.
pub(super) fn decoded(text: &str) -> Result<Vec<u8>, String> {
    STANDARD
        .decode(text.trim())
        .map_err(|_| "it is not base64".to_owned())
}
