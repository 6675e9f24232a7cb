//! The bench on which one good configuration is spoiled in one way after the other.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::edges::page::Page;
use crate::stage::{Ran, Stage};

/// What must never be shown, wherever it was written.
pub(super) const SECRET: &str = "hunter2";

/// A configuration that is right, with everything in it.
pub(crate) const GOOD: &str = r#"name: camunda
clusterSize: 4
partitionCount: 4
replicationFactor: 4
regions:
  - name: london
    exporter: elasticsearchregion0
    gateways:
      - rest: http://london.example:8080
        management: http://london.example:9600
    brokers:
      0: http://zeebe-0.london.example:9600
      2: http://zeebe-1.london.example:9600
    search: { url: "http://search.london.example:9200" }
  - name: paris
    exporter: elasticsearchregion1
    gateways:
      - management: http://paris.example:9600
    brokers:
      1: http://zeebe-0.paris.example:9600
      3: http://zeebe-1.paris.example:9600
    search: { url: "http://search.paris.example:9200" }
    platform:
      driver: command
      pods: [kubectl, get, pods, -o, json]
      install: [[helm, upgrade]]
snapshots:
  repository: camunda_backup
  type: s3
  settings: { bucket: my-backup, client: camunda }
bucket:
  url: s3://my-backup/c8dr
  accessKey: { file: key.txt }
  secretKey: { file: key.txt }
"#;

/// The page, and the stage whose `c8dr.yaml` is spoiled.
pub(super) struct Bench {
    pub(super) stage: Stage,
    page: Page,
    /// What was not said as it ought to be; told at the end, so that one run shows all.
    amiss: Vec<String>,
}

impl Bench {
    pub(super) fn new(page: Page) -> Bench {
        let bench = Bench {
            stage: Stage::new(),
            page,
            amiss: Vec::new(),
        };
        std::fs::write(bench.stage.path().join("key.txt"), SECRET).unwrap();
        bench.lock("key.txt", 0o600);
        bench.right(GOOD);
        bench
    }

    /// Sets who may read a file.
    pub(super) fn lock(&self, file: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(self.stage.path().join(file), mode).unwrap();
    }

    /// A text as `c8dr.yaml` that is right.
    #[track_caller]
    pub(super) fn right(&self, text: impl AsRef<[u8]>) -> Ran {
        std::fs::write(self.stage.path().join("c8dr.yaml"), text).unwrap();
        let ran = self.stage.run(&["config", "check"]).exits(0).says("is right");
        assert!(!ran.err.contains(SECRET), "a secret is shown:\n{}", ran.err);
        ran
    }

    /// A command that must end as wrong usage, and words that must be said.
    #[track_caller]
    pub(super) fn typed(&mut self, fault: &str, typed: &str, says: &str) {
        let words: Vec<&str> = typed.split(' ').collect();
        let ran = self.stage.run(&words);
        let all = format!("{}{}", ran.out, ran.err);
        let flat = all.replace('│', " ");
        let flat = flat.split_whitespace().collect::<Vec<_>>().join(" ");
        if ran.code != 2 || all.contains(SECRET) || !ran.out.is_empty() || !flat.contains(says) {
            self.amiss
                .push(format!("{fault}: exit {}, wanted `{says}`:\n{all}", ran.code));
            return;
        }
        self.page.fault(&self.stage, fault, typed, &ran);
    }

    /// A file that is wrong in one way, and words that must be said of it.
    #[track_caller]
    pub(super) fn wrong(&mut self, fault: &str, text: impl AsRef<[u8]>, says: &str) {
        std::fs::write(self.stage.path().join("c8dr.yaml"), text).unwrap();
        self.typed(fault, "config check", says);
    }

    /// The good file with one thing replaced.
    #[track_caller]
    pub(super) fn spoiled(&mut self, fault: &str, good: &str, bad: &str, says: &str) {
        assert!(GOOD.contains(good), "`{good}` is not in the good configuration");
        self.wrong(fault, GOOD.replacen(good, bad, 1), says);
    }

    /// The good file with something added at its end.
    #[track_caller]
    pub(super) fn with(&mut self, fault: &str, end: &str, says: &str) {
        self.wrong(fault, format!("{GOOD}{end}"), says);
    }

    /// Holds the page, if all was said.
    #[track_caller]
    pub(super) fn check(self) {
        assert!(
            self.amiss.is_empty(),
            "{} faults are amiss:\n\n{}",
            self.amiss.len(),
            self.amiss.join("\n")
        );
        self.page.check();
    }
}
