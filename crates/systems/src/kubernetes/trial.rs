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

use super::discover::{environment, exporters};
use super::exec::{Ran, run};
use super::region::Region;
use super::rights::Right;
use crate::foreign::{json, shown};
use crate::http::{Bounds, Fault};

/// What the shell says where the broker's environment has no address for the exporter.
const NO_ADDRESS: i32 = 120;
/// The connection to the pod, and four requests there, each with a limit of its own.
const BOUNDS: Bounds = Bounds {
    connect: Duration::from_secs(3),
    answer: Duration::from_secs(33),
    body_bytes_max: 64 * 1024,
};
/// Why it is tried from elsewhere.
const NO_CURL: &str = "there is no curl in the brokers' pods";
/// What is between two answers.
const MARK: &str = "--c8dr--";

/// What the shell does once it has the address in `u`, the login in `n` and `p`, and the index in `i`. Curl gets the login by its
/// standard input, so that no list of processes shows it, and escaped as curl's configuration wants it. The steps: make the index,
/// write, ask which cluster this is, take the index away.
const SCRIPT: &str = r#"
command -v curl >/dev/null 2>&1 || exit 127
[ -n "$u" ] || exit 120
printf '%s\n--c8dr--\n' "${n:+login}"
escaped() { printf '%s' "$1" | sed 's/[\\"]/\\&/g'; }
ask() {
  if [ -n "$n" ]; then printf 'user = "%s:%s"\n' "$(escaped "$n")" "$(escaped "$p")"; fi |
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
            exporters.iter().map(async |(to, exporter)| {
                let outcome = self.attempt(&pod.name, &Place::Broker { exporter }).await;
                trial(&pod.name, *to, outcome)
            })
        }))
        .await;
        match running(&pods, Component::Search).next() {
            Some(beside) if trials.iter().all(lacks_curl) => {
                Sight::Seen(self.write_beside(&beside.name, exporters).await)
            }
            _ => Sight::Seen(trials),
        }
    }

    /// From the pod of the search in the same namespace.
    async fn write_beside(&self, pod: &str, wanted: &BTreeMap<RegionId, ExporterId>) -> Vec<WriteTrial> {
        let environment = match self.list(Right::ListStatefulSets).await {
            Ok(sets) => (sets.iter())
                .find(|set| set.metadata.name == self.brokers_name())
                .map(environment)
                .unwrap_or_default(),
            Err(_) => BTreeMap::new(),
        };
        let addresses = exporters(&environment);
        join_all(wanted.iter().map(async |(to, exporter)| {
            let outcome = match addresses.get(&exporter.as_str().to_ascii_lowercase()) {
                Some(Some(address)) if is_plain(address) => {
                    self.attempt(pod, &Place::Search { address }).await
                }
                _ => untried("the brokers have no curl, and their stateful set names no plain address for its exporter"),
            };
            trial(pod, *to, outcome)
        }))
        .await
    }

    /// What comes of one pod's attempt.
    async fn attempt(&self, pod: &str, place: &Place<'_>) -> Trial {
        let Some(settings) = settings(place) else {
            return untried("the exporter's id makes no variable of a shell");
        };
        let script = format!("i='c8dr-trial-{pod}'\n{settings}\n{SCRIPT}");
        match run(self, pod, &script, String::new(), BOUNDS).await {
            Ok(ran) => outcome(&ran),
            // Nothing ran: that says nothing about the way.
            Err(Fault::NotSent { detail, .. }) => Trial::Untried { why: detail },
            Err(fault) => Trial::Failed {
                why: format!("what became of it was not told: {fault}"),
            },
        }
    }
}

/// The shell's variables; `None` where an exporter's id can be none.
fn settings(place: &Place<'_>) -> Option<String> {
    match place {
        Place::Broker { exporter } => {
            let id = exporter.as_str().to_ascii_uppercase();
            let of = |end: &str| format!("\"$ZEEBE_BROKER_EXPORTERS_{id}_ARGS_{end}\"");
            let is_plain = id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            is_plain.then(|| {
                format!(
                    "u={}\nn={}\np={}",
                    of("URL"),
                    of("AUTHENTICATION_USERNAME"),
                    of("AUTHENTICATION_PASSWORD")
                )
            })
        }
        Place::Search { address } => Some(format!("u='{address}'\nn=\np=")),
    }
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

fn lacks_curl(trial: &WriteTrial) -> bool {
    matches!(&trial.outcome, Trial::Untried { why } if why == NO_CURL)
}

fn running(pods: &[Pod], component: Component) -> impl Iterator<Item = &Pod> {
    (pods.iter()).filter(move |pod| pod.component == component && pod.is_ready && !pod.is_terminating)
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
        Some(126 | 127) => untried(NO_CURL),
        // It did not understand, or could not begin.
        Some(1..=4 | 43) => untried(&format!("curl there did not take it: {}", said())),
        // Whom Java trusts is not whom curl trusts.
        Some(35 | 51 | 53 | 54 | 58..=60 | 64 | 66 | 77 | 80 | 82 | 83 | 91) => untried(&format!(
            "curl there does not come through TLS, of which the exporter has its own idea: {}",
            said()
        )),
        Some(code) => Trial::Failed {
            why: format!("curl there ended with {code}: {}", said()),
        },
        None => Trial::Failed {
            why: format!("how curl there ended was not told: {}", said()),
        },
    }
}

/// The answers in the order in which they were asked for, behind the word whether there was a login to ask with.
fn answers(out: &[u8]) -> Trial {
    #[derive(Deserialize)]
    struct Cluster {
        cluster_uuid: String,
    }
    let text = String::from_utf8_lossy(out);
    let (login, rest) = text.split_once(MARK).unwrap_or_default();
    let answers: Vec<(&str, u16)> = rest
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
        match status {
            200..300 => {}
            _ if is_well => {}
            // The exporter may have one from elsewhere.
            401 if login.trim().is_empty() => {
                return untried("it wants a login, and the exporter's is not in the pod's environment");
            }
            // Who may write records only has proven that it is reached and knows them.
            403 if body.contains("security_exception") => {
                return untried(&format!(
                    "the exporter's user is known there, and may not do this: {what} was answered 403"
                ));
            }
            _ => {
                return Trial::Failed {
                    why: format!("{what} was answered {status}: {}", shown(body.as_bytes(), 200)),
                };
            }
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

    /// What the shell prints; with a login, if it had one.
    fn printed_by(login: &str, answers: [(&str, u16); 4]) -> String {
        let answers = answers.map(|(body, status)| format!("{body}\n{status}\n{MARK}\n"));
        format!("{login}\n{MARK}\n{}", answers.concat())
    }

    fn printed(answers: [(&str, u16); 4]) -> String {
        printed_by("login", answers)
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
        let (three, _) = all.trim_end().trim_end_matches(MARK).rsplit_once(MARK).unwrap();
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
        // The exporter may have a login that the pod's environment does not show.
        assert!(told(Some(0), &printed_by("", answers)).starts_with("untried: it wants a login"));
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
        // The exporter trusts by a store of Java's own.
        assert!(told(Some(60), "").starts_with("untried:"));
    }

    /// The script as a shell runs it, with a curl that writes down what it is given.
    #[test]
    fn the_shell_asks_four_times_and_hides_a_login_with_quotes_in_it() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let curl = folder.path().join("curl");
        let fake = "#!/bin/sh\ncat >>\"$NOTES/stdin\"\nprintf '%s\\n' \"$*\" >>\"$NOTES/words\"\nprintf '{}\\n200\\n--c8dr--\\n'\n";
        std::fs::write(&curl, fake).unwrap();
        std::fs::set_permissions(&curl, std::fs::Permissions::from_mode(0o755)).unwrap();
        let exporter = ExporterId::new("elasticsearchregion1");
        let settings = settings(&Place::Broker { exporter: &exporter }).unwrap();
        let ran = |address: &str| {
            let usual = std::env::var("PATH").unwrap_or_default();
            let prefix = "ZEEBE_BROKER_EXPORTERS_ELASTICSEARCHREGION1_ARGS";
            std::process::Command::new("sh")
                .args(["-c", &format!("i='c8dr-trial-a-0'\n{settings}\n{SCRIPT}")])
                .env("PATH", format!("{}:{usual}", folder.path().display()))
                .env("NOTES", folder.path())
                .env(format!("{prefix}_URL"), address)
                .env(format!("{prefix}_AUTHENTICATION_USERNAME"), "elastic")
                .env(format!("{prefix}_AUTHENTICATION_PASSWORD"), r#"a"b\c"#)
                .output()
                .unwrap()
        };
        assert_eq!(ran("").status.code(), Some(NO_ADDRESS));
        let well = ran("http://es:9200/");
        assert!(well.status.success(), "{well:?}");
        let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("stdin"), "user = \"elastic:a\\\"b\\\\c\"\n".repeat(4));
        let words = read("words");
        let asked: Vec<&str> = (words.lines())
            .filter_map(|line| line.split_once("--request ")?.1.split_once(" --write"))
            .map(|(asked, _)| asked)
            .collect();
        assert_eq!(
            asked,
            [
                "PUT http://es:9200/c8dr-trial-a-0",
                "PUT http://es:9200/c8dr-trial-a-0/_doc/1?refresh=true",
                "GET http://es:9200/_cluster/state/version?filter_path=cluster_uuid",
                "DELETE http://es:9200/c8dr-trial-a-0",
            ]
        );
        assert!(
            !words.contains("elastic:"),
            "a list of processes shows it: {words}"
        );
        // Four answers were printed, and that nothing told which cluster it is.
        assert!(told(Some(0), &String::from_utf8(well.stdout).unwrap()).starts_with("failed: which cluster"));
    }

    #[test]
    fn an_address_between_quotes_is_an_address() {
        assert!(is_plain("http://es.camunda-paris.svc.cluster.local:9200"));
        assert!(!is_plain("http://es'; rm -rf /; '"));
    }
}
