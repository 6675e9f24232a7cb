//! Where an API server is and who we are there: from kubeconfig files and a context, or from inside of a cluster.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use c8dr_engine::clock::Clock;
use kube::config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError};
use secrecy::ExposeSecret;

use super::plugin;
use super::trouble::Trouble;
use crate::dial::{Tls, TlsSetupError};
use crate::http::chain;

/// How an API server is found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// By kubeconfig files: of several the first that knows a name counts, as for kubectl.
    Kubeconfig {
        /// The files.
        files: Vec<PathBuf>,
        /// The context; the current one if not given.
        context: Option<String>,
    },
    /// By what Kubernetes gives each of its pods.
    InCluster,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Access::Kubeconfig {
                context: Some(context),
                ..
            } => write!(f, "context `{context}`"),
            Access::Kubeconfig { context: None, .. } => f.write_str("the current context"),
            Access::InCluster => f.write_str("the cluster that this runs in"),
        }
    }
}

/// What a session is opened with.
pub(super) struct Opened {
    pub(super) config: Config,
    pub(super) tls: Option<Tls>,
    /// The name that the server's certificate has, where it is not the host's.
    pub(super) server_name: Option<String>,
}

/// A certificate and its key, in PEM.
type Identity = (Vec<u8>, Vec<u8>);

impl Access {
    /// How a person begins to ask the same: `kubectl --kubeconfig FILE --context NAME --namespace NAMESPACE`, the first two
    /// where they are said.
    pub fn kubectl(&self, namespace: &str) -> Vec<String> {
        let mut line = vec!["kubectl".to_owned()];
        if let Access::Kubeconfig { files, context } = self {
            if let [file] = files.as_slice() {
                line.extend(["--kubeconfig".to_owned(), file.display().to_string()]);
            }
            if let Some(context) = context {
                line.extend(["--context".to_owned(), context.clone()]);
            }
        }
        line.extend(["--namespace".to_owned(), namespace.to_owned()]);
        line
    }

    /// Reads what there is, and runs the credential plugin where one is named. Nothing is sent to the API server.
    pub(super) async fn open(&self, clock: &Clock, plugin_limit: Duration) -> Result<Opened, Trouble> {
        let config = match self {
            Access::InCluster => Config::incluster().map_err(|error| Trouble::Access {
                what: format!(
                    "this does not run in a cluster, or has no service account there: {}",
                    chain(&error)
                ),
                help: "Name a `context` and a `kubeconfig`".to_owned(),
            })?,
            Access::Kubeconfig { files, context } => {
                self.of_files(files, context.as_deref(), clock, plugin_limit)
                    .await?
            }
        };
        if config.proxy_url.is_some() {
            return Err(Trouble::Access {
                what: format!("{self} is reached through a proxy (`proxy-url`), which c8dr does not do"),
                help: "Use a context that reaches the API server directly".to_owned(),
            });
        }
        if config.accept_invalid_certs {
            return Err(Trouble::Access {
                what: format!("{self} does not check the API server's certificate (`insecure-skip-tls-verify`)"),
                help: "Give the cluster its `certificate-authority-data`: who answers there decides what is fenced".to_owned(),
            });
        }
        let tls = match config.cluster_url.scheme_str() {
            Some("https") => Some(self.tls(&config, clock)?),
            _ => None,
        };
        Ok(Opened {
            tls,
            server_name: config.tls_server_name.clone(),
            config,
        })
    }

    async fn of_files(
        &self,
        files: &[PathBuf],
        context: Option<&str>,
        clock: &Clock,
        plugin_limit: Duration,
    ) -> Result<Config, Trouble> {
        let mut all = read(files)?;
        let known: Vec<String> = all
            .contexts
            .iter()
            .map(|context| format!("`{}`", context.name))
            .collect();
        let wanted = context.map(str::to_owned).or_else(|| all.current_context.clone());
        let Some(wanted) = wanted else {
            return Err(Trouble::Access {
                what: format!("no context is named, and none is current in {}", named(files)),
                help: format!("Name one of {}", listed(&known)),
            });
        };
        let Some(found) = all
            .contexts
            .iter()
            .find(|context| context.name == wanted)
            .and_then(|context| context.context.as_ref())
        else {
            return Err(Trouble::Access {
                what: format!("there is no context `{wanted}` in {}", named(files)),
                help: format!("The contexts there: {}", listed(&known)),
            });
        };
        let user = found.user.clone();
        let cluster = all
            .clusters
            .iter()
            .find(|cluster| cluster.name == found.cluster)
            .and_then(|cluster| cluster.cluster.clone());
        let login = all
            .auth_infos
            .iter_mut()
            .find(|login| Some(&login.name) == user.as_ref())
            .and_then(|login| login.auth_info.as_mut());
        if let Some(login) = login {
            if login.auth_provider.is_some() {
                return Err(Trouble::Access {
                    what: format!(
                        "{self} logs in by an `auth-provider`, which Kubernetes itself has dropped"
                    ),
                    help: "Let your provider's tool write the kubeconfig anew; it will name an `exec` plugin"
                        .to_owned(),
                });
            }
            if let Some(exec) = login.exec.take() {
                let credential = plugin::run(&exec, cluster.as_ref(), clock, plugin_limit)
                    .await
                    .map_err(|what| Trouble::Access {
                        what: format!("{self}: {what}"),
                        help: "Run that command by hand, or log in again as you do for kubectl".to_owned(),
                    })?;
                credential.give(login);
            }
        }
        let options = KubeConfigOptions {
            context: Some(wanted),
            cluster: None,
            user: None,
        };
        Config::from_custom_kubeconfig(all, &options)
            .await
            .map_err(|error| self.unusable(&error))
    }

    fn unusable(&self, error: &KubeconfigError) -> Trouble {
        Trouble::Access {
            what: format!("{self} cannot be used: {}", chain(error)),
            help: "Does `kubectl get pods` work with it?".to_owned(),
        }
    }

    fn tls(&self, config: &Config, clock: &Clock) -> Result<Tls, Trouble> {
        let unusable = |error: TlsSetupError| Trouble::Access {
            what: format!("{self}: {}", chain(&error)),
            help: "Does `kubectl get pods` work with it?".to_owned(),
        };
        let identity = self.identity(config)?;
        Tls::of_parts(
            config.root_cert.as_deref(),
            identity.as_ref().map(|(c, k)| (c.as_slice(), k.as_slice())),
            clock,
        )
        .map_err(unusable)
    }

    /// Our certificate and its key, in PEM, where we log in by one.
    fn identity(&self, config: &Config) -> Result<Option<Identity>, Trouble> {
        let login = &config.auth_info;
        let part =
            |what: &str, data: Option<&str>, file: Option<&String>| -> Result<Option<Vec<u8>>, Trouble> {
                let failed = |why: String| Trouble::Access {
                    what: format!("{self}: the {what} cannot be read: {why}"),
                    help: "Does `kubectl get pods` work with it?".to_owned(),
                };
                match (data, file) {
                    (Some(data), _) => plugin::decoded(data).map(Some).map_err(failed),
                    (None, Some(file)) => std::fs::read(file)
                        .map(Some)
                        .map_err(|error| failed(format!("{file}: {error}"))),
                    (None, None) => Ok(None),
                }
            };
        let certificate = part(
            "client certificate",
            login.client_certificate_data.as_deref(),
            login.client_certificate.as_ref(),
        )?;
        let key = part(
            "client key",
            login.client_key_data.as_ref().map(ExposeSecret::expose_secret),
            login.client_key.as_ref(),
        )?;
        Ok(certificate.zip(key))
    }
}

/// The files as one, the first that knows a name counts.
fn read(files: &[PathBuf]) -> Result<Kubeconfig, Trouble> {
    let mut all: Option<Kubeconfig> = None;
    for file in files {
        let unusable = |error: KubeconfigError| Trouble::Access {
            what: format!(
                "the kubeconfig {} cannot be used: {}",
                file.display(),
                chain(&error)
            ),
            help: "Name another file as `kubeconfig`, or mend this one".to_owned(),
        };
        let next = Kubeconfig::read_from(file).map_err(unusable)?;
        all = Some(match all {
            Some(all) => all.merge(next).map_err(unusable)?,
            None => next,
        });
    }
    all.ok_or_else(|| Trouble::Access {
        what: "no kubeconfig is named".to_owned(),
        help: "Name a `kubeconfig`, or set KUBECONFIG".to_owned(),
    })
}

fn named(files: &[PathBuf]) -> String {
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    names.join(" and ")
}

fn listed(known: &[String]) -> String {
    match known.is_empty() {
        true => "none".to_owned(),
        false => known.join(", "),
    }
}
