//! The values of both regions, written from the description of their installation: what all have in common in one file,
//! and the region's number in one for each.

use std::fmt::Write;

use super::names::{Described, DescribedRegion};
use crate::helm::Generation;

/// A values file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path, as the guide calls it.
    pub path: String,
    /// What stands in it.
    pub text: String,
}

/// The values files of both regions.
pub fn render(described: &Described) -> Vec<File> {
    let mut files = vec![File {
        path: "camunda-values.yml".to_owned(),
        text: common(described),
    }];
    for (region, number) in described.regions.iter().zip(0..) {
        files.push(File {
            path: format!("region{number}/camunda-values.yml"),
            text: format!(
                "# Of {} alone; everything else is in camunda-values.yml.\nglobal:\n  multiregion:\n    regionId: {number}\n",
                comment(&region.name)
            ),
        });
    }
    files
}

/// Text that stays within its line.
fn comment(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn common(described: &Described) -> String {
    let generation = described.generation;
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "# Both regions, {generation}. Written by `c8dr values`; merge it with what else your installation needs.\n\
         # Helm replaces a list as a whole: keep all variables in this one file."
    );
    text.push_str("global:\n  multiregion:\n    regions: 2\n");
    if generation <= Generation::Chart12 {
        text.push_str("  elasticsearch:\n    # The two exporters below write in place of the chart's own.\n    disableExporter: true\n");
        text.push_str("  identity:\n    auth:\n      enabled: false\n");
        text.push_str(
            "identity:\n  enabled: false\noptimize:\n  enabled: false\nconnectors:\n  enabled: false\n",
        );
        if let (Some(repository), true) = (&described.repository, described.webapps) {
            for (app, name) in [("operate", "OPERATE"), ("tasklist", "TASKLIST")] {
                let _ = write!(text, "{app}:\n  env:\n");
                variable(
                    &mut text,
                    &format!("CAMUNDA_{name}_BACKUP_REPOSITORYNAME"),
                    repository,
                );
            }
        }
    }
    let _ = write!(
        text,
        "{}:\n  clusterSize: {}\n",
        generation.brokers_key(),
        quoted(&described.cluster_size.to_string()),
    );
    if generation < Generation::Chart15 {
        let _ = write!(
            text,
            "  partitionCount: {}\n  replicationFactor: {}\n",
            quoted(&described.partition_count.to_string()),
            quoted(&described.replication_factor.to_string()),
        );
    }
    if generation >= Generation::Chart13 {
        text.push_str("  exporters:\n    # The two exporters below write in place of the chart's own.\n    camunda:\n      enabled: false\n    zeebe:\n      enabled: false\n");
    }
    text.push_str("  env:\n");
    if generation >= Generation::Chart15 {
        let (partitions, replicas) = (described.partition_count, described.replication_factor);
        variable(
            &mut text,
            "CAMUNDA_CLUSTER_PARTITIONCOUNT",
            &partitions.to_string(),
        );
        variable(
            &mut text,
            "CAMUNDA_CLUSTER_REPLICATIONFACTOR",
            &replicas.to_string(),
        );
    }
    text.push_str("    # Every broker of both regions.\n");
    variable(
        &mut text,
        described.contact_points_name(),
        &described.contact_points().join(","),
    );
    for region in &described.regions {
        exporter(&mut text, described, region);
    }
    if let (Some(repository), true) = (&described.repository, generation >= Generation::Chart13) {
        variable(&mut text, "CAMUNDA_DATA_BACKUP_REPOSITORYNAME", repository);
    }
    text
}

fn exporter(text: &mut String, described: &Described, region: &DescribedRegion) {
    let prefix = described.exporter_prefix(region);
    let _ = writeln!(text, "    # Into the search of {}.", comment(&region.name));
    variable(
        text,
        &format!("{prefix}_CLASSNAME"),
        described.exporter_class(region),
    );
    variable(text, &described.exporter_url_name(region), &region.search);
    if described.generation >= Generation::Chart14 && described.is_camunda_exporter(region) {
        let number = described.regions.iter().position(|other| other == region);
        variable(text, &format!("{prefix}_ARGS_CONNECT_USERNAME"), "elastic");
        let _ = write!(
            text,
            "    - name: {prefix}_ARGS_CONNECT_PASSWORD\n      valueFrom:\n        secretKeyRef:\n          name: elasticsearch-es-password-region-{}\n          key: elastic\n",
            number.unwrap_or_default()
        );
    }
}

fn variable(text: &mut String, name: &str, value: &str) {
    let _ = write!(text, "    - name: {name}\n      value: {}\n", quoted(value));
}

/// A text that YAML takes as it is. JSON's quotes are YAML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use crate::helm::Generation;
    use crate::helm::values::{Described, DescribedRegion, Mistake, Seen, Values, Weight, check};

    use super::*;

    fn described(generation: Generation) -> Described {
        let exporter = match generation >= Generation::Chart13 {
            true => "camundaregion",
            false => "elasticsearchregion",
        };
        let region = |name: &str, number: u32| DescribedRegion {
            name: name.to_owned(),
            namespace: format!("camunda-{name}"),
            release: "camunda".to_owned(),
            exporter: format!("{exporter}{number}"),
            search: DescribedRegion::usual_search(generation, "camunda", &format!("camunda-{name}")),
        };
        Described {
            generation,
            cluster_size: 8,
            partition_count: 8,
            replication_factor: 4,
            webapps: true,
            repository: Some("camunda_backup".to_owned()),
            regions: [region("london", 0), region("paris", 1)],
        }
    }

    fn of_region(described: &Described, region: usize, mend: impl Fn(String) -> String) -> Values {
        let files = render(described);
        let both = [&files[0], &files[region + 1]];
        Values::of(both.map(|file| (file.path.clone().into(), mend(file.text.clone())))).unwrap()
    }

    #[test]
    fn what_is_rendered_is_right_in_every_generation() {
        for generation in Generation::ALL {
            let described = described(generation);
            for region in [0, 1] {
                let values = of_region(&described, region, |text| text);
                assert_eq!(
                    check(&values, &described, region, &Seen::default()),
                    [],
                    "{generation}"
                );
                let other = check(&values, &described, 1 - region, &Seen::default());
                assert_eq!(
                    other.len(),
                    1,
                    "{generation}: only the number is another: {other:?}"
                );
            }
        }
    }

    #[test]
    fn the_values_of_the_guide_are_written() {
        let files = render(&described(Generation::Chart11));
        insta::assert_snapshot!(
            files
                .iter()
                .map(|file| format!("# {}\n{}", file.path, file.text))
                .collect::<Vec<_>>()
                .join("\n")
        );
    }

    #[track_caller]
    fn mistake(mend: impl Fn(String) -> String, file: &str, key: &str, found: &str, expected: &str) {
        let described = described(Generation::Chart11);
        let values = of_region(&described, 1, mend);
        let all = check(&values, &described, 1, &Seen::default());
        let [only] = all.as_slice() else {
            panic!("one mistake is expected: {all:#?}")
        };
        let Mistake { weight, .. } = only;
        assert_eq!(*weight, Weight::Wrong);
        assert_eq!(
            (only.file.to_str().unwrap(), only.key.as_str()),
            (file, key),
            "{only}"
        );
        assert!(only.found.contains(found), "{only}");
        assert!(only.expected.contains(expected), "{only}");
    }

    #[test]
    fn each_mistake_is_told_with_its_place() {
        let base = "camunda-values.yml";
        let of = |from: &'static str, to: &'static str| move |text: String| text.replace(from, to);
        mistake(
            of("regionId: 1", "regionId: 0"),
            "region1/camunda-values.yml",
            "global.multiregion.regionId",
            "0",
            "1",
        );
        mistake(
            of("regions: 2", "regions: 1"),
            base,
            "global.multiregion.regions",
            "1",
            "2",
        );
        mistake(
            of("clusterSize: \"8\"", "clusterSize: 6"),
            base,
            "zeebe.clusterSize",
            "6",
            "8",
        );
        mistake(
            of("  partitionCount: \"8\"\n", ""),
            base,
            "zeebe.partitionCount",
            "not set",
            "8",
        );
        mistake(
            of("replicationFactor: \"4\"", "replicationFactor: 3"),
            base,
            "zeebe.replicationFactor",
            "3",
            "4",
        );
        mistake(
            of(
                ",camunda-zeebe-3.camunda-zeebe.camunda-paris.svc.cluster.local:26502",
                "",
            ),
            base,
            "zeebe.env[ZEEBE_BROKER_CLUSTER_INITIALCONTACTPOINTS]",
            "without camunda-zeebe-3.camunda-zeebe.camunda-paris.svc:26502",
            "every broker",
        );
        mistake(
            of(
                "camunda-elasticsearch-master-hl.camunda-paris",
                "camunda-elasticsearch-master-hl.camunda-london",
            ),
            base,
            "zeebe.env[ZEEBE_BROKER_EXPORTERS_ELASTICSEARCHREGION1_ARGS_URL]",
            "camunda-london",
            "camunda-paris",
        );
        mistake(
            of("disableExporter: true", "disableExporter: false"),
            base,
            "global.elasticsearch.disableExporter",
            "false",
            "true",
        );
        mistake(
            of(
                "global:\n  multiregion:\n    regions",
                "global:\n  multiregion:\n    installationType: failOver\n    regions",
            ),
            base,
            "global.multiregion.installationType",
            "failOver",
            "nothing",
        );
    }

    #[test]
    fn a_second_list_replaces_the_first() {
        let described = described(Generation::Chart11);
        let files = render(&described);
        let over = "zeebe: { env: [ { name: ZEEBE_LOG_LEVEL, value: debug } ] }";
        let values = Values::of([
            ("base.yml".into(), files[0].text.clone()),
            ("region0.yml".into(), files[1].text.clone()),
            ("debug.yml".into(), over.to_owned()),
        ])
        .unwrap();
        let all = check(&values, &described, 0, &Seen::default());
        assert_eq!(all.len(), 5, "{all:#?}");
        for mistake in all {
            assert_eq!(mistake.file.to_str(), Some("debug.yml"));
            assert!(
                mistake.found.contains("debug.yml replaces that of base.yml"),
                "{mistake}"
            );
        }
    }

    #[test]
    fn the_last_of_a_name_counts_and_references_are_not_judged() {
        let described = described(Generation::Chart11);
        let name = "ZEEBE_BROKER_CLUSTER_INITIALCONTACTPOINTS";
        let values = of_region(&described, 0, |text| {
            text.replace(
                "    # Into the search of paris.",
                &format!("    - name: {name}\n      value: localhost:26502\n    # Into"),
            )
        });
        let all = check(&values, &described, 0, &Seen::default());
        let found: Vec<&str> = all.iter().map(|mistake| mistake.found.as_str()).collect();
        assert_eq!(all.len(), 2, "{all:#?}");
        assert!(found[0].contains("more than once"), "{found:?}");
        assert!(
            found[1].contains("without") && found[1].contains("localhost"),
            "{found:?}"
        );

        let url = "http://camunda-elasticsearch-master-hl.camunda-paris.svc.cluster.local:9200";
        let values = of_region(&described, 0, |text| {
            text.replace(
                &format!("value: \"{url}\""),
                "valueFrom: { secretKeyRef: { name: a, key: b } }",
            )
        });
        let all = check(&values, &described, 0, &Seen::default());
        assert_eq!(all.len(), 1, "{all:#?}");
        assert_eq!(all[0].weight, Weight::Unchecked);
    }

    #[test]
    fn the_headless_service_stands_for_the_brokers_of_its_region() {
        let described = described(Generation::Chart14);
        let all = described.contact_points().join(",");
        let services = "camunda-zeebe.camunda-london.svc.cluster.local.:26502, camunda-zeebe.camunda-paris.svc.cluster.local.:26502";
        let values = of_region(&described, 0, |text| text.replace(&all, services));
        assert_eq!(check(&values, &described, 0, &Seen::default()), []);
        let one = of_region(&described, 0, |text| {
            text.replace(&all, &services[..services.find(',').unwrap()])
        });
        assert_eq!(check(&one, &described, 0, &Seen::default()).len(), 1);
    }

    #[test]
    fn values_that_contradict_the_cluster_are_told() {
        let described = described(Generation::Chart12);
        let values = of_region(&described, 0, |text| text);
        let seen = Seen {
            partition_count: Some(3),
            ..Seen::default()
        };
        let all = check(&values, &described, 0, &seen);
        assert_eq!(all.len(), 1);
        assert_eq!(
            all[0].to_string(),
            "camunda-values.yml: `zeebe.partitionCount` is 3 in the cluster itself; expected is 8, as configured"
        );
    }
}
