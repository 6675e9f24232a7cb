//! The arguments, as clap reads them. Each command has an example, because that is what is read at night.

mod lab;

use std::path::PathBuf;

use c8dr_domain::hanging;
use clap::{ArgAction, Parser, Subcommand, ValueEnum};

pub use self::lab::{Ctl, Lab, NameServer, Place, Switch};
use crate::{exit, usage};

/// Carries a dual-region Camunda 8 installation through the loss of a region and back, safely, and proves every step.
#[derive(Debug, Parser)]
#[command(
    name = "c8dr",
    version,
    about,
    after_help = exit::HELP,
    subcommand_required = true,
    arg_required_else_help = true,
    propagate_version = true
)]
pub struct Args {
    /// The configuration file [default: $C8DR_CONFIG, ./c8dr.yaml, or that of the running lab]
    #[arg(long, short, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How to print the result
    #[arg(long, short, global = true, value_enum, default_value_t = Output::Human, value_name = "FORM")]
    pub output: Output,
    /// Colours: on a terminal, always, or never (also: NO_COLOR, CLICOLOR_FORCE)
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
    /// The same as `--color never`
    #[arg(long, global = true, conflicts_with = "color")]
    pub no_color: bool,
    /// Only the result, errors, and what a person has to do
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Each request in one line; twice: the log of everything
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// How the log is written (what is logged: the environment variable C8DR_LOG)
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORM")]
    pub log_format: LogFormat,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Args {
    /// When colours are wanted, as far as the arguments say.
    pub fn color(&self) -> Color {
        match self.no_color {
            true => Color::Never,
            false => self.color,
        }
    }
}

/// When colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, as NO_COLOR, CLICOLOR and CLICOLOR_FORCE want it.
    Auto,
    /// Also into files and pipes.
    Always,
    /// Nowhere.
    Never,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// A JSON document per line.
    Json,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Human,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
    /// What `zbctl status` prints; only for `status`.
    Zbctl,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lose a region of a lab, fail over and back, and see it proven. Needs nothing but this binary
    #[command(
        after_help = "Examples:\n  c8dr drill\n  c8dr drill --lose region0 --brokers 8 --partitions 8\n  c8dr drill --speed 5 --output json\n  c8dr drill --list                        the drills that are kept in this binary\n  c8dr drill link-cut-both-alive --speed 5\n  c8dr drill our-night.drill --virtual     a script of your own: docs/guide/drills.md"
    )]
    Drill(Drill),
    /// Live through thousands of disasters in virtual time, and judge each by what is really so
    #[command(
        after_help = "Examples:\n  c8dr storm --seeds 1000\n  c8dr storm --seeds 500 --scenario deaths --output json\n  c8dr storm --seed 7 --trace\n\nScenarios: any, plain, answers, deaths, network, brokers, searches, returning, people, rare.\nExit code 0 if no law was broken and every disaster came to an end, 6 otherwise."
    )]
    Storm(Storm),
    /// A lab to play with: real interfaces on loopback
    #[command(
        subcommand,
        after_help = "Examples:\n  c8dr lab up\n  c8dr lab break region1\n  c8dr failover --lost region1\n  c8dr lab heal region1 --bare\n  c8dr failback --returning region1\n  c8dr lab down"
    )]
    Lab(Lab),
    /// Regions, brokers × partitions, exporters, what is wrong, and what next
    #[command(after_help = "Examples:\n  c8dr status\n  c8dr status --watch\n  c8dr status --output zbctl")]
    Status(Status),
    /// Could the loss of a region be handled now, and could it be brought back?
    #[command(
        after_help = "Exit 0 only when nothing blocks a failover of either region or the failback after it; else 3.\n\nExamples:\n  c8dr ready\n  c8dr ready --probe\n  c8dr ready --output json"
    )]
    Ready(Ready),
    /// What is missing: for the run that has not ended, or for a failover or failback now
    #[command(after_help = "Examples:\n  c8dr why\n  c8dr why --output json")]
    Why,
    /// Make a plan, print and save it; change nothing
    #[command(
        subcommand,
        after_help = "Examples:\n  c8dr plan failover --lost paris\n  c8dr plan failback --returning paris --save failback-paris.plan.json"
    )]
    Plan(Plan),
    /// The procedure for this installation as a page of commands to print, for a person with bash, curl and jq
    #[command(
        subcommand,
        after_help = "Examples:\n  c8dr runbook failover --lost paris > failover-paris.md\n  c8dr runbook failback --returning paris > failback-paris.md"
    )]
    Runbook(Runbook),
    /// Fail over: give up the lost region, and prove that the other one serves
    #[command(
        after_help = "Examples:\n  c8dr failover --lost paris --dry-run\n  c8dr failover --lost paris\n  c8dr failover --lost paris --yes --reason \"INC-4711\""
    )]
    Failover(Failover),
    /// Fail back: rebuild the lost region, fill it, and prove that both hold the same
    #[command(
        after_help = "Examples:\n  c8dr failback --returning paris --dry-run\n  c8dr failback --returning paris\n  c8dr failback --returning paris --yes --reason \"INC-4711\"\n\nThe configuration needs for it, in each region, `search` (url) and `platform` (driver, pods, install, webappsDown,\nwebappsUp), and for both `snapshots` (repository, type, settings). A `bucket` makes the run resumable elsewhere."
    )]
    Failback(Failback),
    /// Make sure that a lost region cannot come back by itself: scale its brokers and gateways to zero, and see them gone
    #[command(
        after_help = "Examples:\n  c8dr fence --lost paris --dry-run\n  c8dr fence --lost paris\n  c8dr fence --lost paris --network-policy\n\nIt needs `kubernetes` of the region in the configuration, and the region's API server. A failover needs no fence where\nthe survivors prove the loss; where they cannot, this is how it becomes one."
    )]
    Fence(Fence),
    /// What an earlier life of the returning region has left behind: volume claims, volumes, releases; delete it by name
    #[command(
        after_help = "Examples:\n  c8dr clean --returning paris                                       list it\n  c8dr clean --returning paris --delete pvc/data-camunda-zeebe-0     delete this one\n  c8dr clean --returning paris --delete pvc/data-camunda-zeebe-0 --delete pv/paris-pv-1 --dry-run"
    )]
    Clean(Clean),
    /// Which brokers of a region hang at their start; delete such a pod, one at a time, so that it is made anew
    #[command(
        after_help = "Examples:\n  c8dr unstick --region paris --dry-run\n  c8dr unstick --region paris\n  c8dr unstick --region paris --at-most 1 --yes\n\nA broker hangs if its pod has run for long without being ready and no gateway lists it: the names of the other region could not\nbe resolved when it started. One that waits for its partitions is listed, and left alone; one that is broken is refused (exit 3)."
    )]
    Unstick(Unstick),
    /// Carry out a saved plan, if the world is still as it was
    #[command(after_help = "Example:\n  c8dr apply failover-paris.plan.json")]
    Apply(Apply),
    /// Runs and their journals
    #[command(
        subcommand,
        after_help = "Examples:\n  c8dr run list\n  c8dr run resume\n  c8dr run abort --reason \"INC-4711: the region is gone again\""
    )]
    Run(RunCommand),
    /// The Helm values of both regions, written from the configuration, and those in files checked
    #[command(
        after_help = "Examples:\n  c8dr values                                   print them\n  c8dr values --write values                    camunda-values.yml, region0/ and region1/ in that folder\n  c8dr values --check                           the files that the configuration names\n  c8dr values --check camunda-values.yml region1/camunda-values.yml"
    )]
    Values(Values),
    /// The releases of both regions, where helm is what changes them
    #[command(
        subcommand,
        after_help = "Examples:\n  c8dr release show\n  c8dr release rollback --region london"
    )]
    Release(ReleaseCommand),
    /// Write a configuration from what both clusters show, or from what the shell already knows
    #[command(
        after_help = "Examples:\n  c8dr init --discover --context london --context paris --namespace london=camunda-london --namespace paris=camunda-paris\n  c8dr init --from-env\n  c8dr init --from-env --cluster-size 8 --partition-count 8 --write camunda.yaml\n\nWith --from-env it reads the variables that Camunda's dual-region guide has you export: CLUSTER_0 and CLUSTER_1 (kubectl contexts),\nCAMUNDA_NAMESPACE_0 and CAMUNDA_NAMESPACE_1, or CLUSTER_SURVIVING, CLUSTER_RECREATED, CAMUNDA_NAMESPACE_SURVIVING,\nCAMUNDA_NAMESPACE_RECREATED with REGION_SURVIVING and REGION_RECREATED; HELM_RELEASE_NAME, HELM_CHART_VERSION, and\nS3_BUCKET_NAME for a failback."
    )]
    Init(Init),
    /// The configuration: is it right, what does it amount to, what may stand in it
    #[command(subcommand, after_help = "Examples:\n  c8dr config check")]
    Config(ConfigCommand),
    /// What a code means, why c8dr says it, and the ways out
    #[command(
        after_help = "Examples:\n  c8dr explain not-fenced\n  c8dr explain FB2b\n  c8dr explain 3        an exit code\n  c8dr explain          all codes"
    )]
    Explain {
        /// The code [default: list all]
        code: Option<String>,
    },
    /// Print a completion script for a shell
    #[command(
        after_help = "Examples:\n  c8dr completions bash > /etc/bash_completion.d/c8dr\n  c8dr completions zsh > ~/.zfunc/_c8dr\n  c8dr completions fish > ~/.config/fish/completions/c8dr.fish"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write those of all commands
    #[command(after_help = "Examples:\n  c8dr man | man -l -\n  c8dr man --dir /usr/local/share/man/man1")]
    Man {
        /// Write the pages of all commands into this directory
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

/// `drill`
#[derive(Debug, clap::Args)]
pub struct Drill {
    /// A script, or the name of one that is kept in this binary [default: lose a region, fail over and back]
    #[arg(value_name = "DRILL", conflicts_with_all = ["lose", "brokers", "partitions", "seed"])]
    pub script: Option<String>,
    /// List the drills that are kept in this binary
    #[arg(long, conflicts_with = "script")]
    pub list: bool,
    /// Only read the script, and print what it would do
    #[arg(long, requires = "script")]
    pub dry_run: bool,
    /// In virtual time: as fast as it goes, nothing is shown until the end
    #[arg(long = "virtual", requires = "script", conflicts_with_all = ["speed", "dry_run"])]
    pub in_virtual_time: bool,
    /// Tell the whole story in the end, one line per event
    #[arg(long, requires = "script", conflicts_with = "dry_run")]
    pub trace: bool,
    /// The region to lose
    #[arg(long, default_value = "region1", value_name = "REGION")]
    pub lose: String,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened: its own fields are documented")]
    pub world: World,
}

/// `storm`
#[derive(Debug, clap::Args)]
pub struct Storm {
    /// How many disasters
    #[arg(long, default_value_t = 100, value_name = "N", conflicts_with = "seed")]
    pub seeds: u64,
    /// The first of their seeds
    #[arg(long, default_value_t = 0, value_name = "S", conflicts_with = "seed")]
    pub from: u64,
    /// This one disaster only
    #[arg(long, value_name = "K")]
    pub seed: Option<u64>,
    /// Tell it as a story, one line per event
    #[arg(long, requires = "seed")]
    pub trace: bool,
    /// How the engine reaches the lab
    #[arg(long, default_value_t, value_name = "RING")]
    pub ring: c8dr_storm::Ring,
    /// What kind of trouble
    #[arg(long, default_value_t, value_name = "KIND")]
    pub scenario: c8dr_storm::Scenario,
    /// Who decides what is done: c8dr; a person with the printed guide; the published scripts
    #[arg(long, default_value_t, value_name = "WHO", conflicts_with = "compare")]
    pub planner: c8dr_storm::Planner,
    /// Give the same disasters to c8dr, to the guide and to the scripts, and compare
    #[arg(long, conflicts_with_all = ["seed", "ring"])]
    pub compare: bool,
    /// Live through nothing, and print how true the lab is to a recorded Zeebe
    #[arg(long, conflicts_with_all = ["compare", "planner", "planted", "ring", "scenario", "seed"])]
    pub fidelity: bool,
    /// Brokers of both regions together [default: drawn, 4 to 8]
    #[arg(long, value_name = "N")]
    pub brokers: Option<u32>,
    /// Partitions [default: drawn, 4 to 8]
    #[arg(long, value_name = "N")]
    pub partitions: Option<u32>,
    /// Leave out of each disaster its faults by number, and cut, old-disks, bucket, typed, second-operator, late-approval
    #[arg(long, default_value_t, hide_default_value = true, value_name = "PARTS")]
    pub without: c8dr_storm::Without,
    /// Plant a known mistake of others, or one after the other all, and see it caught; in a build with the feature `planted`
    #[arg(long, value_name = "MISTAKE|all")]
    pub planted: Option<String>,
}

/// What a lab is made of.
#[derive(Clone, Debug, clap::Args)]
pub struct World {
    /// Brokers of both regions together
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub brokers: u32,
    /// Partitions
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub partitions: u32,
    /// What all chance is drawn from
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,
    /// How many times faster than the wall its clock runs
    #[arg(long, default_value_t = 1.0, value_name = "X")]
    pub speed: f64,
}

/// `values`
#[derive(Debug, clap::Args)]
pub struct Values {
    /// Check files instead, in the order in which helm gets them [default: those of the configuration]
    #[arg(long, value_name = "FILE", num_args = 0.., conflicts_with = "write")]
    pub check: Option<Vec<PathBuf>>,
    /// The region that the checked files are for [default: the one that they name]
    #[arg(long, value_name = "REGION", requires = "check")]
    pub region: Option<String>,
    /// Write the files into this folder; none is written over
    #[arg(long, value_name = "DIR")]
    pub write: Option<PathBuf>,
    /// The chart's version [default: that of the configuration]
    #[arg(long, value_name = "VERSION")]
    pub chart_version: Option<String>,
}

/// `release …`
#[derive(Debug, Subcommand)]
pub enum ReleaseCommand {
    /// How they stand, and what bringing them up to date would change
    #[command(after_help = "Example:\n  c8dr release show --output json")]
    Show,
    /// Go back to an earlier revision: the way out of a release that is stuck
    #[command(
        after_help = "Examples:\n  c8dr release rollback --region london\n  c8dr release rollback --region london --to 7"
    )]
    Rollback(Rollback),
}

/// `release rollback`
#[derive(Debug, clap::Args)]
pub struct Rollback {
    /// The region
    #[arg(long, value_name = "REGION")]
    pub region: String,
    /// The revision [default: the last one that was whole]
    #[arg(long, value_name = "REVISION")]
    pub to: Option<u32>,
    /// Do it even if it restarts brokers, for this reason
    #[arg(long, value_name = "REASON")]
    pub accept_broker_restart: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

/// `status`
#[derive(Debug, clap::Args)]
pub struct Status {
    /// Look again every second, until interrupted
    #[arg(long, short)]
    pub watch: bool,
}

/// `ready`
#[derive(Debug, clap::Args)]
pub struct Ready {
    /// Try also what only writing proves: 64 writers put one object into the bucket at once, and both searches register the
    /// repository under a name of its own; all of it is taken away again
    #[arg(long)]
    pub probe: bool,
}

/// `plan …`
#[derive(Debug, Subcommand)]
pub enum Plan {
    /// The plan of a failover
    #[command(after_help = "Example:\n  c8dr plan failover --lost paris --save failover-paris.plan.json")]
    Failover {
        #[command(flatten)]
        #[expect(missing_docs, reason = "flattened: its own fields are documented")]
        lost: Lost,
        /// Also save it in this file, for `c8dr apply`
        #[arg(long, value_name = "FILE")]
        save: Option<PathBuf>,
    },
    /// The plan of a failback
    #[command(
        after_help = "Example:\n  c8dr plan failback --returning paris --save failback-paris.plan.json"
    )]
    Failback {
        #[command(flatten)]
        #[expect(missing_docs, reason = "flattened: its own fields are documented")]
        returning: Returning,
        /// Also save it in this file, for `c8dr apply`
        #[arg(long, value_name = "FILE")]
        save: Option<PathBuf>,
    },
}

/// `runbook …`
#[derive(Debug, Subcommand)]
pub enum Runbook {
    /// The page for the loss of a region
    #[command(after_help = "Example:\n  c8dr runbook failover --lost paris > failover-paris.md")]
    Failover {
        /// The lost region, by its whole name
        #[arg(long, value_name = "REGION")]
        lost: String,
    },
    /// The page for the return of a region
    #[command(after_help = "Example:\n  c8dr runbook failback --returning paris > failback-paris.md")]
    Failback {
        /// The returning region, by its whole name
        #[arg(long, value_name = "REGION")]
        returning: String,
    },
}

/// Which region is lost, and what is accepted.
#[derive(Clone, Debug, clap::Args)]
pub struct Lost {
    /// The lost region, by its whole name
    #[arg(long, value_name = "REGION")]
    pub lost: String,
    /// Go on although the region is not proven lost, for this reason (recorded)
    #[arg(long, value_name = "REASON", value_parser = usage::reason)]
    pub accept_unfenced: Option<String>,
    /// Go on without brokers of the surviving region that are down, or against the direction record, for this reason (recorded)
    #[arg(long, value_name = "REASON", value_parser = usage::reason)]
    pub accept_data_loss: Option<String>,
    /// Go on although the direction record outside this machine cannot be written, for this reason (recorded)
    #[arg(long, value_name = "REASON", value_parser = usage::reason)]
    pub accept_unrecorded: Option<String>,
    /// Afterwards give each partition a third replica in the surviving region, so that one more broker may be lost
    #[arg(long)]
    pub reinforce: bool,
    /// With `--reinforce`: go on although nobody can say how full the disks are, for this reason (recorded)
    #[arg(long, value_name = "REASON", value_parser = usage::reason)]
    pub accept_unknown_disks: Option<String>,
}

/// Which region returns, and what is accepted.
#[derive(Clone, Debug, clap::Args)]
pub struct Returning {
    /// The returning region, by its whole name
    #[arg(long, value_name = "REGION")]
    pub returning: String,
    /// Take over a pause of exporting that this run did not begin, for this reason (recorded)
    #[arg(long, value_name = "REASON", value_parser = usage::reason)]
    pub adopt_pause: Option<String>,
}

/// `fence`
#[derive(Debug, clap::Args)]
pub struct Fence {
    /// The lost region, by its whole name
    #[arg(long, value_name = "REGION")]
    pub lost: String,
    /// Cut it off by a network policy, in place of scaling it to zero
    #[arg(long)]
    pub network_policy: bool,
    /// Go on although the region seems to serve, for this reason
    #[arg(long, value_name = "REASON", value_parser = usage::reason)]
    pub accept_serving: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened: its own fields are documented")]
    pub consent: Asked,
}

/// `clean`
#[derive(Debug, clap::Args)]
pub struct Clean {
    /// The returning region, by its whole name
    #[arg(long, value_name = "REGION")]
    pub returning: String,
    /// Delete this one for good: `pvc/NAME`, `pv/NAME` or `release/NAME`, as it is listed; once for each
    #[arg(long, value_name = "KIND/NAME")]
    pub delete: Vec<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened: its own fields are documented")]
    pub consent: Asked,
}

/// `unstick`
#[derive(Debug, clap::Args)]
pub struct Unstick {
    /// The region, by its whole name
    #[arg(long, value_name = "REGION")]
    pub region: String,
    /// Delete no more pods than this [default: each that hangs, once: as many as the region has brokers]
    #[arg(long, value_name = "N")]
    pub at_most: Option<usize>,
    /// For how long a broker must not have been ready before it hangs, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = hanging::PATIENCE.as_secs())]
    pub after: u64,
    /// How long a pod that was made anew may take to be a part of the cluster, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub wait: u64,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened: its own fields are documented")]
    pub consent: Asked,
}

/// Consent to something that is no run.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Asked {
    /// Only print what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `failback`
#[derive(Debug, clap::Args)]
pub struct Failback {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened: its own fields are documented")]
    pub returning: Returning,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened: its own fields are documented")]
    pub consent: Consent,
}

/// How a change is agreed to.
#[derive(Clone, Debug, clap::Args)]
pub struct Consent {
    /// Only print what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", value_parser = usage::reason)]
    pub reason: Option<String>,
}

/// `failover`
#[derive(Debug, clap::Args)]
pub struct Failover {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened: its own fields are documented")]
    pub lost: Lost,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened: its own fields are documented")]
    pub consent: Consent,
}

/// `apply`
#[derive(Debug, clap::Args)]
pub struct Apply {
    /// The saved plan; `-` reads it from the standard input
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened: its own fields are documented")]
    pub consent: Consent,
}

/// `init`
#[derive(Debug, clap::Args)]
pub struct Init {
    /// Read the variables of Camunda's dual-region guide from the environment
    #[arg(long)]
    pub from_env: bool,
    /// Look at both clusters through kubectl's contexts
    #[arg(long, conflicts_with_all = ["from_env", "cluster_size", "partition_count"], requires = "context")]
    pub discover: bool,
    /// A context of the kubeconfig; once for each region
    #[arg(long, value_name = "CONTEXT", requires = "discover")]
    pub context: Vec<String>,
    /// The namespace of the installation, in both contexts or in the one that is named
    #[arg(long, value_name = "[CONTEXT=]NAMESPACE", requires = "discover")]
    pub namespace: Vec<String>,
    /// The release of the installation
    #[arg(
        long,
        default_value = "camunda",
        value_name = "RELEASE",
        requires = "discover"
    )]
    pub release: String,
    /// The kubeconfig, if it is not where kubectl looks for it
    #[arg(long, value_name = "FILE", requires = "discover")]
    pub kubeconfig: Option<PathBuf>,
    /// Where to write it; a file that exists is never overwritten
    #[arg(long, default_value = "c8dr.yaml", value_name = "FILE")]
    pub write: PathBuf,
    /// Brokers of both regions together: `clusterSize` of the Helm values, 8 in those of the guide
    #[arg(long, default_value_t = 8, value_name = "N")]
    pub cluster_size: u32,
    /// Partitions: `partitionCount` of the Helm values, 8 in those of the guide
    #[arg(long, default_value_t = 8, value_name = "N")]
    pub partition_count: u32,
}

/// `config …`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Read the configuration, its secrets and certificates; send nothing
    #[command(after_help = "Examples:\n  c8dr config check\n  c8dr config check --config c8dr.yaml")]
    Check,
    /// Every value, and where it came from: a line of the file, a default, a secret's variable or file
    #[command(after_help = "Examples:\n  c8dr config show\n  c8dr config show --output json")]
    Show,
    /// The JSON schema of the configuration, for editors and checks
    #[command(after_help = "Example:\n  c8dr config schema > c8dr.schema.json")]
    Schema,
}

/// `run …`
#[derive(Debug, Subcommand)]
pub enum RunCommand {
    /// All runs of this machine
    #[command(after_help = "Examples:\n  c8dr run list\n  c8dr run list --output json")]
    List,
    /// One run: its steps, times and answers
    #[command(after_help = "Examples:\n  c8dr run show\n  c8dr run show RUN --output json")]
    Show {
        /// The run [default: the newest]
        run: Option<String>,
    },
    /// Go on with a run that was interrupted
    #[command(
        after_help = "Examples:\n  c8dr run resume\n  c8dr run resume --from-record     on another machine, with the same configuration"
    )]
    Resume {
        /// The run [default: the newest unfinished]
        run: Option<String>,
        /// Take it from its record in the bucket: it was begun on another machine
        #[arg(long)]
        from_record: bool,
    },
    /// Give a run up. A failover's deeds stay done; a failback goes back to one region, with nothing left paused
    #[command(after_help = "Example:\n  c8dr run abort --reason \"INC-4711: the region is gone again\"")]
    Abort {
        /// The run [default: the newest unfinished]
        run: Option<String>,
        /// Why, for the journal
        #[arg(long, value_name = "TEXT", value_parser = usage::reason)]
        reason: String,
    },
    /// Check a journal offline: its hashes, its order, its plan
    #[command(after_help = "Examples:\n  c8dr run verify\n  c8dr run verify RUN --output json")]
    Verify {
        /// The run [default: the newest]
        run: Option<String>,
    },
}
