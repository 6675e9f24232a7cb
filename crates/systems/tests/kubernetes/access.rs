//! Kubeconfigs, contexts and credentials: what is wrong is said before anything is sent, and no secret is.

use std::path::PathBuf;
use std::sync::Arc;

use c8dr_domain::observation::{Sight, Silence};
use c8dr_systems::kubernetes::{Access, Cluster, Region};

use super::server::{Instead, Server, TOKEN, at, clock, kubeconfig, limits, pod, written};

/// What is told when this is asked for pods.
async fn told(server: &Server, files: Vec<PathBuf>, context: Option<&str>) -> String {
    let access = Access::Kubeconfig {
        files,
        context: context.map(str::to_owned),
    };
    let cluster = Cluster::new(access, Arc::new(server.network.clone()), clock(), limits(), None);
    let region = Region {
        cluster,
        namespace: "camunda-london".to_owned(),
        release: "camunda".to_owned(),
    };
    let told = format!("{:?}", region.pods().await);
    assert!(!told.contains(TOKEN) && !told.contains("hunter22"), "{told}");
    told
}

#[tokio::test]
async fn what_is_wrong_with_a_kubeconfig_is_said_with_the_way_out() {
    let server = Server::start();
    let good = kubeconfig("http://api:6443");
    let path = || vec![good.path().to_owned()];
    let unknown = told(&server, path(), Some("rome")).await;
    assert!(
        unknown.contains("there is no context `rome`") && unknown.contains("`london`, `paris`"),
        "{unknown}"
    );
    let none = told(&server, path(), None).await;
    assert!(
        none.contains("no context is named") && none.contains("`london`, `paris`"),
        "{none}"
    );
    let missing = told(&server, vec!["/nowhere/config".into()], Some("london")).await;
    assert!(missing.contains("/nowhere/config"), "{missing}");
    let broken = written("kind: [");
    assert!(
        told(&server, vec![broken.path().to_owned()], Some("london"))
            .await
            .contains("cannot be used")
    );
    for (part, expected) in [
        (
            "insecure-skip-tls-verify: true",
            "does not check the API server's certificate",
        ),
        ("proxy-url: http://proxy:3128", "through a proxy"),
    ] {
        let odd = written(&format!(
            "clusters: [{{name: c, cluster: {{server: \"https://api:6443\", {part}}}}}]\nusers: []\ncontexts: [{{name: london, context: {{cluster: c, user: u}}}}]\n"
        ));
        let told = told(&server, vec![odd.path().to_owned()], Some("london")).await;
        assert!(told.contains(expected), "{told}");
    }
    assert!(server.asked().is_empty(), "nothing is sent");
}

#[tokio::test]
async fn a_credential_plugin_is_run_and_what_it_prints_is_kept_secret() {
    let server = Server::start();
    server.put(&at("pods", "p"), pod("p", "zeebe-broker", true));
    let with = |script: &str| {
        let script = script.replace('"', "\\\"");
        written(&format!(
            "clusters: [{{name: c, cluster: {{server: \"http://api:6443\"}}}}]
users:
- name: u
  user:
    exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, args: [\"-c\", \"{script}\"], interactiveMode: Never}}
contexts: [{{name: london, context: {{cluster: c, user: u}}}}]
"
        ))
    };
    let good = with(r#"echo '{"kind":"ExecCredential","status":{"token":"hunter22-of-a-cloud"}}'"#);
    let seen = told(&server, vec![good.path().to_owned()], Some("london")).await;
    assert!(seen.starts_with("Seen"), "{seen}");
    assert_eq!(
        server.told.lock().unwrap().authorization,
        ["Bearer hunter22-of-a-cloud"]
    );
    for (script, expected) in [
        ("echo session expired >&2; exit 3", "session expired"),
        ("echo token: hunter22; exit 0", "printed no"),
        (r#"echo '{"status":{}}'"#, "neither a token nor a certificate"),
        ("exec nothing-of-the-kind", "not found"),
    ] {
        let bad = with(script);
        let told = told(&server, vec![bad.path().to_owned()], Some("london")).await;
        assert!(
            told.contains(expected) && told.contains("log in again"),
            "{script}: {told}"
        );
    }
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn an_expired_login_is_said_and_not_kept() {
    let server = Server::start();
    server.put(&at("pods", "p"), pod("p", "zeebe-broker", true));
    let region = server.region();
    server.will("/pods", Instead::Status(401, "Unauthorized"));
    let Sight::Declined { status: 401, message } = region.pods().await else {
        panic!("declined");
    };
    assert!(
        message.contains("context `london` does not know us (401)"),
        "{message}"
    );
    server.instead.lock().unwrap().clear();
    assert!(region.pods().await.seen().is_some());
    assert_eq!(
        server.told.lock().unwrap().authorization,
        [format!("Bearer {TOKEN}"), format!("Bearer {TOKEN}")]
    );
}

#[tokio::test]
async fn an_api_server_that_refuses_or_swallows_says_nothing_of_what_is_behind_it() {
    let server = Server::start();
    let gone = kubeconfig("http://nobody:6443");
    let told_gone = told(&server, vec![gone.path().to_owned()], Some("london")).await;
    assert!(
        told_gone.contains("NoConnection") && told_gone.contains("API server of context `london`"),
        "{told_gone}"
    );
    server.network.darken("dark", 6443);
    let dark = kubeconfig("http://dark:6443");
    let told_dark = told(&server, vec![dark.path().to_owned()], Some("london")).await;
    assert!(
        told_dark.contains(&format!("{:?}", Silence::NoConnection)),
        "{told_dark}"
    );
}
