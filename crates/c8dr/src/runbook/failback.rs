//! The runbook of a failback: FB1 to FB7, and the way back. `spec: procedure.md §3a, §5, §7`

use c8dr_domain::effect::PlatformEffect;
use c8dr_domain::ids::{RegionId, counted};
use c8dr_domain::search::Repository;

use super::{Places, Runbook, Step, shell};

/// What a pause and a resume answer: the HTTP status alone says nothing. `spec: api.md §4`
const STATUS_IN_BODY: &str =
    "an empty body, or one with `\"status\":204`. Anything else is a failure, whatever HTTP says: repeat it.";

/// The page for the return of a region.
pub fn runbook(places: &Places, returning: RegionId, repository: &Repository, webapps: bool) -> Runbook {
    let page = Page {
        places,
        returning,
        repository,
        webapps,
    };
    let (back, here) = (page.name(returning), page.name(returning.other()));
    let mut steps = vec![page.install()];
    steps.extend(webapps.then(|| page.webapps_down()));
    steps.extend([
        page.pause(),
        page.register(),
        page.snapshot(),
        page.register_there(),
        page.restore(),
    ]);
    if webapps {
        steps.push(page.webapps_up("FB4a", returning.other(), "pods_here"));
        steps.push(page.webapps_up("FB4b", returning, "pods_there"));
    }
    steps.extend([page.enable(), page.resume(), page.add()]);
    if let Some(traffic) = &places.traffic {
        let note =
            "Only when FB7 is done. Users are served all the time, so nothing is lost by doing it later.";
        steps.extend(places.names("UT3", &traffic.normal, note));
    }
    Runbook {
        title: format!(
            "Failback of {} by hand: bring region {back} back, from what {here} holds",
            places.installation.name()
        ),
        know: vec![
            format!("For bash with curl and jq. `c8dr failback --returning {back}` does the same, watches the disks, and compares both searches in the end."),
            format!("Region {back} must be empty: no release, no volume claims of before. Its search is filled anew."),
            "From FB2b to FB6 exporting is paused and the brokers' logs grow. Watch their free disk space, and never leave it so: the way back is at the end of the page.".to_owned(),
            "Restart, drain or upgrade no broker until FB7 is done: with two replicas each one counts.".to_owned(),
        ],
        setup: shell::setup(places, returning) + &shell::rebuild(places, returning, &repository.name),
        steps,
        way_back: page.way_back(),
    }
}

struct Page<'a> {
    places: &'a Places,
    returning: RegionId,
    repository: &'a Repository,
    webapps: bool,
}

impl Page<'_> {
    fn name(&self, region: RegionId) -> &str {
        &self.places.installation.region(region).name
    }

    fn here(&self) -> &str {
        self.name(self.returning.other())
    }

    fn there(&self) -> &str {
        self.name(self.returning)
    }

    /// What is typed on a platform, in a shell of its own: it may change the directory.
    fn typed(&self, region: RegionId, effect: PlatformEffect) -> String {
        let of_region = self.places.platforms.get(&region).into_iter().flatten();
        let lines: Vec<&str> = of_region
            .filter(|(of, _)| *of == effect)
            .flat_map(|(_, lines)| lines.iter().map(String::as_str))
            .collect();
        match lines.is_empty() {
            true => "# as your platform wants it".to_owned(),
            false => format!("(\n{}\n)", lines.join("\n")),
        }
    }

    fn no_webapps(&self) -> &'static str {
        match self.webapps {
            true => "pods_here | none && pods_there | none && ",
            false => "",
        }
    }

    /// Whether the serving gateway lists the returning brokers, with nothing on them.
    fn joined(&self) -> String {
        let brokers = self.places.installation.brokers_of(self.returning);
        let ids: Vec<String> = brokers.iter().map(ToString::to_string).collect();
        format!(
            "zeebe \"$REST/v2/topology\" | jq -e '[.brokers[] | select(.nodeId == ({})) | select(.partitions == [])] | length == {}' > /dev/null",
            ids.join(", "),
            ids.len()
        )
    }

    fn register_at(search: &str, settings: &serde_json::Value) -> String {
        format!(
            "search -X PUT \"{search}/_snapshot/$REPOSITORY\" -d {}; echo",
            shell::quoted(&settings.to_string())
        )
    }

    fn install(&self) -> Step {
        let title = format!(
            "Install the release in region {}, without Operate and Tasklist",
            self.there()
        );
        Step::new("FB1", title, 1_800)
            .know("Its brokers will be Running and not Ready: that is right, they hold nothing yet.")
            .before("idle && up && all_led \"${HERE[@]}\" && exporter \"$EXPORTER_THERE\" DISABLED")
            .act(
                self.typed(self.returning, PlatformEffect::Install),
                "the release is installed. Do not wait for readiness.",
            )
            .after(format!(
                "{} && pods_there | none && well \"$SEARCH_THERE\"",
                self.joined()
            ))
    }

    fn webapps_down(&self) -> Step {
        let title = format!("Take Operate and Tasklist of region {} down", self.here());
        Step::new("FB2a", title, 900)
            .know("No pod may be left, not even one that terminates. If they come back, an autoscaler or GitOps does it: switch that off.")
            .act(
                self.typed(self.returning.other(), PlatformEffect::WebappsDown),
                "both are scaled to 0.",
            )
            .after("pods_here | none")
    }

    fn pause(&self) -> Step {
        let title = "Pause exporting, and wait until nothing is in the exporters' hands";
        Step::new("FB2b", title, 300)
            .know("The answer is not the moment of silence: records in hand still go out. The check reads the positions V twice, five seconds apart. The snapshot rests on them: write them down.")
            .before(format!(
                "{}idle && well \"$SEARCH_HERE\" && well \"$SEARCH_THERE\" && exporter \"$EXPORTER_HERE\" ENABLED",
                self.no_webapps()
            ))
            .act(
                "zeebe -X POST \"$MANAGEMENT/actuator/exporting/pause\"; echo",
                STATUS_IN_BODY,
            )
            .after("phase PAUSED && V=$(positions) && sleep 5 && unmoved && [ \"$(wc -w <<< \"$V\")\" -eq \"$PARTITIONS\" ] && echo \"V: $V\"")
    }

    fn register(&self) -> Step {
        let title = format!(
            "Register the repository {} in region {}",
            self.repository.name,
            self.here()
        );
        Step::new("FB3a", title, 120)
            .before("unmoved")
            .act(
                Self::register_at("$SEARCH_HERE", &self.repository.settings),
                "`\"acknowledged\":true`.",
            )
            .after("search \"$SEARCH_HERE/_snapshot/$REPOSITORY\" > /dev/null")
    }

    fn snapshot(&self) -> Step {
        let title = format!("Take a snapshot of the search of region {}", self.here());
        Step::new("FB3b", title, 86_400)
            .know("V goes into its metadata. PARTIAL is a failure. If V has moved, somebody resumed exporting: do FB2b again, and take it again by another name.")
            .before(format!("{}unmoved", self.no_webapps()))
            .act(
                "search -X PUT \"$SEARCH_HERE/_snapshot/$REPOSITORY/$SNAPSHOT\" -d \"{\\\"include_global_state\\\": false, \\\"metadata\\\": {\\\"c8dr\\\": \\\"$SNAPSHOT\\\", \\\"positions\\\": \\\"$V\\\"}}\"; echo",
                "`\"accepted\":true`.",
            )
            .after(format!(
                "search \"$SEARCH_HERE/_snapshot/$REPOSITORY/$SNAPSHOT\" | jq -e '.snapshots[0] | .state == \"SUCCESS\" and .shards.failed == 0' > /dev/null && {}unmoved",
                self.no_webapps()
            ))
    }

    fn register_there(&self) -> Step {
        let mut settings = self.repository.settings.clone();
        let inner = settings
            .get_mut("settings")
            .and_then(serde_json::Value::as_object_mut);
        if let Some(inner) = inner {
            inner.insert("readonly".to_owned(), true.into());
        }
        let title = format!(
            "Register the repository {} in region {}, and see the snapshot from there",
            self.repository.name,
            self.there()
        );
        Step::new("FB3c", title, 120)
            .know("Anew, and only now: a search that had it registered before keeps an old list.")
            .before("unmoved && well \"$SEARCH_THERE\"")
            .act(
                format!(
                    "search -X DELETE \"$SEARCH_THERE/_snapshot/$REPOSITORY\"; echo   # 404 is fine\n{}",
                    Self::register_at("$SEARCH_THERE", &settings)
                ),
                "404 or `\"acknowledged\":true`, then `\"acknowledged\":true`.",
            )
            .after("[ -n \"$(uuid \"$SEARCH_HERE\")\" ] && [ \"$(uuid \"$SEARCH_HERE\")\" = \"$(uuid \"$SEARCH_THERE\")\" ]")
    }

    fn restore(&self) -> Step {
        let title = format!("Restore the snapshot in region {}", self.there());
        Step::new("FB3e", title, 86_400)
            .know("The check before wants no index there. Were there some without documents, delete them one by one, by name (FB3d); with documents: stop, they may be somebody's.")
            .before(format!(
                "{}unmoved && [ \"$(counts \"$SEARCH_THERE\")\" = '[]' ]",
                self.no_webapps()
            ))
            .act(
                "INDICES=$(search \"$SEARCH_THERE/_snapshot/$REPOSITORY/$SNAPSHOT\" | jq -r '[.snapshots[0].indices[] | select(startswith(\".\") | not)] | join(\",\")')\nsearch -X POST \"$SEARCH_THERE/_snapshot/$REPOSITORY/$SNAPSHOT/_restore\" -d \"{\\\"indices\\\": \\\"$INDICES\\\", \\\"include_global_state\\\": false}\"; echo",
                "`\"accepted\":true`.",
            )
            .after("well \"$SEARCH_THERE\" && [ \"$(counts \"$SEARCH_HERE\")\" != '[]' ] && [ \"$(counts \"$SEARCH_HERE\")\" = \"$(counts \"$SEARCH_THERE\")\" ] && unmoved")
    }

    fn webapps_up(&self, id: &str, region: RegionId, pods: &str) -> Step {
        let title = format!("Bring Operate and Tasklist of region {} up", self.name(region));
        Step::new(id, title, 900)
            .know("They show nothing new before FB6.")
            .before("unmoved")
            .act(
                self.typed(region, PlatformEffect::WebappsUp),
                "the release is upgraded.",
            )
            .after(format!("{pods} | ready"))
    }

    fn enable(&self) -> Step {
        let installation = &self.places.installation;
        let own = &installation.region(self.returning.other()).exporter;
        let theirs = &installation.region(self.returning).exporter;
        let title = format!("Enable the exporter {theirs} at the position of {own}");
        Step::new("FB5", title, 600)
            .know("Once, and before exporting is resumed. Enabled again later it would leave a hole.")
            .before("idle && unmoved && up && exporter \"$EXPORTER_THERE\" DISABLED")
            .act(
                format!(
                    "change \"$MANAGEMENT/actuator/exporters/$EXPORTER_THERE/enable\" -d '{{\"initializeFrom\": \"{own}\"}}'"
                ),
                "a change's number.",
            )
            .after("completed && exporter \"$EXPORTER_THERE\" ENABLED && exporter \"$EXPORTER_HERE\" ENABLED")
    }

    fn resume(&self) -> Step {
        Step::new("FB6", "Resume exporting", 300)
            .before("idle && exporter \"$EXPORTER_THERE\" ENABLED && exporter \"$EXPORTER_HERE\" ENABLED")
            .act(
                "zeebe -X POST \"$MANAGEMENT/actuator/exporting/resume\"; echo",
                STATUS_IN_BODY,
            )
            .after("phase EXPORTING")
    }

    fn add(&self) -> Step {
        let installation = &self.places.installation;
        let ids: Vec<String> = installation
            .brokers()
            .iter()
            .map(|broker| format!("\"{broker}\""))
            .collect();
        let replicas = installation.replication_factor();
        let brokers = counted("broker", installation.brokers_of(self.returning));
        Step::new("FB7", format!("Add {brokers} of region {}", self.there()), 7_200)
            .know("All brokers are named, never with force. Data is copied over. Then look with `c8dr status`: it says `healthy`.")
            .before(format!("idle && phase EXPORTING && {}", self.joined()))
            .act(
                format!(
                    "change \"$MANAGEMENT/actuator/cluster/brokers?replicationFactor={replicas}\" -d '[{}]'",
                    ids.join(", ")
                ),
                "a change's number.",
            )
            .after(format!(
                "completed && all_led \"${{HERE[@]}}\" \"${{THERE[@]}}\" && zeebe \"$REST/v2/topology\" | jq -e '[.brokers[].partitions[]] | group_by(.partitionId) | length == {} and all(.[]; length == {replicas})' > /dev/null",
                installation.partitions_count()
            ))
    }

    /// Back to one region, with nothing left paused.
    fn way_back(&self) -> Vec<Step> {
        let mut steps = vec![
            Step::new("RT1", "Cancel the change of yours that is still pending", 300)
                .know("Only your own; its number is in `$CHANGE`.")
                .act(
                    "zeebe -X DELETE \"$MANAGEMENT/actuator/cluster/changes/$CHANGE\"; echo",
                    "CANCELLED; what it did stays done.",
                )
                .after("idle"),
            Step::new("RT3", "Disable the returning exporter again, if FB5 was done", 300)
                .act(
                    "change \"$MANAGEMENT/actuator/exporters/$EXPORTER_THERE/disable\"",
                    "a change's number.",
                )
                .after("completed && exporter \"$EXPORTER_THERE\" DISABLED"),
            Step::new("RT4", "Resume exporting", 300)
                .know("In any case, and even if a step before it failed: a pause that is forgotten fills the disks.")
                .act(
                    "zeebe -X POST \"$MANAGEMENT/actuator/exporting/resume\"; echo",
                    STATUS_IN_BODY,
                )
                .after("phase EXPORTING"),
        ];
        if self.webapps {
            let title = format!("Bring Operate and Tasklist of region {} up", self.here());
            let typed = self.typed(self.returning.other(), PlatformEffect::WebappsUp);
            steps.push(
                Step::new("RT5", title, 900)
                    .act(typed, "the release is upgraded.")
                    .after("pods_here | ready"),
            );
        }
        steps
    }
}
