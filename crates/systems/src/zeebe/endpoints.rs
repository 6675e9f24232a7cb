//! Where a cluster's endpoints are, who may use them, and how long they may take.

use std::collections::BTreeMap;
use std::time::Duration;

use c8dr_domain::ids::{BrokerId, GatewayName, RegionId};

use crate::auth::Auth;
use crate::base_url::BaseUrl;
use crate::dial::TlsOptions;

/// The endpoints of one Zeebe cluster.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// The gateways, by the name that the configuration gives them.
    pub gateways: BTreeMap<GatewayName, GatewayEndpoints>,
    /// Each broker's own management endpoint.
    pub brokers: BTreeMap<BrokerId, BaseUrl>,
    /// Who we are, by kind of endpoint.
    pub credentials: Credentials,
    /// Whom to trust. Only read if there is an `https` URL.
    pub tls: TlsOptions,
    /// How long calls may take.
    pub limits: Limits,
}

/// One gateway's endpoints. What is not given is not asked.
#[derive(Clone, Debug)]
pub struct GatewayEndpoints {
    /// The region in which the gateway stands.
    pub region: RegionId,
    /// `/v2`, usually port 8080.
    pub rest: Option<BaseUrl>,
    /// `/actuator`, usually port 9600.
    pub management: Option<BaseUrl>,
    /// gRPC, usually port 26500.
    pub grpc: Option<BaseUrl>,
}

/// The credentials of each kind of endpoint.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// For `/v2`.
    pub rest: Auth,
    /// For `/actuator`, of gateways and brokers.
    pub management: Auth,
    /// For gRPC.
    pub grpc: Auth,
}

/// How long calls may take, and how much they may bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a connection, TLS included. The regions are at most 100 ms apart, so a second is ten round trips, while a
    /// lost region, which swallows packets, must not hold up a look for longer.
    pub connect: Duration,
    /// For `/actuator/partitions`. A survivor hangs there while its leaders step down; with a longer limit the moment
    /// when the last has stepped down is seen seconds late. `spec: baseline.md` (What to learn, 4)
    pub partitions: Duration,
    /// For `/actuator/prometheus`: half a megabyte, from a broker that answers slowly while a bulk is on its way to a
    /// slow search (up to 1.6 s were recorded). `spec: edge-cases.md E1`
    pub metrics: Duration,
    /// For all other reads. A healthy server answers them in tens of milliseconds; those that go to a lost
    /// coordinator take up to ten seconds to fail, and need not be waited for, as they are asked again anyway.
    pub read: Duration,
    /// For whatever changes something. The server itself gives up on its coordinator after 10 s (`spec: api.md §2.1`);
    /// two more, so that its own 504 is heard rather than our silence.
    pub change: Duration,
    /// The longest body. A 24-partition configuration has some 100 kB; far beyond that it is not meant for us.
    pub body_bytes_max: usize,
}

impl Limits {
    /// Limits for a network that is slower or quicker than usual: `connect` for a connection, `answer` for a usual read. The
    /// other reads stay in proportion. What changes something keeps its time at least, as the server's own 504 sets that.
    pub fn paced(connect: Duration, answer: Duration) -> Self {
        let usual = Limits::default();
        let pace = answer.as_secs_f64() / usual.read.as_secs_f64();
        Limits {
            connect,
            partitions: usual.partitions.mul_f64(pace),
            metrics: usual.metrics.mul_f64(pace),
            read: answer,
            change: usual.change.max(answer),
            body_bytes_max: usual.body_bytes_max,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connect: Duration::from_secs(1),
            partitions: Duration::from_millis(400),
            metrics: Duration::from_secs(3),
            read: Duration::from_secs(2),
            change: Duration::from_secs(12),
            body_bytes_max: 16 * 1024 * 1024,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_pace_is_the_default_and_changes_are_never_cut_short() {
        let usual = Limits::default();
        assert_eq!(Limits::paced(usual.connect, usual.read), usual);
        let hasty = Limits::paced(usual.connect, usual.read / 4);
        assert_eq!(hasty.partitions, usual.partitions / 4);
        assert_eq!(hasty.change, usual.change);
    }
}
