//! What the network does to the questions, and to the deed. One endpoint of a lab is spoiled at a time, or all of them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;
use std::time::{Duration, Instant};

use super::page::Page;
use super::servers::{Authority, BlackHole, Server, answer, closed, drip, pass_on, until_closed};
use crate::stage::{Ran, Stage};

const INTRO: &str = "All endpoints are asked at the same time, and each question has two limits: `timeouts.connectSeconds` for the \
connection (1 s if not said; three times that for a bucket) and `timeouts.answerSeconds` for a usual answer (2 s if not said; \
searches and buckets get more, in proportion). A look ends with its slowest endpoint, and `status` takes at most three looks, \
or looks for four seconds: nothing hangs for longer. What changes something waits 12 s for its answer, two more than the \
server itself waits; without an answer its outcome is unknown, and is looked up, not assumed.\n\nRedirects are never followed, \
so credentials go to no other host. Proxies of the environment (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`) are not used: c8dr \
connects to the addresses in the configuration, and to no others.";

/// Which endpoint of the lab is spoiled.
#[derive(Clone, Copy)]
enum Port {
    Rest,
    Management,
    Grpc,
    Broker,
}

const WANTS_CLIENTS: &str = "A server that wants a certificate of ours";

/// One endpoint that is wrong in one way.
struct Case {
    fault: &'static str,
    port: Port,
    url: String,
    /// What must be said of it.
    words: &'static str,
}

#[test]
fn the_page_of_the_network() {
    let mut page = Page::new("network", "The network", INTRO);
    let (one, all, deed, bucket) = std::thread::scope(|scope| {
        let one = scope.spawn(one_endpoint);
        let deed = scope.spawn(the_deed_and_the_searches);
        let all = scope.spawn(all_endpoints);
        let bucket = scope.spawn(the_bucket);
        (
            one.join().unwrap(),
            all.join().unwrap(),
            deed.join().unwrap(),
            bucket.join().unwrap(),
        )
    });
    for told in [one, all, deed, bucket] {
        for (fault, typed, ran) in told.faults {
            page.fault(&told.stage, fault, typed, &ran);
        }
    }
    page.check();
}

/// What was run on one stage.
struct Told {
    stage: Stage,
    faults: Vec<(&'static str, &'static str, Ran)>,
}

fn one_endpoint() -> Told {
    let stage = Stage::new();
    stage.lab(&[]);
    let lab = std::fs::read_to_string(stage.home().join("lab/c8dr.yaml")).unwrap();
    let ours = Authority::new("ours");
    let ca = ours.written(stage.path());
    let elsewhere = Server::answering(answer("200 OK", "application/json", "{}"));
    let holes = BlackHole::new();
    let mut faults = Vec::new();
    let cases = cases(&lab, &ours, &holes, &elsewhere);
    // Three at a time: a machine that is too busy would look like a slow network.
    for (batch, cases) in cases.chunks(3).enumerate() {
        let rans = std::thread::scope(|scope| {
            let running: Vec<_> = cases
                .iter()
                .enumerate()
                .map(|(nth, case)| {
                    let (stage, lab, ca) = (&stage, &lab, &ca);
                    scope.spawn(move || {
                        let file = stage.path().join(format!("{batch}-{nth}.yaml"));
                        let text = format!(
                            "{}timeouts: {{connectSeconds: 1, answerSeconds: 3}}\ntls: {{caFile: {}}}\nauth: {{rest: {{bearer: {{token: {{file: {}}}}}}}}}\n",
                            spoiled(lab, case.port, &case.url),
                            ca.display(),
                            stage.home().join("lab/lab.key").display(),
                        );
                        std::fs::write(&file, text).unwrap();
                        looked(stage, &file.to_string_lossy())
                    })
                })
                .collect();
            running
                .into_iter()
                .map(|running| running.join().unwrap())
                .collect::<Vec<_>>()
        });
        for (case, ran) in cases.iter().zip(rans) {
            let mut ran = ran.says(case.words);
            if case.fault == WANTS_CLIENTS {
                // Its refusal races with the request; either is a failure of TLS.
                ran.out = ran
                    .out
                    .replace("sent, but the connection broke before the answer was whole: ", "");
            }
            faults.push((case.fault, "status", ran));
        }
    }
    assert_eq!(
        elsewhere.heads(),
        Vec::<String>::new(),
        "a redirect was followed to another host"
    );
    Told { stage, faults }
}

/// The status of an installation in which one endpoint is spoiled: what is said of it and below. A machine that was too busy
/// for another endpoint is given another chance.
fn looked(stage: &Stage, file: &str) -> Ran {
    let mut ran = stage.run(&["status", "--config", file]).exits(0);
    for _ in 0..3 {
        if ran.out.matches("\nunheard ").count() == 1 {
            break;
        }
        ran = stage.run(&["status", "--config", file]).exits(0);
    }
    let from = ran.out.find("unheard ").unwrap_or_default();
    ran.out.drain(..from);
    ran
}

/// The lab's configuration with one endpoint of the last gateway, or of the last broker, spoiled.
fn spoiled(lab: &str, port: Port, url: &str) -> String {
    let (before, after) = lab.split_once("- name: gateway-3").unwrap();
    let mut lines: Vec<String> = after.lines().map(str::to_owned).collect();
    let mut put = |key: &str, line: Option<String>| {
        let at = lines
            .iter()
            .position(|line| line.trim_start().starts_with(key))
            .unwrap();
        match line {
            Some(line) => lines[at] = line,
            None => drop(lines.remove(at)),
        }
    };
    match port {
        Port::Rest => put("rest:", Some(format!("        rest: {url}"))),
        Port::Management => put("management:", Some(format!("        management: {url}"))),
        Port::Broker => put("3:", Some(format!("      3: {url}"))),
        Port::Grpc => {
            put("rest:", None);
            put("grpc:", Some(format!("        grpc: {url}")));
        }
    }
    format!("{before}- name: gateway-3{}\n", lines.join("\n"))
}

/// An address of the last gateway in the lab's configuration.
fn of_lab(lab: &str, key: &str) -> String {
    let (_, after) = lab.split_once("- name: gateway-3").unwrap();
    let (_, address) = after.split_once(key).unwrap();
    address.split_whitespace().next().unwrap().to_owned()
}

fn cases(lab: &str, ours: &Authority, holes: &BlackHole, elsewhere: &Server) -> Vec<Case> {
    use Port::{Broker, Grpc, Management, Rest};
    let json = "application/json";
    let page = "<!DOCTYPE html><html><head><title>Sign in</title></head></html>";
    let http = |bytes: Vec<u8>| Server::answering(bytes).http();
    let hangs = |bytes: &str| Server::hanging_after(bytes).http();
    let secure = |config| Server::secure(config, answer("200 OK", json, "{}")).https();
    let case = |fault, port, url: String, words| Case {
        fault,
        port,
        url,
        words,
    };
    vec![
        case(
            "Nobody listens",
            Rest,
            closed(),
            "connection refused nobody listens there",
        ),
        case(
            "A firewall drops the connection",
            Management,
            holes.http(),
            "did not accept a connection within",
        ),
        case(
            "The name is unknown",
            Rest,
            "http://nobody.invalid:8080".to_owned(),
            "name not resolved",
        ),
        case(
            "A broker takes the connection and says nothing",
            Broker,
            hangs(""),
            "no answer came within",
        ),
        case(
            "A gRPC port takes the connection and says nothing",
            Grpc,
            hangs(""),
            "no answer came within 3s",
        ),
        case(
            "The TLS handshake hangs",
            Rest,
            hangs("").replace("http", "https"),
            "no TLS handshake within",
        ),
        case(
            "The head of the answer hangs",
            Rest,
            hangs("HTTP/1.1 200 OK\r\nContent-"),
            "no answer came within 3s",
        ),
        case(
            "The body of the answer hangs",
            Rest,
            hangs("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
            "the answer (200) did not end within 3s",
        ),
        case(
            "The body of the answer drips",
            Rest,
            Server::after_request(|stream, _| {
                stream.write_head();
                drip(stream);
            })
            .http(),
            "the answer (200) did not end within 3s",
        ),
        case(
            "The connection is reset after the request",
            Rest,
            // What was sent lies there unread: closing then resets the connection.
            Server::start(|stream, _| drop(stream.peek(&mut [0]))).http(),
            "connection broken",
        ),
        case(
            "The connection is closed after the request",
            Management,
            http(Vec::new()),
            "connection broken",
        ),
        case(
            "Half an answer, and then the connection is closed",
            Rest,
            http(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"bro".to_vec()),
            "before the answer was whole (200)",
        ),
        case(
            "A chunked answer that is cut",
            Rest,
            http(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"bro\r\n".to_vec()),
            "before the answer was whole (200)",
        ),
        case(
            "Something else than HTTP",
            Rest,
            http(b"SSH-2.0-OpenSSH_9.7\r\n".to_vec()),
            "the answer is not HTTP",
        ),
        case(
            "The gRPC port in place of the REST port",
            Rest,
            of_lab(lab, "grpc: "),
            "unheard gateway gateway-3 (REST)",
        ),
        case(
            "The REST port in place of the gRPC port",
            Grpc,
            of_lab(lab, "rest: "),
            "unheard gateway gateway-3 (gRPC)",
        ),
        case(
            "`https` where there is no TLS",
            Rest,
            of_lab(lab, "rest: ").replace("http", "https"),
            "the server does not speak TLS",
        ),
        case(
            "`http` where there is TLS",
            Rest,
            Server::secure(ours.server("127.0.0.1", 2040), "").http(),
            "unheard gateway gateway-3 (REST)",
        ),
        case(
            "A certificate for another name",
            Rest,
            secure(ours.server("camunda.example", 2040)),
            "wrong name",
        ),
        case(
            "A certificate that has expired",
            Rest,
            secure(ours.server("127.0.0.1", 2024)),
            "expired: the server's certificate ended at 2024-01-01T00:00:00Z",
        ),
        case(
            "A certificate of an unknown authority",
            Rest,
            secure(Authority::new("theirs").server("127.0.0.1", 2040)),
            "unknown issuer",
        ),
        case(
            WANTS_CLIENTS,
            Rest,
            secure(ours.server_of_clients("127.0.0.1")),
            "does it want a client certificate? check the scheme",
        ),
        case(
            "A redirect to a login page",
            Rest,
            http(
                b"HTTP/1.1 302 Found\r\nLocation: /login?token=hunter22\r\nContent-Length: 0\r\n\r\n"
                    .to_vec(),
            ),
            "redirected to /login: wrong base path or a login page",
        ),
        case(
            "A redirect to another host",
            Management,
            http(
                format!(
                    "HTTP/1.1 307 Temporary Redirect\r\nLocation: {}/actuator\r\nContent-Length: 0\r\n\r\n",
                    elsewhere.http()
                )
                .into_bytes(),
            ),
            "307, redirected to http://127.0.0.1",
        ),
        case(
            "The credentials are wrong",
            Rest,
            http(answer("401 Unauthorized", json, "")),
            "the credentials are missing or wrong",
        ),
        case(
            "The credentials do not suffice",
            Rest,
            http(answer("403 Forbidden", json, r#"{"message":"no role"}"#)),
            "the credentials do not suffice for this: no role",
        ),
        case(
            "A wrong base path",
            Rest,
            format!("{}/camunda", of_lab(lab, "rest: ")),
            "404: no such path",
        ),
        case(
            "A proxy's page with status 200",
            Rest,
            http(answer("200 OK", "text/html", page)),
            "an HTML page, \"Sign in\"",
        ),
        case(
            "A proxy's page with status 502",
            Management,
            http(answer(
                "502 Bad Gateway",
                "text/html",
                &page.replace("Sign in", "502 Bad Gateway"),
            )),
            "502 with an HTML page",
        ),
        case(
            "A proxy's page with status 503",
            Broker,
            http(answer(
                "503 Service Unavailable",
                "text/html",
                &page.replace("Sign in", "Unavailable"),
            )),
            "503 with an HTML page",
        ),
        case(
            "A proxy's page with status 504",
            Rest,
            http(answer("504 Gateway Timeout", "text/html", page)),
            "504 with an HTML page",
        ),
        case(
            "An empty answer with status 200",
            Rest,
            http(answer("200 OK", json, "")),
            "the body is empty",
        ),
        case(
            "The JSON of another product",
            Rest,
            http(answer(
                "200 OK",
                json,
                r#"{"name":"es-0","cluster_name":"logs","tagline":"You Know, for Search"}"#,
            )),
            "missing field",
        ),
        case(
            "A text where JSON should be",
            Management,
            http(answer("200 OK", "text/plain", "OK")),
            "expected value",
        ),
        case(
            "A body without an end",
            Rest,
            Server::after_request(|stream, _| stream.flood()).http(),
            "is longer than 16777216 bytes",
        ),
        case(
            "JSON that is nested without an end",
            Rest,
            http(answer("200 OK", json, &"[".repeat(100_000))),
            "not understood",
        ),
        case(
            "Bytes that are no text",
            Rest,
            http(
                [
                    &answer("200 OK", json, "")[..0],
                    b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"brokers\": \"\xff\xfe\"",
                ]
                .concat(),
            ),
            "not understood",
        ),
    ]
}

/// Longer answers than fit into a constant.
trait Long {
    fn write_head(&mut self);
    fn flood(&mut self);
}

impl Long for std::net::TcpStream {
    fn write_head(&mut self) {
        use std::io::Write;
        let _ = self.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    }

    fn flood(&mut self) {
        use std::io::Write;
        let chunk = [b"10000\r\n", &[b' '; 0x1_0000][..], b"\r\n"].concat();
        let _ = self.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while self.write_all(&chunk).is_ok() {}
    }
}

/// An installation of which every endpoint is at one address.
fn whole(url: &str, more: &str) -> String {
    let region = |name: &str, nth: u32| {
        format!(
            "  - name: {name}\n    exporter: elasticsearchregion{nth}\n    gateways:\n      - {{rest: \"{url}/{name}\", management: \"{url}/{name}\"}}\n    brokers: {{{nth}: \"{url}/{nth}\", {two}: \"{url}/{two}\"}}\n",
            two = nth + 2
        )
    };
    format!(
        "name: camunda\nclusterSize: 4\npartitionCount: 4\nreplicationFactor: 4\nregions:\n{}{}{more}",
        region("london", 0),
        region("paris", 1)
    )
}

fn all_endpoints() -> Told {
    let stage = Stage::new();
    let mut faults = Vec::new();
    let at = |url: &str| std::fs::write(stage.path().join("c8dr.yaml"), whole(url, "")).unwrap();
    let holes = BlackHole::new();

    at(&holes.http());
    let began = now();
    let ran = stage.run(&["status"]).exits(0).says("nothing-answers");
    // Three looks of a second; were the eight asked one after the other, it would be twenty-four.
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    faults.push(("All eight endpoints are in a black hole", "status", ran));

    let silent = Server::hanging_after("");
    at(&silent.http());
    let began = now();
    let ran = stage.run(&["status"]).exits(0).says("nothing-answers");
    assert!(began.elapsed() < Duration::from_secs(13), "{:?}", began.elapsed());
    faults.push((
        "All eight endpoints take the connection and say nothing",
        "status",
        ran,
    ));

    // An interrupt ends the wait at once, whatever hangs.
    let silent = Server::hanging_after("");
    at(&silent.http());
    let hanging = stage.start(&["status"]);
    while silent.heads().is_empty() {
        // Whoever spins here takes the time from the server, and from c8dr.
        std::thread::park_timeout(Duration::from_millis(2));
    }
    let began = now();
    let pid = hanging.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let ended = hanging.wait_with_output().unwrap();
    assert!(!ended.status.success());
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());

    at(&closed());
    faults.push(("Nobody listens anywhere", "ready", stage.run(&["ready"]).exits(3)));
    let refused = stage
        .run(&["failover", "--lost", "paris", "--yes"])
        .exits(3)
        .says("nothing-answers");
    faults.push((
        "A failover where nobody listens",
        "failover --lost paris --yes",
        refused,
    ));

    let login = "<html><head><title>Sign in</title></head></html>";
    at(&Server::answering(answer("200 OK", "text/html", login)).http());
    let ran = stage
        .run(&["status"])
        .exits(0)
        .says("does not speak as Camunda does");
    faults.push(("Every address answers with a login page", "status", ran));

    at(&Server::answering(answer("401 Unauthorized", "application/json", "{}")).http());
    let ran = stage
        .run(&["status"])
        .exits(0)
        .says("check `auth` in the configuration");
    faults.push(("Nobody lets us in", "status", ran));

    // Proxies of the environment are not asked, whatever they would say.
    let proxy = Server::answering(answer("200 OK", "application/json", "{}"));
    at(&closed());
    let mut command = stage.command(&["status"]);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(name, proxy.http());
    }
    Ran::from(command.output().unwrap())
        .exits(0)
        .says("connection refused");
    assert_eq!(proxy.heads(), Vec::<String>::new(), "a proxy was asked");
    Told { stage, faults }
}

fn the_bucket() -> Told {
    let stage = Stage::new();
    std::fs::write(stage.path().join("key"), "0123456789").unwrap();
    let mut faults = Vec::new();
    let login = "<html><head><title>Sign in</title></head></html>";
    let denied =
        "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    let missing = "<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>The bucket does not exist</Message></Error>";
    let http = |bytes: Vec<u8>| Server::answering(bytes).http();
    let cases = [
        (
            "Nobody listens where the bucket should be",
            closed(),
            "connection refused",
        ),
        (
            "The bucket takes the connection and says nothing",
            Server::hanging_after("").http(),
            "no answer",
        ),
        (
            "A login page in place of the bucket",
            http(answer("200 OK", "text/html", login)),
            "a login page answered, not the bucket",
        ),
        (
            "The bucket denies access",
            http(answer("403 Forbidden", "application/xml", denied)),
            "AccessDenied",
        ),
        (
            "There is no such bucket",
            http(answer("404 Not Found", "application/xml", missing)),
            "NoSuchBucket",
        ),
        (
            "The bucket's proxy answers 503",
            http(answer("503 Service Unavailable", "text/html", login)),
            "503",
        ),
    ];
    for (fault, url, words) in cases {
        let more = format!(
            "timeouts: {{answerSeconds: 0.5}}\nbucket: {{url: \"s3://backup/c8dr\", endpoint: \"{url}\", accessKey: {{file: key}}, secretKey: {{file: key}}}}\n"
        );
        std::fs::write(stage.path().join("c8dr.yaml"), whole(&closed(), &more)).unwrap();
        let ran = stage
            .run(&["run", "resume", "--from-record"])
            .exits(3)
            .says(words);
        assert!(
            !stage.home().join("runs").exists(),
            "{fault}: something was adopted"
        );
        faults.push((fault, "run resume --from-record", ran));
    }
    Told { stage, faults }
}

/// The force goes out and its answer is lost; then a failback is planned from a search that does not answer.
fn the_deed_and_the_searches() -> Told {
    let stage = Stage::new();
    let mut faults = Vec::new();
    stage.lab(&["--speed", "8"]);
    let lab = std::fs::read_to_string(stage.home().join("lab/c8dr.yaml")).unwrap();
    stage.run(&["lab", "break", "region1"]).exits(0);
    stage.until("region-lost", Duration::from_secs(40));

    let file = stage.path().join("cut.yaml");
    let mut text = lab.clone();
    let mut proxies = Vec::new();
    for key in ["gateway-0", "gateway-2"] {
        let (_, after) = lab.split_once(&format!("- name: {key}")).unwrap();
        let management = after.split_once("management: ").unwrap().1;
        let management = management.split_whitespace().next().unwrap().to_owned();
        let there = management.clone();
        let proxy = Server::after_request(move |stream, head| {
            use std::io::Write;
            let answer = pass_on(stream, head, &there);
            // It is done there, and nobody here is told.
            if !head.starts_with("POST /actuator/cluster/brokers") || head.contains("dryRun=true") {
                let _ = stream.write_all(&answer);
            }
            let _ = stream.shutdown(std::net::Shutdown::Write);
            until_closed(stream);
        });
        text = text.replace(
            &format!("management: {management}\n"),
            &format!("management: {}\n", proxy.http()),
        );
        proxies.push(proxy);
    }
    std::fs::write(&file, text).unwrap();
    let ran = stage
        .run(&[
            "failover",
            "--lost",
            "region1",
            "--yes",
            "--config",
            &file.to_string_lossy(),
        ])
        .exits(0);
    let forced = proxies
        .iter()
        .flat_map(Server::heads)
        .filter(|head| head.starts_with("POST /actuator/cluster/brokers") && !head.contains("dryRun=true"))
        .count();
    assert_eq!(forced, 1, "the force went out {forced} times\n{}", ran.err);
    faults.push((
        "The answer to the force is lost on its way",
        "failover --lost region1 --yes",
        unhurried(ran.says("found our own change 2 under way")),
    ));

    stage.run(&["lab", "heal", "region1", "--bare"]).exits(0);
    let search = lab.split_once("search:\n      url: ").unwrap().1;
    let search = search.split_whitespace().next().unwrap();
    let login = "<html><head><title>Sign in</title></head></html>";
    let cases = [
        (
            "Nobody listens where the surviving search should be",
            "failback --returning region1 --yes",
            closed(),
            "The search of region region0 cannot be read: connection refused",
        ),
        (
            "A login page in place of the surviving search",
            "run resume",
            Server::answering(answer("200 OK", "text/html", login)).http(),
            "a proxy or a login page answered, not Elasticsearch",
        ),
    ];
    for (fault, typed, url, words) in cases {
        std::fs::write(
            &file,
            lab.replace(&format!("url: {search}\n"), &format!("url: {url}\n")),
        )
        .unwrap();
        let config = file.to_string_lossy();
        let args: Vec<&str> = typed.split(' ').chain(["--config", &config]).collect();
        let mut ran = stage.run(&args).exits(4).says(words);
        // The waiting is told every five seconds; the end says it all.
        ran.err.clear();
        faults.push((fault, typed, ran));
    }
    // Before the pause, whatever the search says: nothing fills up while it is mended.
    let status = stage.run(&["status", "--output", "json"]).exits(0).json();
    assert_ne!(status["diagnosis"]["code"], "exporting-paused");
    Told { stage, faults }
}

/// The story of the first step, without its waits and seconds, which differ.
fn unhurried(mut ran: Ran) -> Ran {
    let seconds = regex::Regex::new(r"after [0-9.]+ s").unwrap();
    let lines: Vec<&str> = ran
        .err
        .lines()
        .take_while(|line| !line.starts_with("FO2"))
        .filter(|line| !line.contains(" waits "))
        .collect();
    ran.err = seconds
        .replace_all(&lines.join("\n"), "after SECONDS")
        .into_owned();
    ran
}

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "the binary lives in the wall's time")]
    Instant::now()
}
