//! The terminal of the person at the keyboard: what is typed goes to the lab's real interfaces, and what is shown is what curl,
//! kubectl and helm would show.

use std::time::Duration;

use axum::body::Body;
use c8dr_domain::plan::StepId;
use c8dr_lab::{BrokerId, PlatformError, Power, Refused, Region, World};
use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::habits::HABITS;
use crate::fault::{Chapter, Side, Spoil};
use crate::plot::Met;
use crate::scene::Scene;

/// What a terminal shows when a command has ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shown {
    /// An answer came.
    Answer {
        /// The HTTP status. Only `curl -i` shows it.
        status: u16,
        /// What is printed.
        text: String,
    },
    /// The command failed with these words.
    Failed(String),
    /// Nothing, until Ctrl-C.
    Nothing,
}

impl Shown {
    pub(super) fn done() -> Shown {
        Shown::Answer {
            status: 200,
            text: String::new(),
        }
    }

    /// What is printed, as jq reads it; null for everything else.
    pub(super) fn json(&self) -> Value {
        match self {
            Shown::Answer { text, .. } => serde_json::from_str(text).unwrap_or_default(),
            Shown::Failed(_) | Shown::Nothing => Value::Null,
        }
    }

    /// In a line, as somebody would tell it.
    pub(super) fn words(&self) -> String {
        match self {
            Shown::Failed(words) => words.clone(),
            Shown::Nothing => "nothing, until Ctrl-C".to_owned(),
            Shown::Answer { status, text } => {
                let json = self.json();
                if json.get("changeId").is_some() {
                    let planned = json["plannedChanges"].as_array().map_or(0, Vec::len);
                    return format!("change {} with {planned} operations", json["changeId"]);
                }
                if let Some(shards) = json.pointer("/snapshot/shards") {
                    let state = json.pointer("/snapshot/state").and_then(Value::as_str);
                    let state = state.unwrap_or("restored");
                    return format!("{state}, {} of {} shards", shards["successful"], shards["total"]);
                }
                let said = [
                    "/message",
                    "/body/message",
                    "/error/reason",
                    "/error/type",
                    "/detail",
                ];
                let said = said.iter().find_map(|at| json.pointer(at)?.as_str());
                let line = said.or_else(|| text.lines().next()).unwrap_or_default();
                let short: String = line.chars().take(110).collect();
                match said {
                    Some(_) => format!("{status}: {short}"),
                    None if *status < 400 => short,
                    None => format!("{status}: {short}"),
                }
            }
        }
    }
}

/// The terminal is closed, or whoever sits at it was called away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closed;

/// To where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// The REST API (8080) of the surviving region's gateway, through a port-forward.
    Rest,
    /// The management API (9600) of the surviving region's gateway, through a port-forward.
    Management,
    /// A region's search, by `kubectl exec` into it.
    Search(Region),
}

/// A request as somebody types it.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    pub(super) to: To,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Value>,
    /// How long it may stay silent.
    pub(super) patience: Duration,
}

impl Typed {
    pub(super) fn get(to: To, path: &str) -> Typed {
        Typed {
            to,
            method: Method::GET,
            path: path.to_owned(),
            body: None,
            patience: HABITS.waits_for_answer,
        }
    }

    pub(super) fn send(to: To, method: Method, path: &str, body: Option<Value>) -> Typed {
        Typed {
            method,
            body,
            ..Typed::get(to, path)
        }
    }

    pub(super) fn slow(self) -> Typed {
        Typed {
            patience: HABITS.waits_for_copy,
            ..self
        }
    }

    fn words(&self) -> String {
        let to = match self.to {
            To::Rest => "8080".to_owned(),
            To::Management => "9600".to_owned(),
            To::Search(region) => format!("search of region{}", region.index()),
        };
        let body = self.body.as_ref().map(|body| format!(" -d '{body}'"));
        format!(
            "curl -X{} {to}{}{}",
            self.method,
            self.path,
            body.unwrap_or_default()
        )
    }
}

/// Whoever works by hand, with a terminal.
pub(super) struct Hand<'s, 'a> {
    pub(super) scene: &'s mut Scene<'a>,
    pub(super) chapter: Chapter,
    /// Milliseconds that a command takes by itself, whoever types it: from, to. None for a person, whose typing is longer.
    pub(super) command_ms: Option<(u64, u64)>,
    /// Commands typed in this chapter.
    typed: usize,
    /// The pod to which the port-forward leads.
    forward: Option<BrokerId>,
    /// Snapshots of this failback whose names are taken and of no use.
    pub(super) spoilt_snapshots: u32,
}

impl<'s, 'a> Hand<'s, 'a> {
    pub(super) fn new(scene: &'s mut Scene<'a>, chapter: Chapter) -> Hand<'s, 'a> {
        Hand {
            scene,
            chapter,
            command_ms: None,
            typed: 0,
            forward: None,
            spoilt_snapshots: 0,
        }
    }

    pub(super) fn here(&self) -> Region {
        self.scene.disaster.survivor()
    }

    pub(super) fn there(&self) -> Region {
        self.scene.disaster.gone()
    }

    pub(super) fn says(&self, words: impl FnOnce() -> String) {
        self.scene.ear.person(words);
    }

    /// Lets a time pass that is drawn from the person's dice.
    pub(super) async fn passes(&mut self, (from, to): (u64, u64)) {
        let pause = self.scene.person.between_ms(from, to);
        self.scene.clock.sleep(pause).await;
    }

    /// One more command: what c8dr's journal is to c8dr, a terminal is to a person. Each command stands for two records, its
    /// intent and its answer; whatever kills c8dr at one of them closes the terminal.
    fn is_closed_at_next(&mut self) -> bool {
        self.typed += 1;
        let last = 2 * self.typed;
        let [intent, answer] = [last - 1, last].map(|number| self.scene.plot.reaches(self.chapter, number));
        intent || answer
    }

    /// Looks at something, and changes nothing.
    pub(super) async fn look(&mut self, typed: Typed) -> Result<Shown, Closed> {
        if self.is_closed_at_next() {
            return Err(Closed);
        }
        self.starts_up().await;
        let shown = self.request(&typed).await;
        // What stands in an answer is told by whoever reads it.
        let words = match &shown {
            Shown::Answer { status, .. } if *status < 400 => String::new(),
            _ => format!("  ->  {}", shown.words()),
        };
        self.says(|| format!("{}{words}", typed.words()));
        Ok(shown)
    }

    /// Looks at what kubectl shows. It always does: the clusters themselves are well.
    pub(super) fn kubectl<T>(&mut self, look: impl FnOnce(&World) -> T) -> Result<T, Closed> {
        if self.is_closed_at_next() {
            return Err(Closed);
        }
        Ok(self.scene.lab.with(|world| look(world)))
    }

    /// Sends what changes something, as a step's request: the same faults meet it that meet c8dr's.
    pub(super) async fn send(&mut self, step: StepId, typed: Typed) -> Result<Shown, Closed> {
        let words = typed.words();
        self.meets(step, words, async |hand| hand.request(&typed).await)
            .await
    }

    /// Runs a helm or kubectl command that changes something, as a step's request.
    pub(super) async fn run(
        &mut self,
        step: StepId,
        words: &str,
        change: impl Fn(&mut World) -> Result<(), PlatformError>,
    ) -> Result<Shown, Closed> {
        let work = async |hand: &mut Self| match hand.scene.lab.with(|world| change(world)) {
            Ok(()) => Shown::done(),
            Err(error) => Shown::Failed(error.to_string()),
        };
        self.meets(step, words.to_owned(), work).await
    }

    /// The time that tools take, where it matters.
    async fn starts_up(&mut self) {
        if let Some(takes) = self.command_ms {
            self.passes(takes).await;
        }
    }

    async fn meets(
        &mut self,
        step: StepId,
        words: String,
        work: impl AsyncFnOnce(&mut Self) -> Shown,
    ) -> Result<Shown, Closed> {
        if self.is_closed_at_next() {
            return Err(Closed);
        }
        self.starts_up().await;
        self.scene.plot.turns_to(step);
        let spoil = match self.scene.plot.meet(Side::Before) {
            Some(Met::Death) => return Err(Closed),
            // What was sent is sent; a terminal that closes does not call it back.
            Some(Met::LateDeath(_)) => {
                work(self).await;
                return Err(Closed);
            }
            Some(Met::Spoil(spoil)) => Some(spoil),
            None => None,
        };
        let shown = match spoil {
            Some(Spoil::LostBefore) => Shown::Failed("curl: (52) Empty reply from server".to_owned()),
            Some(Spoil::NotSent) => Shown::Failed("curl: (7) Failed to connect".to_owned()),
            Some(Spoil::Status(status)) => Shown::Answer {
                status,
                text: match status {
                    409 => r#"{"message":"Topology changed while applying the change. Please retry."}"#
                        .to_owned(),
                    _ => format!("<html><body>{status}</body></html>"),
                },
            },
            _ => work(self).await,
        };
        if self.scene.plot.meet(Side::After) == Some(Met::Death) {
            return Err(Closed);
        }
        let shown = match spoil {
            Some(Spoil::LostAfter) => Shown::Failed("curl: (52) Empty reply from server".to_owned()),
            Some(Spoil::LateAfter) => {
                self.scene.clock.sleep(HABITS.waits_for_answer).await;
                Shown::Nothing
            }
            _ => shown,
        };
        self.says(|| format!("{step}: {words}  ->  {}", shown.words()));
        Ok(shown)
    }

    /// `kubectl port-forward` to the gateway's service leads to one of the pods that run, and stays there as long as it does.
    fn forwarded(&mut self) -> Option<BrokerId> {
        if self.forward.is_none() {
            let status = self.scene.lab.status();
            let region = status.regions.get(self.here().index());
            let running: Vec<u32> = (region.into_iter().flat_map(|region| &region.brokers))
                .filter(|broker| broker.power != Power::Down)
                .map(|broker| broker.id)
                .collect();
            let one = self.scene.person.pick(&running, u32::MAX);
            self.forward = running.contains(&one).then_some(BrokerId(one));
        }
        self.forward
    }

    async fn request(&mut self, typed: &Typed) -> Shown {
        let body = match &typed.body {
            Some(body) => Body::from(body.to_string()),
            None => Body::empty(),
        };
        let request = Request::builder()
            .method(typed.method.clone())
            .uri(typed.path.as_str())
            .body(body);
        let Ok(request) = request else {
            return Shown::Failed("curl: (3) URL malformed".to_owned());
        };
        let lab = self.scene.lab.clone();
        let answering = async {
            let sent = match typed.to {
                To::Search(region) => lab.search(region).oneshot(request).await,
                To::Rest | To::Management => {
                    let Some(broker) = self.forwarded() else {
                        return Shown::Failed("error: no running pods found".to_owned());
                    };
                    let port = match typed.to {
                        To::Rest => lab.rest(broker),
                        _ => lab.management(broker),
                    };
                    port.oneshot(request).await
                }
            };
            match sent {
                Ok(response) => {
                    let status = response.status().as_u16();
                    match response.into_body().collect().await {
                        Ok(body) => Shown::Answer {
                            status,
                            text: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
                        },
                        Err(_) => Shown::Failed("curl: (18) transfer closed".to_owned()),
                    }
                }
                Err(Refused::ConnectionRefused) => Shown::Failed("curl: (7) Failed to connect".to_owned()),
                Err(Refused::ConnectionReset) => {
                    Shown::Failed("curl: (52) Empty reply from server".to_owned())
                }
            }
        };
        let clock = lab.clock().clone();
        let shown = clock
            .timeout(typed.patience, answering)
            .await
            .unwrap_or(Shown::Nothing);
        if !matches!(shown, Shown::Answer { .. }) {
            // A port-forward whose pod is gone, or silent, is opened again.
            self.forward = None;
        }
        shown
    }
}
