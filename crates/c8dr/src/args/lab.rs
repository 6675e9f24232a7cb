//! `c8dr lab` and its verbs.

use clap::{Subcommand, ValueEnum};

use super::World;

/// Where a lab's ports are, and what stands in for parts of it.
#[derive(Debug, clap::Args)]
pub struct Place {
    /// Broker I listens on 127.0.N.(10+I), on the ports of a real one; otherwise all listen where there is room
    #[arg(long, value_name = "N")]
    pub network: Option<u8>,
    /// The names of the regions
    #[arg(long, value_name = "NAME", num_args = 2, default_values_t = ["region0".to_owned(), "region1".to_owned()])]
    pub regions: Vec<String>,
    /// Real searches that the exporters write to, instead of the lab's own: the first region's, the second's
    #[arg(long, value_name = "HOST:PORT", num_args = 2)]
    pub searches: Vec<std::net::SocketAddr>,
}

/// `lab …`
#[derive(Debug, Subcommand)]
pub enum Lab {
    /// Start a lab in the background, and write its configuration
    #[command(after_help = "Examples:\n  c8dr lab up\n  c8dr lab up --brokers 8 --partitions 8 --speed 5")]
    Up {
        #[command(flatten)]
        #[expect(missing_docs, reason = "flattened: its own fields are documented")]
        world: World,
        #[command(flatten)]
        #[expect(missing_docs, reason = "flattened: its own fields are documented")]
        place: Place,
        /// Stay in the foreground
        #[arg(long)]
        foreground: bool,
    },
    /// Break something
    #[command(
        after_help = "Examples:\n  c8dr lab break region1        kill the brokers and the search of a region\n  c8dr lab break broker:2       kill one broker\n  c8dr lab break link           cut the link between the regions"
    )]
    Break {
        /// A region's name, `broker:ID`, or `link`
        what: String,
    },
    /// Bring something back
    #[command(
        after_help = "Examples:\n  c8dr lab heal region1             with its old disks\n  c8dr lab heal region1 --bare      a new platform with nothing on it\n  c8dr lab heal region1 --empty     rebuilt from nothing\n  c8dr lab heal broker:2\n  c8dr lab heal link"
    )]
    Heal {
        /// A region's name, `broker:ID`, or `link`
        what: String,
        /// With empty disks: rebuilt and running, without Operate and Tasklist
        #[arg(long)]
        empty: bool,
        /// As a new platform with nothing on it: what `failback` installs into
        #[arg(long, conflicts_with = "empty")]
        bare: bool,
    },
    /// What the lab really is like, behind what its interfaces say
    #[command(after_help = "Example:\n  c8dr lab status --output json")]
    Status,
    /// What helm, kubectl and a cloud's console would do to the lab
    #[command(
        after_help = "Examples:\n  c8dr lab ctl pods --region region1\n  c8dr lab ctl scale --region region1 --deployment operate --replicas 0"
    )]
    Ctl {
        /// The control port [default: that of the running lab]
        #[arg(long, value_name = "HOST:PORT")]
        control: Option<String>,
        #[command(subcommand)]
        #[expect(missing_docs, reason = "a subcommand: its own variants are documented")]
        verb: Ctl,
    },
    /// Stop the lab
    #[command(after_help = "Example:\n  c8dr lab down")]
    Down,
}

/// `lab ctl …`
#[derive(Debug, Subcommand)]
pub enum Ctl {
    /// `helm upgrade --install`
    #[command(after_help = "Example:\n  c8dr lab ctl install --region region1 --webapps off")]
    Install {
        /// The region
        #[arg(long)]
        region: String,
        /// Operate and Tasklist
        #[arg(long, value_enum, default_value_t = Switch::On)]
        webapps: Switch,
    },
    /// `helm uninstall`: all processes end, the volumes stay
    #[command(after_help = "Example:\n  c8dr lab ctl uninstall --region region1")]
    Uninstall {
        /// The region
        #[arg(long)]
        region: String,
    },
    /// `kubectl delete pvc`
    #[command(after_help = "Example:\n  c8dr lab ctl delete-volumes --region region1")]
    DeleteVolumes {
        /// The region
        #[arg(long)]
        region: String,
    },
    /// `kubectl scale deployment`
    #[command(
        after_help = "Example:\n  c8dr lab ctl scale --region region1 --deployment operate --replicas 0"
    )]
    Scale {
        /// The region
        #[arg(long)]
        region: String,
        /// The deployment: operate or tasklist
        #[arg(long)]
        deployment: String,
        /// How many pods
        #[arg(long)]
        replicas: u32,
    },
    /// `kubectl get pods -o json`
    #[command(after_help = "Example:\n  c8dr lab ctl pods --region region1")]
    Pods {
        /// The region
        #[arg(long)]
        region: String,
    },
    /// `kubectl get pvc -o json`
    #[command(after_help = "Example:\n  c8dr lab ctl volumes --region region1")]
    Volumes {
        /// The region
        #[arg(long)]
        region: String,
    },
    /// `helm list` of both regions
    #[command(after_help = "Example:\n  c8dr lab ctl releases")]
    Releases,
    /// Where the clients' name points; with arguments it is pointed there first, past everybody
    #[command(
        after_help = "Examples:\n  c8dr lab ctl names\n  c8dr lab ctl names --to region0\n  c8dr lab ctl names --server hangs"
    )]
    Names {
        /// A region that it is to point to; twice for both
        #[arg(long, value_name = "REGION")]
        to: Vec<String>,
        /// A target that belongs to neither region, beside those
        #[arg(long, value_name = "TARGET")]
        strange: Option<String>,
        /// What its server does with changes from now on
        #[arg(long, value_enum)]
        server: Option<NameServer>,
    },
}

/// What a name server does with the changes that are asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NameServer {
    /// It carries them out.
    Works,
    /// It refuses them.
    Refused,
    /// It takes them, and does not carry them out.
    Ignored,
    /// It neither answers nor changes anything.
    Hangs,
    /// It carries them out, and does not answer.
    Unanswered,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}
