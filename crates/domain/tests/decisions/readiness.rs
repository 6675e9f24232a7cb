//! What speaks against a failover and a failback by day: each thing that may be wrong has its own code and weight, and a world
//! in which nothing is wrong is ready.

use std::collections::BTreeSet;

use c8dr_domain::diagnose::diagnose;
use c8dr_domain::history::History;
use c8dr_domain::ids::{BrokerId, RegionId};
use c8dr_domain::observation::{Observation, Sight, Silence};
use c8dr_domain::ready::survey::{
    BucketAt, BucketSurvey, Configured, Flush, NamesSurvey, Race, SearchSurvey, Survey,
};
use c8dr_domain::ready::{FindingCode, Readiness, Severity, readiness};
use c8dr_domain::search::{Color, RepositoryTrial, SearchDetails};
use c8dr_domain::topology::ExporterStatus;
use c8dr_domain::traffic::{Pointing, TrafficSight};
use jiff::SignedDuration;
use std::sync::Arc;

use crate::world::{LONDON, PARIS, World, brokers, indices, repository};

/// A reserve that no world here comes near to, unless it is meant to.
const RESERVE: u64 = 1_000;

/// Everything is configured, answers, and was tried.
fn survey() -> Survey {
    let both: BTreeSet<RegionId> = [LONDON, PARIS].into();
    let search = SearchSurvey {
        details: Sight::Seen(SearchDetails {
            versions: ["8.15.0".to_owned()].into(),
            nodes: 3,
            disk_free_bytes: Some(60),
            disk_total_bytes: Some(100),
            ..SearchDetails::default()
        }),
        trial: Sight::Seen(RepositoryTrial {
            refused: None,
            left: None,
        }),
    };
    Survey {
        is_probed: true,
        configured: Configured {
            repository: Some(repository()),
            searches: both.clone(),
            platforms: both,
            floor_s: 900,
            reserve_bytes: RESERVE,
            hosts: [(LONDON, ["es.london".to_owned()].into())].into(),
        },
        searches: [(LONDON, search.clone()), (PARIS, search)].into(),
        flush: brokers(&[0, 1, 2, 3])
            .into_iter()
            .map(|broker| (broker, Sight::Seen(Flush::AtOnce)))
            .collect(),
        bucket: Some(BucketSurvey {
            place: "s3://third-place/c8dr".to_owned(),
            at: BucketAt::Service,
            listed: Sight::Seen(()),
            race: Sight::Seen(Race {
                writers: 64,
                won: 1,
                lost: 63,
                is_winners: true,
                ..Race::default()
            }),
        }),
        ..Survey::default()
    }
}

/// A healthy world with everything that a failback asks.
fn healthy() -> World {
    let mut world = World::of(4, 4)
        .measured(Some(1_000), Some(1_000))
        .disks(1_000_000);
    for region in [LONDON, PARIS] {
        world = world
            .search(region, |search| {
                search.cluster = Sight::Seen(c8dr_domain::search::SearchCluster {
                    uuid: format!("uuid-{region}"),
                    color: Color::Green,
                    data_nodes: Some(3),
                    why_red: None,
                });
                search.indices = Sight::Seen(indices());
                search.repository = Sight::Seen(None);
            })
            .platform(region, |platform| {
                platform.pods = Sight::Seen(Vec::new());
                platform.volumes = Sight::Seen(BTreeSet::new());
            });
    }
    world
}

/// Readings two seconds apart, the newest as `tune` leaves it.
fn judged(world: &World, survey: &Survey, tune: impl FnOnce(&mut Observation)) -> Readiness {
    let mut history = History::new();
    for at_ms in [0, 1_000, 2_000] {
        history.add(world.look(at_ms));
    }
    let mut latest = world.look(2_500);
    tune(&mut latest);
    history.add(latest);
    let diagnosis = diagnose(&world.installation, &history);
    readiness(&world.installation, &history, &diagnosis, survey)
}

fn all(readiness: &Readiness) -> Vec<(FindingCode, Severity, &str)> {
    let losses = readiness.losses.iter().flat_map(|loss| &loss.findings);
    losses
        .chain(&readiness.failback.findings)
        .map(|finding| (finding.code, finding.severity, finding.what.as_str()))
        .collect()
}

/// Asserts that a code is found with this severity and these words, and that it blocks only if it says so.
#[track_caller]
fn found(readiness: &Readiness, code: FindingCode, severity: Severity, words: &str) {
    let findings = all(readiness);
    assert!(
        findings
            .iter()
            .any(|(one, weight, what)| *one == code && *weight == severity && what.contains(words)),
        "{code:?} {severity:?} {words} is not in {findings:#?}"
    );
    if severity == Severity::Blocking {
        assert!(!readiness.is_ready);
    }
}

#[track_caller]
fn around(tune: impl FnOnce(&mut Survey), code: FindingCode, severity: Severity, words: &str) {
    let mut survey = survey();
    tune(&mut survey);
    found(&judged(&healthy(), &survey, |_| {}), code, severity, words);
}

#[track_caller]
fn seen(tune: impl FnOnce(&mut Observation), code: FindingCode, severity: Severity, words: &str) {
    found(&judged(&healthy(), &survey(), tune), code, severity, words);
}

fn refused<T>() -> Sight<T> {
    Sight::Declined {
        status: 403,
        message: "no".to_owned(),
    }
}

fn hanging<T>() -> Sight<T> {
    Sight::Silent {
        why: Silence::NoAnswer,
        detail: String::new(),
    }
}

#[test]
fn a_world_in_which_nothing_is_wrong_is_ready_and_says_what_it_did_not_see() {
    let readiness = judged(&healthy(), &survey(), |_| {});
    assert!(readiness.is_ready, "{readiness:#?}");
    let findings = all(&readiness);
    assert!(
        findings
            .iter()
            .all(|(code, severity, _)| *severity == Severity::Note && *code == FindingCode::NotLookedAt),
        "{findings:#?}"
    );
    found(
        &readiness,
        FindingCode::NotLookedAt,
        Severity::Note,
        "its exporter keeps up",
    );
    found(
        &readiness,
        FindingCode::NotLookedAt,
        Severity::Note,
        "where users' traffic goes",
    );
}

/// The survey, with the users' names read as pointing there.
fn names_at(targets: &[(&str, &[RegionId], &[&str])]) -> impl FnOnce(&mut Survey) {
    let names = (targets.iter())
        .map(|(name, regions, strange)| {
            let pointing = Pointing {
                regions: regions.iter().copied().collect(),
                strange: strange.iter().map(|&target| target.to_owned()).collect(),
            };
            ((*name).to_owned(), pointing)
        })
        .collect();
    let seen = Sight::Seen(TrafficSight {
        names,
        ..TrafficSight::default()
    });
    move |survey| {
        survey.names = Some(NamesSurvey {
            normal: [LONDON, PARIS].into(),
            seen,
        });
    }
}

#[test]
fn the_users_names_have_to_be_readable_and_ours() {
    let mut survey = survey();
    names_at(&[("zeebe.example.org", &[LONDON, PARIS], &[])])(&mut survey);
    let readiness = judged(&healthy(), &survey, |_| {});
    assert!(readiness.is_ready, "{readiness:#?}");
    let told = all(&readiness);
    assert!(told.iter().all(|(code, ..)| *code != FindingCode::NamesElsewhere));
    // What was looked at is not said to be unseen.
    assert!(told.iter().all(|(.., what)| !what.contains("users' traffic")));

    around(
        names_at(&[("zeebe.example.org", &[LONDON], &[])]),
        FindingCode::NamesElsewhere,
        Severity::Warning,
        "zeebe.example.org to london, and not to london and paris",
    );
    around(
        names_at(&[
            ("zeebe.example.org", &[LONDON, PARIS], &[]),
            ("operate.example.org", &[LONDON, PARIS], &["192.0.2.9"]),
        ]),
        FindingCode::NamesElsewhere,
        Severity::Blocking,
        "operate.example.org to 192.0.2.9",
    );
    let unread = |seen| {
        move |survey: &mut Survey| {
            survey.names = Some(NamesSurvey {
                normal: [LONDON].into(),
                seen,
            });
        }
    };
    around(
        unread(refused()),
        FindingCode::RightsMissing,
        Severity::Blocking,
        "What points the users' names refuses who we are",
    );
    around(
        unread(hanging()),
        FindingCode::NoAnswer,
        Severity::Blocking,
        "What points the users' names gives no answer",
    );
}

#[test]
fn nothing_read_is_not_ready() {
    let world = healthy();
    let diagnosis = diagnose(&world.installation, &History::new());
    assert!(!readiness(&world.installation, &History::new(), &diagnosis, &survey()).is_ready);
}

#[test]
fn a_refusal_is_told_apart_from_a_silence() {
    use FindingCode::{NoAnswer, RightsMissing};
    let search = |sight: fn() -> Sight<c8dr_domain::search::SearchCluster>| {
        move |reading: &mut Observation| reading.searches.get_mut(&PARIS).unwrap().cluster = sight()
    };
    seen(
        search(refused),
        RightsMissing,
        Severity::Blocking,
        "search of region paris",
    );
    seen(
        search(hanging),
        NoAnswer,
        Severity::Blocking,
        "search of region paris",
    );
    seen(
        |reading| reading.platforms.get_mut(&LONDON).unwrap().pods = refused(),
        RightsMissing,
        Severity::Blocking,
        "platform of region london",
    );
    seen(
        |reading| {
            let gateway = reading.gateways.values_mut().next().unwrap();
            Arc::make_mut(gateway).topology = refused();
        },
        RightsMissing,
        Severity::Blocking,
        "gateway",
    );
    seen(
        |reading| {
            let gateway = reading.gateways.values_mut().next().unwrap();
            Arc::make_mut(gateway).configuration = hanging();
        },
        NoAnswer,
        Severity::Warning,
        "The management of the gateway",
    );
    seen(
        |reading| Arc::make_mut(reading.brokers.get_mut(&BrokerId(1)).unwrap()).metrics = refused(),
        RightsMissing,
        Severity::Blocking,
        "metrics page of broker 1",
    );
    around(
        |survey| survey.bucket.as_mut().unwrap().listed = refused(),
        RightsMissing,
        Severity::Blocking,
        "s3:",
    );
    around(
        |survey| survey.bucket.as_mut().unwrap().listed = hanging(),
        FindingCode::BucketUnusable,
        Severity::Blocking,
        "cannot be listed",
    );
}

#[test]
fn the_network_between_the_regions_is_the_brokers_own_word() {
    seen(
        |reading| {
            let gateway = reading.gateways.values_mut().next().unwrap();
            if let Sight::Seen(topology) = &mut Arc::make_mut(gateway).topology {
                Arc::make_mut(topology).brokers.remove(&BrokerId(3));
            }
        },
        FindingCode::RegionsApart,
        Severity::Blocking,
        "does not list broker 3 of region paris",
    );
}

#[test]
fn exporters_behind_are_a_warning_and_block_where_they_do_not_move() {
    let stuck = healthy()
        .positions(Some(90_000), Some(1_000))
        .measured(Some(1_000), Some(1_000));
    let still = judged(&stuck, &survey(), |_| {});
    found(
        &still,
        FindingCode::ExporterBehind,
        Severity::Blocking,
        "did not move",
    );
    found(
        &still,
        FindingCode::NotLookedAt,
        Severity::Note,
        "Not seen from here: that brokers reach",
    );
    let moving = stuck.clone().measured(Some(9_000), Some(9_000));
    let mut history = History::new();
    history.add(stuck.look(0));
    history.add(moving.look(2_000));
    let diagnosis = diagnose(&stuck.installation, &history);
    let judged = readiness(&stuck.installation, &history, &diagnosis, &survey());
    found(
        &judged,
        FindingCode::ExporterBehind,
        Severity::Warning,
        "81000 positions behind",
    );
}

#[test]
fn versions_have_to_be_one_and_known() {
    let broker = |version: &'static str, only: Option<u32>| {
        move |reading: &mut Observation| {
            for gateway in reading.gateways.values_mut() {
                if let Sight::Seen(topology) = &mut Arc::make_mut(gateway).topology {
                    let topology = Arc::make_mut(topology);
                    if only.is_none() {
                        version.clone_into(&mut topology.gateway_version);
                    }
                    for (id, broker) in &mut topology.brokers {
                        if only.is_none_or(|only| id.0 == only) {
                            version.clone_into(&mut broker.version);
                        }
                    }
                }
            }
        }
    };
    seen(
        broker("8.6.1", Some(3)),
        FindingCode::VersionsDiffer,
        Severity::Warning,
        "8.6.1 (broker 3)",
    );
    for (version, severity) in [
        ("8.5.3", Severity::Blocking),
        ("8.8.0", Severity::Note),
        ("8.11.0-alpha1", Severity::Warning),
        ("dev", Severity::Warning),
    ] {
        seen(
            broker(version, None),
            FindingCode::VersionUntried,
            severity,
            version,
        );
    }
    around(
        |survey| {
            let paris = survey.searches.get_mut(&PARIS).unwrap();
            if let Sight::Seen(details) = &mut paris.details {
                details.versions = ["8.17.2".to_owned()].into();
            }
        },
        FindingCode::SearchesDiffer,
        Severity::Blocking,
        "8.15 in region london, 8.17 in region paris",
    );
}

#[test]
fn searches_that_are_red_closed_or_alone() {
    let details = |tune: fn(&mut SearchDetails)| {
        move |survey: &mut Survey| {
            let paris = survey.searches.get_mut(&PARIS).unwrap();
            if let Sight::Seen(details) = &mut paris.details {
                tune(details);
            }
        }
    };
    let color = |color: Color| {
        move |reading: &mut Observation| {
            if let Sight::Seen(cluster) = &mut reading.searches.get_mut(&PARIS).unwrap().cluster {
                cluster.color = color;
            }
        }
    };
    use FindingCode::{NoReplicas, OneSearch, SearchUnwell};
    seen(color(Color::Red), SearchUnwell, Severity::Blocking, "is red");
    seen(
        |reading| {
            if let Sight::Seen(cluster) = &mut reading.searches.get_mut(&PARIS).unwrap().cluster {
                cluster.color = Color::Red;
                cluster.why_red = Some("shard 0 of a has no place: the disk is full".to_owned());
            }
        },
        SearchUnwell,
        Severity::Blocking,
        "data is missing (shard 0 of a has no place: the disk is full)",
    );
    seen(color(Color::Yellow), SearchUnwell, Severity::Warning, "is yellow");
    seen(
        |reading| {
            if let Sight::Seen(cluster) = &mut reading.searches.get_mut(&PARIS).unwrap().cluster {
                cluster.uuid = "uuid-0".to_owned();
            }
        },
        OneSearch,
        Severity::Blocking,
        "one and the same",
    );
    around(
        details(|details| {
            details.read_only = ["a".to_owned()].into();
        }),
        SearchUnwell,
        Severity::Blocking,
        "takes no writes into a:",
    );
    around(
        details(|details| details.disk_free_bytes = Some(9)),
        SearchUnwell,
        Severity::Warning,
        "has 9 % of its disk free",
    );
    around(
        details(|details| {
            details.without_replicas = ["a", "b", "c", "d", "e"].map(str::to_owned).into();
        }),
        NoReplicas,
        Severity::Warning,
        "a, b, c and 2 more indices",
    );
}

#[test]
fn the_repository_is_tried_only_when_asked_and_says_what_came_of_it() {
    use FindingCode::{NotProbed, ProbeLeft, RepositoryDiffers, RepositoryUnusable};
    let trial = |trial: Sight<RepositoryTrial>| {
        move |survey: &mut Survey| survey.searches.get_mut(&PARIS).unwrap().trial = trial
    };
    around(trial(Sight::NotAsked), NotProbed, Severity::Note, "region paris");
    around(
        trial(Sight::Seen(RepositoryTrial {
            refused: Some("500: no bucket".to_owned()),
            left: None,
        })),
        RepositoryUnusable,
        Severity::Blocking,
        "no bucket",
    );
    around(
        trial(Sight::Seen(RepositoryTrial {
            refused: None,
            left: Some("the repository x".to_owned()),
        })),
        ProbeLeft,
        Severity::Warning,
        "the repository x",
    );
    seen(
        |reading| {
            let mut other = repository().settings;
            other["settings"]["bucket"] = "another".into();
            reading.searches.get_mut(&LONDON).unwrap().repository = Sight::Seen(Some(other));
        },
        RepositoryDiffers,
        Severity::Warning,
        "another `bucket`",
    );
}

#[test]
fn the_bucket_has_to_let_one_win_and_to_lie_elsewhere() {
    use FindingCode::{BucketNear, BucketNotExclusive, BucketUnusable, NoBucket, NotProbed, ProbeLeft};
    let race = |tune: fn(&mut Race)| {
        move |survey: &mut Survey| {
            if let Sight::Seen(race) = &mut survey.bucket.as_mut().unwrap().race {
                tune(race);
            }
        }
    };
    let at = |at: BucketAt| move |survey: &mut Survey| survey.bucket.as_mut().unwrap().at = at;
    around(
        |survey| survey.bucket = None,
        NoBucket,
        Severity::Warning,
        "only this machine",
    );
    around(
        race(|race| race.won = 2),
        BucketNotExclusive,
        Severity::Blocking,
        "2 of 64",
    );
    around(
        race(|race| race.is_winners = false),
        BucketNotExclusive,
        Severity::Blocking,
        "another's",
    );
    around(
        race(|race| race.won = 0),
        BucketUnusable,
        Severity::Blocking,
        "Nothing could be put",
    );
    around(
        race(|race| race.left = Some("k".to_owned())),
        ProbeLeft,
        Severity::Note,
        "k",
    );
    around(
        |survey| survey.bucket.as_mut().unwrap().race = Sight::NotAsked,
        NotProbed,
        Severity::Note,
        "was not tried",
    );
    around(at(BucketAt::Folder), BucketNear, Severity::Warning, "folder");
    around(
        at(BucketAt::Host("es.london".to_owned())),
        BucketNear,
        Severity::Warning,
        "region london",
    );
    around(
        at(BucketAt::Host("minio.backup.svc".to_owned())),
        BucketNear,
        Severity::Warning,
        "inside a Kubernetes cluster",
    );
    let elsewhere = judged(
        &healthy(),
        &{
            let mut survey = survey();
            at(BucketAt::Host("s3.third.example".to_owned()))(&mut survey);
            survey
        },
        |_| {},
    );
    assert!(all(&elsewhere).iter().all(|(code, _, _)| *code != BucketNear));
}

#[test]
fn disks_that_fill_block_when_they_would_not_last_a_pause() {
    let filling = |per_second: u64| {
        let mut history = History::new();
        for second in 0..4u64 {
            let world = healthy().disks(10_000_000 - second * per_second);
            history.add(world.look(i64::try_from(second * 1_000).unwrap()));
        }
        let world = healthy();
        let diagnosis = diagnose(&world.installation, &history);
        readiness(&world.installation, &history, &diagnosis, &survey())
    };
    found(
        &filling(100_000),
        FindingCode::DiskShort,
        Severity::Blocking,
        "900 s are the least",
    );
    found(
        &filling(5_000),
        FindingCode::DiskShort,
        Severity::Warning,
        "would last for 33 minutes",
    );
    assert!(filling(10).is_ready);
    let blind = judged(&World::of(4, 4).search(LONDON, |_| {}), &survey(), |_| {});
    found(
        &blind,
        FindingCode::DiskUnknown,
        Severity::Note,
        "disk_free_bytes",
    );
}

#[test]
fn what_is_not_configured_not_flushed_or_not_in_time() {
    use FindingCode::{ChartDrift, ClocksDiffer, FlushOff, NotConfigured};
    around(
        |survey| survey.configured.repository = None,
        NotConfigured,
        Severity::Blocking,
        "`snapshots`",
    );
    for (flush, severity) in [
        (Sight::Seen(Flush::Off), Severity::Warning),
        (Sight::Seen(Flush::Delayed), Severity::Warning),
        (Sight::Seen(Flush::Unsaid), Severity::Note),
        (hanging(), Severity::Note),
    ] {
        around(
            |survey| {
                survey.flush.insert(BrokerId(2), flush);
            },
            FlushOff,
            severity,
            "roker 2",
        );
    }
    around(
        |survey| {
            survey
                .charts
                .insert(PARIS, Sight::Seen(vec!["replicas are 3.".to_owned()]));
        },
        ChartDrift,
        Severity::Warning,
        "region paris differs: replicas are 3.",
    );
    around(
        |survey| {
            survey
                .clocks
                .insert("a:1".to_owned(), SignedDuration::from_secs(-90));
            survey
                .clocks
                .insert("b:1".to_owned(), SignedDuration::from_secs(1));
        },
        ClocksDiffer,
        Severity::Warning,
        "a:1 (90 s behind)",
    );
}

/// After a failover it names what is missing; the search that is not there yet is right, and what is left over is not.
#[test]
fn after_a_failover_it_names_what_is_missing() {
    let world = World::failed_over(4, 4, PARIS)
        .measured(Some(1_000), Some(1_000))
        .disks(1_000_000);
    let readiness = judged(&world, &survey(), |reading| {
        let paris = reading.platforms.get_mut(&PARIS).unwrap();
        paris.pods = Sight::Seen(Vec::new());
        paris.volumes = Sight::Seen(["data-camunda-zeebe-0".to_owned()].into());
    });
    assert_eq!(readiness.failback.owed, Some(PARIS));
    found(&readiness, FindingCode::NotHealthy, Severity::Blocking, "");
    found(
        &readiness,
        FindingCode::MembersMissing,
        Severity::Blocking,
        "Brokers 1 and 3 are no members",
    );
    found(
        &readiness,
        FindingCode::ExporterOff,
        Severity::Warning,
        "elasticsearchregion1",
    );
    found(&readiness, FindingCode::NoAnswer, Severity::Note, "that is right");
    found(
        &readiness,
        FindingCode::Leftovers,
        Severity::Blocking,
        "volume data-camunda-zeebe-0",
    );
    let off = judged(
        &healthy().exporter_is(PARIS, ExporterStatus::Disabled),
        &survey(),
        |_| {},
    );
    found(
        &off,
        FindingCode::ExporterOff,
        Severity::Warning,
        "elasticsearchregion1",
    );
}
