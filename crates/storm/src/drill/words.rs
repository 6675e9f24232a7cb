//! Every word that a drill may have: an example that is understood as it stands, and what it means. The guide's page is
//! written from this, and a test holds the reader against it.

/// A word, by an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// What somebody writes.
    pub example: &'static str,
    /// What it means.
    pub means: &'static str,
}

const fn word(example: &'static str, means: &'static str) -> Word {
    Word { example, means }
}

/// The world and its clients, and time.
pub const FRAME: &[Word] = &[
    word(
        "world 8 brokers, 8 partitions, seed 7, bucket",
        "the installation, before everything else: as many partitions as brokers, and seed 0, if not said. With `bucket` an object store outside both regions keeps direction and journal",
    ),
    word(
        "world 4 brokers, disk 3 GiB, instance 1 MiB",
        "how big each broker's volume is, and what one process instance takes of it",
    ),
    word(
        "world 4 brokers, opensearch",
        "the searches are OpenSearch instead of Elasticsearch",
    ),
    word(
        "world 8 brokers, traffic",
        "c8dr points the users' names; they point to both regions at first",
    ),
    word(
        "load 4 creates/s",
        "what clients create, from here on; 4 a second if not said",
    ),
    word("wait 30s", "nothing for so long: `500ms`, `5s`, `1m30s`, `2h`"),
    word(
        "at 40s break region1",
        "waits until so long after the drill's beginning, then does it",
    ),
    word("at 2m", "waits until so long after the drill's beginning"),
];

/// What is done to the world: the words of `c8dr lab break`, `heal` and `ctl`.
pub const DEEDS: &[Word] = &[
    word(
        "break region1",
        "kills the brokers, the webapps and the search of a region",
    ),
    word(
        "break broker:2 for 30s",
        "kills one broker; with `for` it is started again after that",
    ),
    word(
        "break link for 1m",
        "no packet passes between the regions; both are still reached from here",
    ),
    word(
        "break link:region0 for 1m",
        "what region 0 sends to the other vanishes; the other way packets pass. Also `link:region1`",
    ),
    word(
        "slow link for 1m",
        "packets between the regions take most of a second",
    ),
    word(
        "slow search:region0 for 1m",
        "a search takes most of two seconds for each bulk, and brokers tell nothing meanwhile. Also `search:region1`",
    ),
    word("flap link for 1m", "the link comes and goes, every few seconds"),
    word(
        "break names for 1m",
        "the names of brokers can no longer be resolved: who runs goes on, who starts cannot",
    ),
    word("heal names", "they can be resolved again"),
    word("fill broker:2 for 1m", "something else fills a broker's volume"),
    word(
        "fill search:region0 for 1m",
        "the disks of a search are full: it takes no writes, and restores stand still. Also `search:region1`",
    ),
    word("free broker:2", "there is room again; also `free search:region0`"),
    word("break search:region0 for 30s", "kills a region's search"),
    word(
        "freeze broker:2 for 10s",
        "a broker stands still: it takes connections and answers nothing",
    ),
    word("freeze region1", "all brokers of a region stand still"),
    word(
        "freeze search:region0 for 10s",
        "a search stands still: exporters sit in their calls to it, and their brokers tell nothing meanwhile",
    ),
    word("heal region1", "the region is back with its old disks"),
    word(
        "heal region1 --bare",
        "a new platform with nothing on it: what a failback installs into",
    ),
    word(
        "heal region1 --empty",
        "rebuilt from nothing and running, without Operate and Tasklist",
    ),
    word(
        "heal broker:2",
        "the broker is started with its old disk, or goes on",
    ),
    word("heal link", "packets pass again"),
    word(
        "heal search:region0",
        "the search is started with its old disks, goes on, or is quick again",
    ),
    word("search region0 red for 20s", "nothing can be written to a search"),
    word("search region0 green", "it can again"),
    word(
        "search region0 partial-snapshot",
        "one shard of its next snapshot fails",
    ),
    word(
        "search region0 failed-snapshot",
        "every shard of its next snapshot fails",
    ),
    word(
        "search region1 empty-indices",
        "paused exporters create empty indices in it all the same",
    ),
    word(
        "store denied for 30s",
        "the object store refuses its keys, as when credentials have expired",
    ),
    word("store gone", "the object store does not answer"),
    word("store works", "it is well again"),
    word("traffic refused", "the name server refuses changes"),
    word("traffic ignored", "it takes them, and does not carry them out"),
    word("traffic unanswered", "it carries them out, and does not answer"),
    word("traffic hangs", "it does not even say where the names point"),
    word("traffic works", "it is well again"),
    word(
        "somebody points traffic to region1",
        "past c8dr; `to elsewhere`: to a place that belongs to neither region",
    ),
    word(
        "somebody pauses exporting",
        "on every broker that answers, past c8dr",
    ),
    word(
        "somebody resumes exporting",
        "on every broker that answers, past c8dr",
    ),
    word("somebody begins a change", "a mistyped one, that never ends"),
    word("somebody cancels the change", "whosever it is"),
    word(
        "somebody forces region0",
        "forces everybody out but the brokers of this region",
    ),
    word("somebody rebalances", "asks for leaders in their usual places"),
    word(
        "somebody upgrades region0",
        "`helm upgrade` with the usual values: Operate and Tasklist are on again",
    ),
    word(
        "somebody restarts region0",
        "`kubectl rollout restart` of its brokers",
    ),
    word(
        "somebody uninstalls region1",
        "`helm uninstall`, behind everybody's back",
    ),
    word(
        "somebody disables the exporter to region1",
        "past c8dr: a change of the configuration, which waits for all members",
    ),
    word(
        "somebody enables the exporter to region1",
        "past c8dr, from the other exporter's position",
    ),
    word(
        "install region1 --webapps off",
        "`helm upgrade --install`; Operate and Tasklist are on if not said",
    ),
    word("uninstall region1", "`helm uninstall`: the volumes stay"),
    word("delete-volumes region1", "`kubectl delete pvc`"),
];

/// What happens at its own moment, once, while the script goes on: written before the command that it is to meet.
pub const MOMENTS: &[Word] = &[
    word(
        "30s into failback break broker:2 for 20s",
        "so long after the run has begun",
    ),
    word(
        "before FB5 break link for 20s",
        "before the next request of a step leaves; its intent is in the journal",
    ),
    word(
        "after FO1 heal region1",
        "after the effect of the next request of a step, before its answer",
    ),
    word(
        "after FB5 kill c8dr",
        "c8dr is killed there: `c8dr run resume` goes on",
    ),
    word(
        "when failback has 12 records kill c8dr",
        "as soon as the journal of the run has so many",
    ),
    word(
        "before FB5 spoil lost-before-effect",
        "the request never arrives; the connection breaks",
    ),
    word(
        "before FB5 spoil lost-after-effect",
        "it has its effect; the connection breaks before the answer",
    ),
    word(
        "before FB5 spoil timeout-after-effect",
        "it has its effect; no answer comes in time",
    ),
    word("before FB5 spoil not-sent", "no connection comes about"),
    word(
        "before FB5 spoil status 504",
        "it has no effect, and something in between answers: 409, 502 or 504",
    ),
];

/// What operators type. In a drill nobody is asked.
pub const COMMANDS: &[Word] = &[
    word(
        "c8dr failover --lost region1 expect verified",
        "what is expected of a command may stand behind it, or on `expect` lines below it",
    ),
    word(
        "c8dr failover --lost region1 --accept-unfenced \"INC-4711: power is cut\"",
        "also `--accept-data-loss` and `--accept-unrecorded`, with the reason",
    ),
    word(
        "c8dr failover --lost region1 --reinforce --accept-unknown-disks \"INC-4711\"",
        "afterwards each partition gets a third replica in the surviving region; the reason only where disks cannot be seen",
    ),
    word(
        "c8dr failback --returning region1 --adopt-pause \"INC-4711\"",
        "takes over a pause of somebody else's",
    ),
    word(
        "c8dr plan failover --lost region1",
        "plans, and changes nothing: the same as `--dry-run`",
    ),
    word(
        "c8dr plan failback --returning region1",
        "plans, and changes nothing",
    ),
    word(
        "c8dr run resume",
        "goes on with the run of this machine that has not ended",
    ),
    word(
        "c8dr run resume --from-record",
        "with the newest run that lies in the bucket",
    ),
    word(
        "c8dr run abort --reason \"INC-4711\"",
        "gives the run up; what a failback has begun is taken back",
    ),
    word("c8dr status", "what is wrong: `expect diagnosis …`"),
    word("c8dr ready", "could the loss of a region be handled now?"),
    word(
        "c8dr why",
        "what is missing, for the unfinished run or for a failover and a failback",
    ),
    word(
        "ben: c8dr status",
        "typed by somebody else, on a machine of their own",
    ),
    word("ben: c8dr failover --lost region1 &", "goes on beside the script"),
    word("interrupt ben", "presses Ctrl-C there"),
    word("wait for ben expect verified", "until that has ended"),
];

/// What is expected of the last command that has ended, separated by commas.
pub const OF_COMMANDS: &[Word] = &[
    word(
        "expect verified",
        "the run came to its end, and all was read back",
    ),
    word(
        "expect turned back",
        "the run gave itself up, and nothing is left paused",
    ),
    word(
        "expect given up",
        "a person gave the run up, and nothing is left paused",
    ),
    word("expect killed", "c8dr was killed"),
    word(
        "expect refused not-fenced",
        "refused, with this code: those of `c8dr explain`. `refused` alone takes any",
    ),
    word(
        "expect stopped waiting",
        "the run has stopped and can be resumed: `refused`, `waiting`, `unknown`, `verification-failed` or `interrupted`. `stopped` alone takes any",
    ),
    word("expect planned", "there is a plan"),
    word("expect ready", "the loss of either region could be handled"),
    word("expect not ready", "one of them could not"),
    word("expect exit 3", "its exit code, as in `c8dr --help`"),
    word(
        "expect diagnosis region-lost",
        "what `status` calls it: those of `c8dr explain`",
    ),
    word(
        "expect FB5 verified",
        "how a step of its run came out: `verified`, `already`, `skipped`, `failed`, `unknown` or `waiting`",
    ),
    word(
        "expect FO1 sent once",
        "how often a step's request left: `never`, `once`, `twice`, `3 times`",
    ),
    word("expect says \"broker 2\"", "what it said has this in it"),
    word("expect took at most 60s", "in the drill's own time"),
];

/// What is expected of the world, as the model knows it; `within 20s` waits so long for it.
pub const OF_THE_WORLD: &[Word] = &[
    word(
        "expect all partitions led within 20s",
        "each has a leader with a majority",
    ),
    word("expect 0 partitions led", "so many have"),
    word("expect exporting on", "no exporter is paused anywhere"),
    word("expect exporting paused", "some are"),
    word("expect exporting to both regions", "on every partition"),
    word(
        "expect exporting to region0 only",
        "on every partition to this one, on none to the other",
    ),
    word("expect members of both regions", "all brokers are members"),
    word("expect members of region0 only", "its brokers are, and no others"),
    word(
        "expect nothing missing",
        "all that was acknowledged to clients is in a log that counts",
    ),
    word(
        "expect both searches equal within 60s",
        "and hold all that was acknowledged; clients must have stopped (`load 0 creates/s`)",
    ),
    word(
        "expect disks of region0 untouched",
        "none of its brokers was started with an empty disk",
    ),
    word("expect nothing forced", "no forced removal was begun"),
    word("expect forced once", "or `twice`"),
    word(
        "expect 3 replicas of each partition",
        "that take part, wherever they are",
    ),
    word("expect traffic at region0 only", "the users' names point there"),
    word("expect traffic at both regions", "to both of them"),
    word("expect change pending", "a change of the configuration waits"),
    word("expect no change pending within 20s", "none does"),
    word("expect broker:2 answers", "or `silent`"),
];

/// All of them, with the headings of the guide's page.
pub const ALL: [(&str, &[Word]); 6] = [
    ("World, clients and time", FRAME),
    ("Deeds", DEEDS),
    ("Moments", MOMENTS),
    ("Commands", COMMANDS),
    ("Expected of a command", OF_COMMANDS),
    ("Expected of the world", OF_THE_WORLD),
];

#[cfg(test)]
mod tests {
    use super::ALL;
    use crate::drill::{deeds, parse, wishes};

    /// Every word that the reader knows is on the page, so that nobody has to guess one.
    #[test]
    fn every_word_that_is_understood_is_on_the_page() {
        let known = [
            &parse::BEGINNINGS[..],
            &parse::WORLD,
            &parse::COMMANDS,
            &deeds::BEGINNINGS,
            &deeds::SPOILS,
            &deeds::STRUCK,
            &deeds::SOMEBODY,
            &deeds::AIMS,
            &wishes::BEGINNINGS,
        ];
        let page: Vec<String> = (ALL.iter().flat_map(|(_, words)| words.iter()))
            .map(|word| format!("{} {}", word.example, word.means))
            .collect();
        for word in known.into_iter().flatten() {
            let is_told = |line: &String| {
                line.split([' ', ',', '`', '.']).any(|one| one == *word) || line.contains(word)
            };
            assert!(page.iter().any(is_told), "`{word}` is on no line of the page");
        }
    }
}
