//! The variables of Camunda's dual-region guide. `spec: procedure.md §1`
//!
//! Which region is 0 comes from the names `…_0` and `…_1`, or from `REGION_SURVIVING` and `REGION_RECREATED`. That a region
//! survives says nothing about its number, and nothing is guessed from it.

/// What the environment tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Guide {
    /// Both regions, by their numbers.
    pub(super) regions: [Place; 2],
    /// The Helm release.
    pub(super) release: String,
    /// The version of the chart.
    pub(super) chart: String,
    /// The bucket of the snapshots.
    pub(super) bucket: Option<String>,
    /// The bucket's region.
    pub(super) bucket_region: Option<String>,
    /// Whether the keys of the bucket are in the environment.
    pub(super) has_keys: bool,
}

/// Where a region is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// `region0` or `region1`, as the guide's folders are called.
    pub(super) name: String,
    /// The kubectl context.
    pub(super) context: String,
    /// The namespace.
    pub(super) namespace: String,
}

/// What keeps a configuration from being written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Amiss {
    /// What is not set.
    pub(super) missing: Vec<Missing>,
    /// Sentences about what can't both be.
    pub(super) contradictions: Vec<String>,
}

/// A variable that is not set.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) name: String,
    pub(super) example: &'static str,
    pub(super) what: &'static str,
}

/// Where the keys of an S3 bucket usually are.
pub(super) const ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";
/// See [`ACCESS_KEY`].
pub(super) const SECRET_KEY: &str = "AWS_SECRET_ACCESS_KEY";

/// What a region is to a failover, and so to the guide.
const ROLES: [&str; 2] = ["SURVIVING", "RECREATED"];

/// What differs between the regions: the variable's stem, examples for 0 and 1, and what it is.
const PER_REGION: [(&str, [&str; 2], [&str; 2]); 2] = [
    (
        "CLUSTER",
        ["cluster-london", "cluster-paris"],
        [
            "kubectl context of region 0, whose brokers have even ids",
            "kubectl context of region 1, whose brokers have odd ids",
        ],
    ),
    (
        "CAMUNDA_NAMESPACE",
        ["camunda-london", "camunda-paris"],
        ["namespace of region 0", "namespace of region 1"],
    ),
];

impl Guide {
    /// Reads the variables.
    pub(super) fn read(get: impl Fn(&str) -> Option<String>) -> Result<Guide, Amiss> {
        let mut amiss = Amiss::default();
        numbered_from_one(&get, &mut amiss);
        let numbers = numbers(&get, &mut amiss);
        let mut found = PER_REGION.map(|(stem, examples, what)| {
            [0, 1].map(|id| {
                of_region(&get, &mut amiss, numbers, stem, id).or_else(|| {
                    amiss.missing.push(Missing {
                        name: format!("{stem}_{id}"),
                        example: examples[id],
                        what: what[id],
                    });
                    None
                })
            })
        });
        let has_roles = ROLES.iter().any(|role| get(&format!("CLUSTER_{role}")).is_some());
        if has_roles && numbers.is_none() && found.iter().flatten().any(Option::is_none) {
            // One answer instead of four: the roles are known, and only their numbers are not.
            amiss
                .missing
                .retain(|missing| !PER_REGION.iter().any(|(stem, ..)| missing.name.starts_with(stem)));
            for (role, example) in ROLES.iter().zip(["region0", "region1"]) {
                amiss.missing.push(Missing {
                    name: format!("REGION_{role}"),
                    example,
                    what: "region0 has the brokers with even ids; surviving or not says nothing about it",
                });
            }
        }
        for (values, (stem, ..)) in found.iter().zip(PER_REGION) {
            if let [Some(first), Some(second)] = values
                && first == second
            {
                amiss.contradictions.push(format!(
                    "{stem} is `{first}` for both regions; one of them would be taken for the other."
                ));
            }
        }
        let mut needed = |names: &[&str], example, what| {
            names.iter().find_map(|name| get(name)).or_else(|| {
                amiss.missing.push(Missing {
                    name: names[0].to_owned(),
                    example,
                    what,
                });
                None
            })
        };
        let release = needed(
            &["HELM_RELEASE_NAME", "CAMUNDA_RELEASE_NAME"],
            "camunda",
            "the release in both regions: `helm list`",
        );
        let chart = needed(
            &["HELM_CHART_VERSION"],
            "11.2.2",
            "the version of the chart that is installed: `helm list`",
        );
        let [contexts, namespaces] = &mut found;
        let mut place = |id: usize| {
            Some(Place {
                name: format!("region{id}"),
                context: contexts[id].take()?,
                namespace: namespaces[id].take()?,
            })
        };
        let regions = place(0).zip(place(1));
        let is_clear = amiss.missing.is_empty() && amiss.contradictions.is_empty();
        match (regions, release, chart) {
            (Some((first, second)), Some(release), Some(chart)) if is_clear => Ok(Guide {
                regions: [first, second],
                release,
                chart,
                bucket: get("S3_BUCKET_NAME"),
                bucket_region: get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION")),
                has_keys: get(ACCESS_KEY).is_some() && get(SECRET_KEY).is_some(),
            }),
            _ => Err(amiss),
        }
    }

    /// What the configuration will lack.
    pub(super) fn left_out(&self) -> Vec<String> {
        let mut left_out = Vec::new();
        if self.bucket.is_none() {
            left_out.push(
                "`snapshots`, which a failback needs: S3_BUCKET_NAME is not set (`terraform output -raw s3_bucket_name`)."
                    .to_owned(),
            );
        }
        if self.bucket.is_none() || !self.has_keys {
            left_out.push(format!(
                "`bucket`, without which only this machine is kept from failing over both ways: {ACCESS_KEY} and {SECRET_KEY} are wanted for it."
            ));
        }
        left_out
    }
}

/// Which number each role has, where the environment says it: the number of the surviving region.
fn numbers(get: &impl Fn(&str) -> Option<String>, amiss: &mut Amiss) -> Option<usize> {
    let [surviving, recreated] = ROLES.map(|role| {
        let name = format!("REGION_{role}");
        let value = get(&name)?;
        let number = match value.as_str() {
            "region0" | "0" => Some(0),
            "region1" | "1" => Some(1),
            _ => None,
        };
        if number.is_none() {
            amiss.contradictions.push(format!(
                "{name} is `{value}`; it must be region0 (even broker ids) or region1 (odd ones)."
            ));
        }
        number
    });
    match (surviving, recreated) {
        (Some(survivor), Some(returning)) if survivor == returning => {
            amiss.contradictions.push(format!(
                "REGION_SURVIVING and REGION_RECREATED are both region{survivor}."
            ));
            None
        }
        (Some(survivor), _) => Some(survivor),
        (None, Some(returning)) => Some(1 - returning),
        (None, None) => None,
    }
}

/// A value of the region with a number: by the number, by the role that has the number, or by both if they agree.
fn of_region(
    get: &impl Fn(&str) -> Option<String>,
    amiss: &mut Amiss,
    surviving: Option<usize>,
    stem: &str,
    id: usize,
) -> Option<String> {
    let by_number = get(&format!("{stem}_{id}"));
    let role = surviving.map(|survivor| if survivor == id { ROLES[0] } else { ROLES[1] });
    let by_role = role.and_then(|role| get(&format!("{stem}_{role}")));
    if let (Some(role), Some(one), Some(other)) = (role, &by_number, &by_role)
        && one != other
    {
        amiss.contradictions.push(format!(
            "{stem}_{id} is `{one}`, but {stem}_{role} is `{other}`, and by REGION_{role} both are region {id}."
        ));
    }
    by_number.or(by_role)
}

/// The OpenShift variant of the guide counts from 1; its region 1 is our region 0.
fn numbered_from_one(get: &impl Fn(&str) -> Option<String>, amiss: &mut Amiss) {
    let names = ["CLUSTER_1_NAME", "CLUSTER_2_NAME", "CAMUNDA_NAMESPACE_2"];
    if let Some(name) = names.into_iter().find(|name| get(name).is_some()) {
        amiss.contradictions.push(format!(
            "{name} is set: that guide counts the regions from 1, and broker ids count from 0. Say it in these numbers:\n  export CLUSTER_0=$CLUSTER_1_NAME CLUSTER_1=$CLUSTER_2_NAME\n  export CAMUNDA_NAMESPACE_0=$CAMUNDA_NAMESPACE_1\n  export CAMUNDA_NAMESPACE_1=$CAMUNDA_NAMESPACE_2\n  unset {}",
            names.join(" ")
        ));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Guide, Amiss> {
        let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
        Guide::read(|name| variables.get(name).map(|value| (*value).to_owned()))
    }

    const RELEASE: [(&str, &str); 2] = [("HELM_RELEASE_NAME", "camunda"), ("HELM_CHART_VERSION", "11.2.2")];

    #[track_caller]
    fn contexts(variables: &[(&str, &str)]) -> [String; 2] {
        read(&[&RELEASE, variables].concat())
            .unwrap()
            .regions
            .map(|region| region.context)
    }

    #[test]
    fn numbers_come_from_numbers_or_are_said() {
        let numbered = [
            ("CLUSTER_0", "l"),
            ("CLUSTER_1", "p"),
            ("CAMUNDA_NAMESPACE_0", "nl"),
            ("CAMUNDA_NAMESPACE_1", "np"),
        ];
        assert_eq!(contexts(&numbered), ["l", "p"]);
        let roles = [
            ("CLUSTER_SURVIVING", "p"),
            ("CLUSTER_RECREATED", "l"),
            ("CAMUNDA_NAMESPACE_SURVIVING", "np"),
            ("CAMUNDA_NAMESPACE_RECREATED", "nl"),
        ];
        for said in [("REGION_SURVIVING", "region1"), ("REGION_RECREATED", "region0")] {
            assert_eq!(contexts(&[&roles[..], &[said]].concat()), ["l", "p"]);
        }
        assert_eq!(
            contexts(&[&roles[..], &[("REGION_SURVIVING", "region0")]].concat()),
            ["p", "l"]
        );
    }

    #[test]
    fn roles_alone_are_never_taken_for_numbers() {
        let amiss = read(
            &[
                &RELEASE[..],
                &[
                    ("CLUSTER_SURVIVING", "l"),
                    ("CLUSTER_RECREATED", "p"),
                    ("CAMUNDA_NAMESPACE_SURVIVING", "nl"),
                    ("CAMUNDA_NAMESPACE_RECREATED", "np"),
                ],
            ]
            .concat(),
        )
        .unwrap_err();
        let names: Vec<&str> = amiss
            .missing
            .iter()
            .map(|missing| missing.name.as_str())
            .collect();
        assert_eq!(names, ["REGION_SURVIVING", "REGION_RECREATED"]);
    }
}
