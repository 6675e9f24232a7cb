//! Looks at what no run asks for: whether everything that a failover and a failback rest on is there. For `c8dr ready`.
//!
//! Looking changes nothing (guarantee G11). What only writing would prove is asked with [`Probe::Asked`] alone, and taken away
//! again. All questions go out at once, and each has a limit of its own: a slow endpoint costs its limit, once.

use std::collections::BTreeMap;
use std::time::Duration;

use c8dr_domain::ids::{BrokerId, RegionId};
use c8dr_domain::observation::{Sight, Silence};
use c8dr_domain::platform::PlatformSight;
use c8dr_domain::ready::survey::{Flush, Race, SearchSurvey};
use c8dr_domain::search::{Repository, SearchSight};
use futures_util::future::{BoxFuture, join, join_all, join3, join4};

use crate::clock::Clock;
use crate::direction::place;
use crate::observe::Sources;
use crate::ports::{Bucket, Platform, PutNew, Search};

/// How many put one key at once: more than machines that could.
pub const WRITERS: u32 = 64;

/// Whether writing is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Nothing is written.
    No,
    /// Whoever asks wants it tried.
    Asked,
}

/// What is asked around the cluster.
pub struct Questions<'a> {
    /// Everything that can be asked.
    pub sources: &'a Sources<'a>,
    /// The object store, where there is one.
    pub bucket: Option<&'a dyn Bucket>,
    /// Where snapshots go.
    pub repository: Option<&'a Repository>,
    /// The installation's name: what a probe writes lies in its place.
    pub installation: &'a str,
    /// Whether writing is tried.
    pub probe: Probe,
    /// A name that no other probe has.
    pub trial: &'a str,
    /// How long each question may take.
    pub limit: Duration,
    /// How long a platform's tool may take to list pods.
    pub platform_limit: Duration,
}

/// What was said around the cluster.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// The searches, as a run would ask them.
    pub searches: BTreeMap<RegionId, SearchSight>,
    /// Their details, and how the repository fared.
    pub details: BTreeMap<RegionId, SearchSurvey>,
    /// The platforms.
    pub platforms: BTreeMap<RegionId, PlatformSight>,
    /// Whether brokers flush.
    pub flush: BTreeMap<BrokerId, Sight<Flush>>,
    /// Whether the bucket can be listed.
    pub listed: Sight<()>,
    /// How many writers at once fared.
    pub race: Sight<Race>,
}

/// Asks everything around the cluster, all at once.
pub async fn survey(asked: &Questions<'_>, clock: &Clock) -> Surroundings {
    let within = Within {
        clock,
        limit: asked.limit,
    };
    let searches = join_all((asked.sources.searches.iter()).map(async |(region, search)| {
        let (sight, details) = search_in(*search, asked, &within).await;
        (*region, sight, details)
    }));
    let platforms = join_all((asked.sources.platforms.iter()).map(async |(region, platform)| {
        let within = Within {
            clock,
            limit: asked.platform_limit,
        };
        (*region, platform_in(*platform, &within).await)
    }));
    let flush = join_all(
        asked
            .sources
            .zeebe
            .brokers()
            .into_iter()
            .map(async |broker| (broker, within.hear(asked.sources.zeebe.flush(broker)).await)),
    );
    let bucket = async {
        match asked.bucket {
            Some(bucket) => bucket_in(bucket, asked, &within).await,
            None => (Sight::NotAsked, Sight::NotAsked),
        }
    };
    let (searches, platforms, flush, (listed, race)) = join4(searches, platforms, flush, bucket).await;
    let mut surroundings = Surroundings {
        platforms: platforms.into_iter().collect(),
        flush: flush.into_iter().collect(),
        listed,
        race,
        ..Surroundings::default()
    };
    for (region, sight, details) in searches {
        surroundings.searches.insert(region, sight);
        surroundings.details.insert(region, details);
    }
    surroundings
}

/// Questions that end by a limit, whatever limits the adapters have.
struct Within<'a> {
    clock: &'a Clock,
    limit: Duration,
}

impl Within<'_> {
    async fn hear<T>(&self, question: BoxFuture<'_, Sight<T>>) -> Sight<T> {
        match self.clock.timeout(self.limit, question).await {
            Ok(sight) => sight,
            Err(_) => Sight::Silent {
                why: Silence::NoAnswer,
                detail: format!("within {:.1} s", self.limit.as_secs_f64()),
            },
        }
    }
}

async fn search_in(
    search: &dyn Search,
    asked: &Questions<'_>,
    within: &Within<'_>,
) -> (SearchSight, SearchSurvey) {
    let repository = async {
        match asked.repository {
            Some(repository) => within.hear(search.repository(&repository.name)).await,
            None => Sight::NotAsked,
        }
    };
    let trial = async {
        match (asked.probe, asked.repository) {
            // Not cut short: what it has begun it has to take away. Each of its calls ends by the adapter's own limit.
            (Probe::Asked, Some(repository)) => search.try_repository(asked.trial, repository).await,
            _ => Sight::NotAsked,
        }
    };
    let ((cluster, indices), (repository, details, trial)) = join(
        join(within.hear(search.cluster()), within.hear(search.indices())),
        join3(repository, within.hear(search.details()), trial),
    )
    .await;
    let sight = SearchSight {
        cluster,
        indices,
        repository,
        ..SearchSight::default()
    };
    (sight, SearchSurvey { details, trial })
}

async fn platform_in(platform: &dyn Platform, within: &Within<'_>) -> PlatformSight {
    let (pods, volumes) = join(within.hear(platform.pods()), within.hear(platform.volumes())).await;
    PlatformSight {
        pods,
        volumes,
        ..PlatformSight::default()
    }
}

async fn bucket_in(
    bucket: &dyn Bucket,
    asked: &Questions<'_>,
    within: &Within<'_>,
) -> (Sight<()>, Sight<Race>) {
    let prefix = format!("{}/direction/", place(asked.installation));
    let listed = async {
        match within.hear(bucket.list(&prefix)).await {
            Sight::Seen(_) => Sight::Seen(()),
            Sight::Silent { why, detail } => Sight::Silent { why, detail },
            Sight::Declined { status, message } => Sight::Declined { status, message },
            Sight::Garbled { problem } => Sight::Garbled { problem },
            Sight::Empty => Sight::Empty,
            Sight::NotAsked => Sight::NotAsked,
        }
    };
    let raced = async {
        match asked.probe {
            Probe::No => Sight::NotAsked,
            Probe::Asked => {
                let key = format!("{}/probe/{}", place(asked.installation), asked.trial);
                Sight::Seen(race(bucket, &key, WRITERS).await)
            }
        }
    };
    join(listed, raced).await
}

/// Lets many put one key at once, counts who won, reads the winner back, and takes it away.
pub async fn race(bucket: &dyn Bucket, key: &str, writers: u32) -> Race {
    let bytes = |writer: u32| format!("{{\"probe\": {writer}}}\n").into_bytes();
    let puts = join_all((0..writers).map(|writer| bucket.put_new(key, bytes(writer)))).await;
    let mut race = Race {
        writers,
        ..Race::default()
    };
    let mut winner = None;
    let mut may_be_there = false;
    for (put, writer) in puts.into_iter().zip(0..) {
        match put {
            PutNew::Written => {
                race.won += 1;
                winner = Some(writer);
                may_be_there = true;
            }
            PutNew::Exists => {
                race.lost += 1;
                may_be_there = true;
            }
            PutNew::Unknown { .. } => {
                race.unknown += 1;
                may_be_there = true;
            }
            PutNew::Refused { why } => race.refused = Some(why),
            PutNew::NotSent { why, detail } => {
                race.refused = Some(format!("{why} {detail}").trim_end().to_owned());
            }
        }
    }
    // A store that is too busy for 64 at once may leave all but one without a word: what is there tells who won.
    let there = bucket.get(key).await;
    if let Sight::Seen(Some(found)) = &there {
        if race.won == 0
            && let Some(writer) = (0..writers).find(|writer| bytes(*writer) == *found)
        {
            race.won = 1;
            winner = Some(writer);
        }
        race.is_winners = winner.is_some_and(|writer| bytes(writer) == *found);
    }
    if may_be_there || there.seen().is_some_and(Option::is_some) {
        race.left = bucket
            .remove_probe(key)
            .await
            .err()
            .map(|why| format!("{key}: {why}"));
    }
    race
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store that ignores the condition: whoever puts is told that his is there, and the last one's is.
    #[derive(Default)]
    struct Careless(std::sync::Mutex<Option<Vec<u8>>>);

    impl Bucket for Careless {
        fn place(&self) -> String {
            "careless".to_owned()
        }

        fn put_new<'a>(&'a self, _: &'a str, bytes: Vec<u8>) -> BoxFuture<'a, PutNew> {
            *self.0.lock().unwrap() = Some(bytes);
            Box::pin(async { PutNew::Written })
        }

        fn get<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Sight<Option<Vec<u8>>>> {
            let there = self.0.lock().unwrap().clone();
            Box::pin(async { Sight::Seen(there) })
        }

        fn list<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Sight<Vec<String>>> {
            Box::pin(async { Sight::Seen(Vec::new()) })
        }
    }

    #[tokio::test]
    async fn a_store_that_ignores_the_condition_is_seen_and_what_stays_is_told() {
        let race = race(&Careless::default(), "camunda/probe/one", 64).await;
        assert_eq!((race.writers, race.won, race.lost), (64, 64, 0));
        assert!(race.left.is_some_and(|left| left.contains("camunda/probe/one")));
    }

    #[test]
    fn only_a_probes_key_is_a_probes() {
        use crate::ports::is_probe;
        assert!(is_probe("camunda/probe/c8dr-probe-1"));
        for key in [
            "",
            "probe",
            "probe/x",
            "camunda/probe/",
            "camunda/direction/000001.json",
            "camunda/probe/x/y",
        ] {
            assert!(!is_probe(key), "{key}");
        }
    }
}
