//! What the drivers run, in which order, and what is known afterwards.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use c8dr_domain::effect::{Answer, PlatformEffect};
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::platform::{Component, Pod};
use c8dr_engine::clock::Clock;
use c8dr_engine::ports::Platform;
use c8dr_systems::platform::{Commands, Environment, Eyes, Line, Manual, Tasks};
use tempfile::TempDir;

const SECRET: &str = "hunter22";

fn line(words: &[&str]) -> Line {
    Line::of(words.iter().copied()).unwrap()
}

/// A shell is only the tests' program here; the drivers know none.
fn shell(script: &str) -> Line {
    line(&["sh", "-c", script])
}

fn eyes(pods: Line) -> Eyes {
    Eyes {
        environment: Environment {
            folder: None,
            variables: vec![("WORD".to_owned(), "seen".to_owned())],
            secrets: vec![("TOKEN".to_owned(), SECRET.into())],
            ..Environment::default()
        },
        ..Eyes::new(pods)
    }
}

fn seeing(script: &str) -> Manual {
    Manual::new(eyes(shell(script)), Tasks::default(), Clock::system())
}

fn running(webapps_down: Vec<Line>) -> Commands {
    let tasks = Tasks {
        webapps_down,
        ..Tasks::default()
    };
    Commands::new(eyes(line(&["false"])), tasks, Clock::system())
}

async fn down(webapps_down: Vec<Line>) -> Answer {
    running(webapps_down).perform(PlatformEffect::WebappsDown).await
}

#[track_caller]
fn unknown(answer: &Answer) -> &str {
    match answer {
        Answer::Unknown { status: None, detail } => detail,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn commands_run_in_order_and_stop_at_the_first_that_fails() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("log");
    let note = |what: &str| shell(&format!("echo {what} $WORD >> '{}'", log.display()));
    assert_eq!(down(vec![note("one"), note("two")]).await, Answer::Done);
    assert_eq!(fs::read_to_string(&log).unwrap(), "one seen\ntwo seen\n");
    let failing = shell("echo first >&2; echo \"why: $TOKEN\" >&2; exit 7");
    let answer = down(vec![note("three"), failing, note("never")]).await;
    assert_eq!(
        unknown(&answer),
        "command 2 of 3, sh: it ended with exit code 7: first / why: ***"
    );
    assert_eq!(
        fs::read_to_string(&log).unwrap(),
        "one seen\ntwo seen\nthree seen\n"
    );
}

#[tokio::test]
async fn only_what_did_not_start_at_all_did_nothing() {
    let absent = || line(&["c8dr-no-such-program"]);
    for lines in [vec![absent()], vec![absent(), line(&["true"])]] {
        let answer = down(lines).await;
        assert!(
            matches!(&answer, Answer::NotSent { why: Silence::NoSuchHost, detail } if detail.contains("c8dr-no-such-program")),
            "{answer:?}"
        );
    }
    let answer = down(vec![line(&["true"]), absent()]).await;
    assert!(
        unknown(&answer).starts_with("command 2 of 2, c8dr-no-such-program: "),
        "{answer:?}"
    );
    // A file that may not be run is there, and yet nothing was done.
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("tool");
    fs::write(&file, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let answer = down(vec![line(&[file.to_str().unwrap()])]).await;
    assert!(
        matches!(
            answer,
            Answer::NotSent {
                why: Silence::Refused,
                ..
            }
        ),
        "{answer:?}"
    );
    // What is not configured is refused, not waited for.
    let answer = running(Vec::new()).perform(PlatformEffect::Install).await;
    assert!(
        matches!(&answer, Answer::Refused { status: 412, message } if message.contains("install the release")),
        "{answer:?}"
    );
}

#[tokio::test]
async fn all_commands_of_an_effect_share_one_limit() {
    let folder = TempDir::new().unwrap();
    let late = folder.path().join("late");
    let touch = || line(&["touch", late.to_str().unwrap()]);
    let lines = vec![line(&["sleep", "600"]), touch()];
    let clock = Clock::system();
    let began = clock.now();
    let answer = running(lines)
        .within(Duration::from_millis(200))
        .perform(PlatformEffect::WebappsDown)
        .await;
    assert!(
        unknown(&answer).contains("it was not done within 200ms and was killed"),
        "{answer:?}"
    );
    assert!(clock.now().since(began) < Duration::from_secs(60));
    // Time that the first one used is not there for the second one.
    let answer = running(vec![line(&["true"]), touch()])
        .within(Duration::from_millis(900))
        .perform(PlatformEffect::WebappsDown)
        .await;
    assert_eq!(
        unknown(&answer),
        "command 2 of 2, touch: it was not begun, as the 900ms for all of them were over"
    );
    assert!(!late.exists());
}

#[test]
fn what_a_person_would_type_is_shown_without_secrets() {
    let mut eyes = eyes(line(&["true"]));
    eyes.environment.folder = Some("/srv/my values".into());
    let tasks = Tasks {
        webapps_down: vec![
            line(&["kubectl", "scale", "deployments/camunda-operate", "--replicas=0"]),
            line(&["kubectl", "scale", "deployments/camunda-tasklist", "--replicas=0"]),
        ],
        ..Tasks::default()
    };
    let platform =
        futures_util::FutureExt::now_or_never(async { Commands::new(eyes, tasks, Clock::system()) }).unwrap();
    assert_eq!(
        platform.command(PlatformEffect::WebappsDown),
        [
            "cd '/srv/my values'",
            r#"WORD=seen TOKEN="$TOKEN" kubectl scale deployments/camunda-operate --replicas=0"#,
            r#"WORD=seen TOKEN="$TOKEN" kubectl scale deployments/camunda-tasklist --replicas=0"#,
        ]
    );
    assert_eq!(platform.command(PlatformEffect::WebappsUp), Vec::<String>::new());
    assert!(!platform.is_manual());
    assert!(!format!("{platform:?}").contains(SECRET));
}

const PODS: &str = r#"{"kind":"List","items":[{"kind":"Pod","metadata":{"name":"camunda-operate-5c9-x2","labels":{"app.kubernetes.io/component":"operate"},"deletionTimestamp":"2026-11-22T10:00:30Z"},"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}]}"#;

#[tokio::test]
async fn pods_and_volumes_are_read_from_what_is_printed() {
    let mut eyes = eyes(shell(&format!("echo noise >&2; printf %s '{PODS}'")));
    let pod = Pod {
        name: "camunda-operate-5c9-x2".to_owned(),
        component: Component::Webapp,
        is_ready: true,
        is_terminating: true,
        trouble: None,
    };
    let unasked = Commands::new(eyes.clone(), Tasks::default(), Clock::system());
    assert_eq!(unasked.pods().await, Sight::Seen(vec![pod]));
    assert_eq!(unasked.volumes().await, Sight::NotAsked);
    eyes.volumes = Some(shell(
        r#"printf %s '{"kind":"List","items":[{"metadata":{"name":"data-camunda-zeebe-0"},"status":{}}]}'"#,
    ));
    let asked = Manual::new(eyes, Tasks::default(), Clock::system());
    assert_eq!(
        asked.volumes().await,
        Sight::Seen(["data-camunda-zeebe-0".to_owned()].into())
    );
}

#[tokio::test]
async fn a_look_that_fails_never_sees_an_empty_namespace() {
    let declined =
        seeing("echo 'Error: forbidden' >&2; printf %s '{\"kind\":\"List\",\"items\":[]}'; exit 1");
    assert_eq!(
        declined.pods().await,
        Sight::Declined {
            status: 1,
            message: "it ended with exit code 1: Error: forbidden".to_owned()
        }
    );
    let killed = seeing("printf %s '{\"kind\":\"List\",\"items\":[]}'; kill -KILL $$")
        .pods()
        .await;
    assert!(
        matches!(&killed, Sight::Declined { status: 137, .. }),
        "{killed:?}"
    );
    for script in [
        "true",
        "echo '{\"kind\":\"List\",\"items\":['",
        "printf '\\342\\200\\256\\033[2J'",
    ] {
        let garbled = seeing(script).pods().await;
        assert!(
            matches!(&garbled, Sight::Garbled { problem } if !problem.contains(['\u{202e}', '\u{1b}'])),
            "{garbled:?}"
        );
    }
    let missing = Manual::new(
        eyes(line(&["c8dr-no-such-program"])),
        Tasks::default(),
        Clock::system(),
    );
    let missing = missing.pods().await;
    assert!(
        matches!(
            &missing,
            Sight::Silent {
                why: Silence::NoSuchHost,
                ..
            }
        ),
        "{missing:?}"
    );
    let mut slow = eyes(shell("printf %s '{\"kind\":\"List\",\"items\":[]}'; sleep 600"));
    slow.limit = Duration::from_millis(200);
    let slow = Manual::new(slow, Tasks::default(), Clock::system()).pods().await;
    assert!(
        matches!(
            &slow,
            Sight::Silent {
                why: Silence::NoAnswer,
                ..
            }
        ),
        "{slow:?}"
    );
}

#[tokio::test]
async fn much_is_read_to_its_end_and_too_much_is_not_taken() {
    let padded = |bytes: usize| {
        seeing(&format!(
            "printf '{{\"kind\":\"List\",\"items\":[],\"x\":\"'; head -c {bytes} /dev/zero | tr '\\0' x; printf '\"}}'"
        ))
    };
    assert_eq!(padded(10 * 1024 * 1024).pods().await, Sight::Seen(Vec::new()));
    let too_much = padded(17 * 1024 * 1024).pods().await;
    assert!(
        matches!(&too_much, Sight::Garbled { problem } if problem.contains("more than 16777216 bytes")),
        "{too_much:?}"
    );
}

#[tokio::test]
async fn a_secret_that_is_printed_is_not_told() {
    for script in [
        "echo \"{$TOKEN\"",
        "echo \"$TOKEN\" >&2; exit 1",
        "echo \"{ $TOKEN\"; exit 1",
    ] {
        let told = format!("{:?}", seeing(script).pods().await);
        assert!(!told.contains(SECRET) && !told.contains("unter2"), "{told}");
    }
}

#[tokio::test]
async fn a_person_is_told_and_nothing_is_run() {
    let folder = TempDir::new().unwrap();
    let mark = folder.path().join("mark");
    let told = format!("touch {}", mark.display());
    let tasks = Tasks {
        install: vec![told.clone()],
        ..Tasks::default()
    };
    let manual = Manual::new(eyes(line(&["false"])), tasks, Clock::system());
    assert!(manual.is_manual());
    assert_eq!(manual.command(PlatformEffect::Install), [told]);
    assert_eq!(manual.perform(PlatformEffect::Install).await, Answer::Done);
    assert!(!Path::exists(&mark));
}
