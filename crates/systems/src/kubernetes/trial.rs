//! Writing into both searches from where the exporters stand: a shell in a broker's pod, which uses the exporter's own address
//! and login from the broker's environment. Where a broker's image has no curl, the pod of the search beside it writes instead,
//! which has one (`spec: api.md §1`) and stands in the same network.
//!
//! Each writer makes an index of its own, puts one document there and takes the index away again in the same breath.

use std::collections::BTreeMap;
use std::time::Duration;

use c8dr_domain::ids::{ExporterId, RegionId};
use c8dr_domain::observation::Sight;
use c8dr_domain::platform::{Component, Pod, Trial, WriteTrial};
use futures_util::future::join_all;
use serde::Deserialize;

use super::discover::{environment, exporters, without_login};
use super::exec::{Ran, run};
use super::region::Region;
use super::rights::Right;
use crate::foreign::{json, shown};
use crate::http::{Bounds, Fault};

/// What the shell says where the broker's environment has no address for the exporter.
const NO_ADDRESS: i32 = 90;
/// The connection to the pod, and four requests there, each with a limit of its own.
const BOUNDS: Bounds = Bounds {
    connect: Duration::from_secs(3),
    answer: Duration::from_secs(33),
    body_bytes_max: 64 * 1024,
};
/// What is between two answers.
const MARK: &str = "--c8dr--";

/// What the shell does once it has the address in `u` and the login in `n` and `p`. Curl gets the login by its standard input, so
/// that no list of processes shows it. The steps: make the index, write, ask which cluster this is, take the index away.
const SCRIPT: &str = r#"
command -v curl >/dev/null 2>&1 || exit 127
[ -n "$u" ] || exit 90
ask() {
  if [ -n "$n" ]; then printf 'user = "%s:%s"\n' "$n" "$p"; fi |
    curl --config - --silent --show-error --connect-timeout 3 --max-time 8 --noproxy '*' \
      --header 'content-type: application/json' --request "$1" "${u%/}/$2" --write-out '\n%{http_code}\n--c8dr--\n' ${3:+--data "$3"}
}
ask PUT "$i" || exit $?
ask PUT "$i/_doc/1?refresh=true" '{"by":"c8dr"}' || exit $?
ask GET '_cluster/state/version?filter_path=cluster_uuid' || exit $?
ask DELETE "$i"
"#;

/// Where the address and the login come from.
enum Place<'a> {
    /// The environment of a broker's pod.
    Broker { exporter: &'a ExporterId },
    /// What the brokers' stateful set says in plain words.
    Search { address: &'a str },
}

impl Region {
    /// Has the brokers' pods write into each of these searches, and take it away again.
    pub(crate) async fn writes(&self, exporters: &BTreeMap<RegionId, ExporterId>) -> Sight<Vec<WriteTrial>> {
        let pods = match self.pods().await {
            Sight::Seen(pods) => pods,
            other => return other.map(|_| Vec::new()),
        };
        let brokers: Vec<&Pod> = running(&pods, Component::Broker).collect();
        let trials = join_all(brokers.iter().flat_map(|pod| {
            (exporters.iter()).map(|(to, exporter)| self.trial(&pod.name, *to, Place::Broker { exporter }))
        }))
        .await;
        let has_curl = |trial: &(WriteTrial, bool)| trial.1;
        let told = |trials: Vec<(WriteTrial, bool)>| {
            Sight::Seen(trials.into_iter().map(|(trial, _)| trial).collect())
        };
        let beside = running(&pods, Component::Search).next();
        match beside {
            Some(beside) if !trials.iter().any(has_curl) => {
                told(self.write_beside(&beside.name, exporters).await)
            }
            _ => told(trials),
        }
    }

    /// From the pod of the search in the same namespace.
    async fn write_beside(
        &self,
        pod: &str,
        wanted: &BTreeMap<RegionId, ExporterId>,
    ) -> Vec<(WriteTrial, bool)> {
        let environment = match self.list(Right::ListStatefulSets).await {
            Ok(sets) => (sets.iter())
                .find(|set| set.metadata.name == self.brokers_name())
                .map(environment)
                .unwrap_or_default(),
            Err(_) => BTreeMap::new(),
        };
        let addresses = exporters(&environment);
        join_all(wanted.iter().map(async |(to, exporter)| {
            let id = exporter.as_str().to_ascii_lowercase();
            let why = match addresses.get(&id) {
                Some(Some(address)) if !has_login(&environment, &id) && is_plain(address) => {
                    return self.trial(pod, *to, Place::Search { address }).await;
                }
                Some(Some(_)) => "the brokers have no curl, and their login to it is not taken elsewhere",
                _ => "the brokers have no curl, and their stateful set names no address for its exporter",
            };
            (trial(pod, *to, untried(why)), true)
        }))
        .await
    }

    /// One pod's attempt, and whether it had a curl to try it with.
    async fn trial(&self, pod: &str, to: RegionId, place: Place<'_>) -> (WriteTrial, bool) {
        let index = format!("c8dr-trial-{pod}");
        let settings = match place {
            Place::Broker { exporter } => {
                let id = exporter.as_str().to_ascii_uppercase();
                if !id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                {
                    let why = "the exporter's id makes no variable of a shell";
                    return (trial(pod, to, untried(why)), true);
                }
                let of = |end: &str| format!("$ZEEBE_BROKER_EXPORTERS_{id}_ARGS_{end}");
                format!(
                    "u={}\nn={}\np={}",
                    quoted(&of("URL")),
                    quoted(&of("AUTHENTICATION_USERNAME")),
                    quoted(&of("AUTHENTICATION_PASSWORD"))
                )
            }
            Place::Search { address } => format!("u='{address}'\nn=\np="),
        };
        let script = format!("i='{index}'\n{settings}\n{SCRIPT}");
        let outcome = match run(self, pod, &script, String::new(), BOUNDS).await {
            Ok(ran) if ran.code == Some(127) => {
                return (
                    trial(pod, to, untried("there is no curl in the brokers' pods")),
                    false,
                );
            }
            Ok(ran) => outcome(&ran),
            // Nothing ran: that says nothing about the way.
            Err(Fault::NotSent { detail, .. }) => Trial::Untried { why: detail },
            Err(fault) => Trial::Failed {
                why: format!("what became of it was not told: {fault}"),
            },
        };
        (trial(pod, to, outcome), true)
    }
}

fn quoted(variable: &str) -> String {
    format!("\"{variable}\"")
}

fn trial(pod: &str, to: RegionId, outcome: Trial) -> WriteTrial {
    WriteTrial {
        pod: pod.to_owned(),
        to,
        outcome,
    }
}

fn untried(why: &str) -> Trial {
    Trial::Untried { why: why.to_owned() }
}

fn running(pods: &[Pod], component: Component) -> impl Iterator<Item = &Pod> {
    (pods.iter()).filter(move |pod| pod.component == component && pod.is_ready && !pod.is_terminating)
}

/// Whether an exporter logs in with a name of its own, wherever the password comes from.
fn has_login(environment: &BTreeMap<String, String>, exporter: &str) -> bool {
    let prefix = format!("ZEEBE_BROKER_EXPORTERS_{}_ARGS_", exporter.to_ascii_uppercase());
    let address = environment.get(&format!("{prefix}URL"));
    environment.contains_key(&format!("{prefix}AUTHENTICATION_USERNAME"))
        || address.is_some_and(|address| without_login(address) != *address)
}

/// Whether an address can stand between a shell's quotes.
fn is_plain(address: &str) -> bool {
    (address.bytes()).all(|byte| byte.is_ascii_alphanumeric() || b":/.-_[]".contains(&byte))
}

/// What the shell printed and how it ended, as what came of it.
fn outcome(ran: &Ran) -> Trial {
    let said = || shown(&ran.errors, 300);
    match ran.code {
        Some(0) => answers(&ran.out),
        Some(NO_ADDRESS) => untried("the brokers' environment names no address for its exporter"),
        Some(code) => Trial::Failed {
            why: format!("curl there ended with {code}: {}", said()),
        },
        None => Trial::Failed {
            why: format!("how curl there ended was not told: {}", said()),
        },
    }
}

/// The answers in the order in which they were asked for.
fn answers(out: &[u8]) -> Trial {
    #[derive(Deserialize)]
    struct Cluster {
        cluster_uuid: String,
    }
    let text = String::from_utf8_lossy(out);
    let answers: Vec<(&str, u16)> = text
        .split(MARK)
        .filter_map(|part| {
            let (body, status) = part.trim_end().rsplit_once('\n')?;
            Some((body.trim(), status.trim().parse().ok()?))
        })
        .collect();
    let [made, written, cluster, gone] = answers.as_slice() else {
        return Trial::Failed {
            why: format!("its answers are not understood: {}", shown(out, 200)),
        };
    };
    // One that was left by a trial that was cut short serves as well.
    let is_left_over = made.0.contains("resource_already_exists_exception");
    for (what, (body, status), is_well) in [
        ("making an index", made, is_left_over),
        ("writing a document", written, false),
        ("asking which cluster it is", cluster, false),
        ("taking the index away again", gone, false),
    ] {
        // Who may write records only has proven that it is reached and knows them.
        if *status == 403 && body.contains("security_exception") {
            return Trial::Untried {
                why: format!(
                    "the exporter's user is known there, and may not do this: {what} was answered 403"
                ),
            };
        }
        if !(200..300).contains(status) && !is_well {
            return Trial::Failed {
                why: format!("{what} was answered {status}: {}", shown(body.as_bytes(), 200)),
            };
        }
    }
    match json::read::<Cluster>(cluster.0.as_bytes()) {
        Ok(cluster) => Trial::Written {
            cluster: cluster.cluster_uuid,
        },
        Err(_) => Trial::Failed {
            why: format!(
                "which cluster it is was not told: {}",
                shown(cluster.0.as_bytes(), 200)
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(code: Option<i32>, out: &str) -> String {
        match outcome(&Ran {
            out: out.as_bytes().to_vec(),
            errors: b"curl: so it is".to_vec(),
            code,
        }) {
            Trial::Written { cluster } => format!("written to {cluster}"),
            Trial::Failed { why } => format!("failed: {why}"),
            Trial::Untried { why } => format!("untried: {why}"),
        }
    }

    fn printed(answers: [(&str, u16); 4]) -> String {
        answers
            .map(|(body, status)| format!("{body}\n{status}\n{MARK}\n"))
            .concat()
    }

    const WELL: [(&str, u16); 4] = [
        (r#"{"acknowledged":true}"#, 200),
        (r#"{"result":"created"}"#, 201),
        (r#"{"cluster_uuid":"abc"}"#, 200),
        (r#"{"acknowledged":true}"#, 200),
    ];

    #[test]
    fn four_good_answers_are_a_document_that_was_written() {
        assert_eq!(told(Some(0), &printed(WELL)), "written to abc");
        let mut left = WELL;
        left[0] = (r#"{"error":{"type":"resource_already_exists_exception"}}"#, 400);
        assert_eq!(told(Some(0), &printed(left)), "written to abc");
    }

    #[test]
    fn each_answer_that_is_none_is_a_failure_with_its_words() {
        for (at, what) in [
            (0, "making an index"),
            (1, "writing a document"),
            (2, "asking which cluster it is"),
            (3, "taking the index away again"),
        ] {
            let mut answers = WELL;
            answers[at] = (r#"{"error":{"type":"cluster_block_exception"}}"#, 403);
            let told = told(Some(0), &printed(answers));
            assert!(
                told.starts_with(&format!("failed: {what} was answered 403")),
                "{told}"
            );
        }
        let all = printed(WELL);
        let (_, three) = all.split_once(MARK).unwrap();
        for out in ["", "<html>", three] {
            assert!(told(Some(0), out).starts_with("failed: its answers are not understood"));
        }
    }

    #[test]
    fn who_may_not_make_an_index_has_proven_nothing_bad() {
        let mut answers = WELL;
        answers[0] = (r#"{"error":{"type":"security_exception"}}"#, 403);
        assert!(told(Some(0), &printed(answers)).starts_with("untried: the exporter's user is known there"));
        answers[0] = (r#"{"error":{"type":"security_exception"}}"#, 401);
        assert!(told(Some(0), &printed(answers)).starts_with("failed: making an index was answered 401"));
    }

    #[test]
    fn a_curl_that_gets_nowhere_is_a_failure() {
        assert_eq!(
            told(Some(7), ""),
            "failed: curl there ended with 7: curl: so it is"
        );
        assert_eq!(
            told(Some(28), ""),
            "failed: curl there ended with 28: curl: so it is"
        );
        assert!(told(None, "").starts_with("failed: how curl there ended was not told"));
        assert!(told(Some(NO_ADDRESS), "").starts_with("untried:"));
    }

    #[test]
    fn an_address_between_quotes_is_an_address() {
        assert!(is_plain("http://es.camunda-paris.svc.cluster.local:9200"));
        assert!(!is_plain("http://es'; rm -rf /; '"));
    }
}
