//! Grants that permit more than who wrote them may have thought.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::policy::Policy;
use crate::policy::endpoint::{Endpoint, Host, Port};
use crate::{ConnectGrant, ListenGrant, UnixAddress, UnixGrant};

/// Where clouds give a machine its credentials and secrets, to whoever asks from it.
const METADATA: &[&str] = &["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16"];

/// Sockets by which whoever connects commands the machine: of what runs containers, virtual machines and services.
const COMMANDING: &[&str] = &[
    "docker.sock",
    "containerd/containerd.sock",
    "podman/podman.sock",
    "crio/crio.sock",
    "libvirt/libvirt-sock",
    "systemd/private",
    "dbus/system_bus_socket",
    "snapd.socket",
];

/// Where they are.
const RUN: [&str; 2] = ["/run", "/var/run"];

/// Something about a [`Policy`] that its operator should know.
///
/// Displays as one line that says what is permitted and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Risk {
    /// A grant to connect has the host `*`: this machine and its networks too.
    ConnectAnywhere(ConnectGrant),
    /// A grant to connect has an address at which clouds give out a machine's credentials.
    Metadata {
        /// The grant.
        grant: ConnectGrant,
        /// The first such address.
        address: IpAddr,
    },
    /// A grant to listen has every port of every address.
    ListenAnywhere(ListenGrant),
    /// A grant to connect has a Unix socket by which whoever connects commands the machine.
    Commanding {
        /// The grant.
        grant: UnixGrant,
        /// The first such socket.
        path: String,
    },
}

impl Policy {
    /// What the operator should be warned of. Rules that deny the addresses of clouds' metadata quiet it.
    pub fn risks(&self) -> Vec<Risk> {
        let connect = self.connect.iter().filter_map(|grant| {
            let Endpoint { host, port } = grant.endpoint();
            // Who writes one address, or a name, means it.
            let address = match host {
                Host::Any | Host::Net(_) | Host::Class(_) => self.metadata_of(grant.endpoint())?,
                Host::Address(..) | Host::Name(_) | Host::Below(_) => return None,
            };
            Some(match (host, port) {
                (Host::Any, _) => Risk::ConnectAnywhere(grant.clone()),
                _ => Risk::Metadata { grant: grant.clone(), address },
            })
        });
        let anywhere = Endpoint { host: Host::Any, port: Port::Any };
        let listen = self.listen.iter().filter(|grant| *grant.endpoint() == anywhere).cloned();
        let commanding = self.unix_connect.iter().filter_map(commanding);
        connect.chain(listen.map(Risk::ListenAnywhere)).chain(commanding).collect()
    }

    /// An address of clouds' metadata that `granted` covers and no rule denies.
    fn metadata_of(&self, granted: &Endpoint) -> Option<IpAddr> {
        let port = match granted.port {
            Port::Any => 80,
            Port::Number(port) | Port::Range(port, _) => port,
        };
        let mut addresses = METADATA.iter().map(|address| address.parse::<IpAddr>().expect("the table is tested"));
        addresses.find(|address| {
            let address = SocketAddr::new(*address, port);
            granted.covers(address.into()) && self.denies_connect(address).is_none()
        })
    }
}

/// The risk of a grant that has a socket of [`COMMANDING`].
fn commanding(grant: &UnixGrant) -> Option<Risk> {
    let mut paths = COMMANDING.iter().flat_map(|name| RUN.map(|run| format!("{run}/{name}")));
    let path = paths.find(|path| grant.covers(&UnixAddress::Path(path.into())))?;
    Some(Risk::Commanding { grant: grant.clone(), path })
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectAnywhere(grant) => {
                let port = &grant.endpoint().port;
                write!(
                    f,
                    "the grant {grant} to connect has also this machine, its networks and, in a cloud, the credentials at \
                     {}: public:{port} has the internet alone",
                    METADATA[0]
                )
            }
            Self::Metadata { grant, address } => write!(
                f,
                "the grant {grant} to connect has also {address}, where clouds give out a machine's credentials: deny \
                 {address}:*, or grant less"
            ),
            Self::Commanding { grant, path } => write!(
                f,
                "the grant {grant} has the Unix socket {path}: whoever may connect there can do anything on this machine"
            ),
            Self::ListenAnywhere(grant) => write!(
                f,
                "the grant {grant} to listen has every port of every address: write which, such as 127.0.0.1:8888"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn risks(connect: &[&str], deny: &[&str]) -> Vec<String> {
        let policy = connect.iter().fold(Policy::new(), |policy, grant| policy.allow_connect(grant.parse().unwrap()));
        let policy = deny.iter().fold(policy, |policy, rule| policy.deny(rule.parse().unwrap()));
        policy.risks().iter().map(Risk::to_string).collect()
    }

    #[test]
    fn what_reaches_credentials_is_told() {
        for grant in ["*:*", "*:443", "*:80-90", "169.254.0.0/16:80", "private:80", "0.0.0.0/0:80", "[::]/0:80"] {
            assert_eq!(risks(&[grant], &[]).len(), 1, "{grant}");
        }
        let told = &risks(&["*:443"], &[])[0];
        assert!(told.contains("169.254.169.254: public:443 has the internet alone"), "{told}");
        let told = &risks(&["private:80"], &["169.254.169.254:*"])[0];
        assert!(told.contains("private:80 to connect has also fd00:ec2::254,"), "{told}");
    }

    #[test]
    fn what_is_meant_or_denied_is_not_told() {
        let quiet: &[&str] = &["public:443", "10.0.0.0/8:80", "169.254.169.254:80", "example.com:443", "loopback:*"];
        assert_eq!(risks(quiet, &[]), [""; 0]);
        assert_eq!(risks(&["*:*"], &["private:*"]), [""; 0]);
        assert_eq!(risks(&["*:443"], &["*:443"]), [""; 0]);
    }

    #[test]
    fn sockets_that_command_the_machine_are_told() {
        for (grant, told) in [
            ("/run/*", Some("the grant /run/* has the Unix socket /run/docker.sock")),
            ("/var/run/docker.sock", Some("the grant /var/run/docker.sock has the Unix socket /var/run/docker.sock")),
            ("/run/app/*", None),
            ("@bus", None),
        ] {
            let risks = Policy::new().allow_unix(grant.parse().unwrap()).risks();
            match told {
                Some(told) => assert!(risks[0].to_string().starts_with(told), "{risks:?}"),
                None => assert_eq!(risks, []),
            }
        }
    }

    #[test]
    fn listening_on_everything_is_told() {
        let policy = Policy::new().allow_listen("*:*".parse().unwrap()).allow_listen("*:80".parse().unwrap());
        assert_eq!(policy.risks().len(), 1);
    }
}
