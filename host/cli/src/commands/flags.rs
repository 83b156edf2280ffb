//! The flags of every command that runs a program: what it is granted, how far it may go, and how it is served.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::Args;
use wasyncio_host::{
    ConnectGrant, DenyRule, DirectoryGrant, HostEntry, ListenGrant, Policy, PolicyFile, Result, SourceGrant, Stdio,
    TlsIdentity, TlsTrust, TlsUnverified, UnixGrant,
};

use super::Streams;
use super::cache::CacheFlags;
use super::limits::LimitFlags;
use super::service::ServiceFlags;
use crate::records::RecordFlags;

#[derive(Debug, Args)]
pub(super) struct Flags {
    /// Let the program listen on HOST:PORT; may be repeated
    ///
    /// HOST is an IP address or a network such as 10.0.0.0/8 (IPv6 in brackets), a host name, or * for any address.
    /// PORT is a number, 0 for a port that the system picks, a range such as 8000-8100, or * for any. A name is resolved
    /// once, as the program is loaded; it must not be every interface.
    #[arg(long, value_name = "HOST:PORT")]
    allow_listen: Vec<ListenGrant>,

    /// Let the program connect to HOST:PORT; may be repeated
    ///
    /// HOST is an IP address or a network such as 10.0.0.0/8 (IPv6 in brackets), a host name, *.DOMAIN for all names
    /// below a domain, a class (public: the internet, private: your networks, loopback), or * for any host. PORT is a
    /// number, a range such as 8000-8100, or * for any. A name also lets the program look it up, and then connect to the
    /// addresses that it was given, for --max-answer-age. Of these only public ones that are not this machine's, so that
    /// no domain's owner can direct it into your network: grant others by address, or use --resolve.
    #[arg(long, value_name = "HOST:PORT")]
    allow_connect: Vec<ConnectGrant>,

    /// Let the program choose ADDRESS, of this machine, to connect from; may be repeated
    ///
    /// ADDRESS is an IP address, a network such as 10.0.0.0/8, a host name, or * for any. Without this the system chooses
    /// the address. The port is always of the system's choice.
    #[arg(long, value_name = "ADDRESS")]
    allow_source: Vec<SourceGrant>,

    /// Deny HOST:PORT whatever is allowed; may be repeated
    ///
    /// HOST and PORT are as in --allow-connect. The program cannot connect there, and cannot listen on such an address of
    /// this machine, nor on every interface if one has such an address; classes are about connecting alone. A name has
    /// the port *: it cannot be looked up, and what it resolves to as the program is loaded cannot be connected to.
    #[arg(long, value_name = "HOST:PORT")]
    deny: Vec<DenyRule>,

    /// Let the host name NAME stand for these addresses, without asking a resolver; may be repeated
    ///
    /// This grants nothing by itself: the program may use the name if --allow-connect or --allow-listen has it. The
    /// addresses may be private ones.
    #[arg(long, value_name = "NAME=IP[,IP...]")]
    resolve: Vec<HostEntry>,

    /// Let the program read the directory HOST, under the name GUEST; with :rw also write; may be repeated
    #[arg(long, value_name = "HOST[::GUEST][:rw]")]
    dir: Vec<DirectoryGrant>,

    /// Let the program connect to the Unix socket at PATH; may be repeated
    ///
    /// PATH is a path, FOLDER/* for every name in a folder, or @NAME for an abstract name. What the program asks for is
    /// judged by where it leads, links resolved. Such sockets are there on Linux alone.
    #[arg(long, value_name = "PATH")]
    allow_unix: Vec<UnixGrant>,

    /// Let the program listen on a Unix socket at PATH; may be repeated
    ///
    /// PATH is as in --allow-unix. The program makes the socket there, replaces one that is there, and removes its own in
    /// the end; no other file is ever removed.
    #[arg(long, value_name = "PATH")]
    allow_unix_listen: Vec<UnixGrant>,

    /// Set an environment variable of the program, or hand on this command's; may be repeated
    ///
    /// The program sees no others.
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = variable)]
    pub(super) env: Vec<(String, String)>,

    /// Let the program also use TCP sockets of WASI 0.2, where the grants above let it listen and connect
    ///
    /// No limit of connections holds for them, no worker shares them, and no grace period waits for them: this cannot be
    /// combined with --workers, --grace, and limits of connections such as --max-connections.
    #[arg(long)]
    allow_wasi02_sockets: bool,

    /// Let the program prove the identity NAME by TLS, as a server or to one; may be repeated
    ///
    /// CERT.pem has the certificate, and those that lead to an authority. KEY.pem has its key, which no other user may be able to
    /// read; the program never has it. At SIGHUP both are loaded again, for sessions to come.
    #[arg(long, value_name = "NAME=CERT.pem,KEY.pem")]
    tls_identity: Vec<TlsIdentity>,

    /// Let the program have its peers be certified by the authorities in CA.pem, under the name NAME; may be repeated
    ///
    /// It may use those of the system in any case.
    #[arg(long, value_name = "NAME=CA.pem")]
    tls_trust: Vec<TlsTrust>,

    /// Have everybody who connects by TLS show a certificate of the authorities NAME, of --tls-trust
    #[arg(long, value_name = "NAME")]
    tls_require_client: Option<String>,

    /// Let the program use TLS to the server NAME without verifying its certificate, or that it is of that name; may be
    /// repeated
    ///
    /// NAME is what the program calls the server, or * for any.
    #[arg(long, value_name = "NAME")]
    tls_unverified: Vec<TlsUnverified>,

    /// Give the program only these of the standard streams: a list of in, out and err, or none [default: in,out,err]
    #[arg(long, value_name = "LIST")]
    stdio: Option<Stdio>,

    /// Take grants, environment, arguments and limits from a TOML file, to which the flags add
    ///
    /// Its keys are listen, connect, source, deny, resolve, dir, unix, unix-listen, args, stdio, wasi02-sockets, tls-identity,
    /// tls-trust, tls-require-client, tls-unverified, the table env, and the table limits, whose keys are named as the flags
    /// below: max-memory, max-connections, ...
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,

    /// Let each call of the program use so much of a stack [default: 512KiB; of an interpreter of Python 64MiB]
    ///
    /// SIZE is a number with a unit, such as 16MiB. A program that recurses deeper traps. CPython reaches its own limit of
    /// recursion first with 64MiB. What is used comes on top of --max-memory, for every call that waits in the middle. The policy
    /// file has no word for it.
    #[arg(long, value_name = "SIZE", value_parser = stack)]
    pub(super) max_stack: Option<usize>,

    #[command(flatten)]
    pub(super) streams: Streams,

    /// Run the program also if it is compiled code, of `wasyncio compile`
    ///
    /// Compiled code is native code: no grant and no limit holds what it does. Without this flag it is refused.
    #[arg(long, help_heading = "Compiled code")]
    pub(super) allow_precompiled: bool,

    #[command(flatten)]
    pub(super) cache: CacheFlags,

    #[command(flatten)]
    pub(super) limits: LimitFlags,

    #[command(flatten)]
    pub(super) service: ServiceFlags,

    #[command(flatten)]
    pub(super) records: RecordFlags,
}

impl Flags {
    /// The policy file, with the grants of the flags. Files of TLS are loaded, also again.
    pub(super) fn policy_file(&self) -> Result<PolicyFile> {
        let mut file = self.policy.as_ref().map(PolicyFile::read).transpose()?.unwrap_or_default();
        let policy = self.allow_listen.iter().cloned().fold(file.policy, Policy::allow_listen);
        let policy = self.allow_connect.iter().cloned().fold(policy, Policy::allow_connect);
        let policy = self.allow_source.iter().cloned().fold(policy, Policy::allow_source);
        let policy = self.deny.iter().cloned().fold(policy, Policy::deny);
        let policy = self.resolve.iter().cloned().fold(policy, Policy::resolve);
        let policy = self.dir.iter().cloned().fold(policy, Policy::allow_directory);
        let policy = self.tls_identity.iter().cloned().fold(policy, Policy::allow_tls_identity);
        let policy = self.tls_trust.iter().cloned().fold(policy, Policy::allow_tls_trust);
        let policy = self.tls_require_client.iter().cloned().fold(policy, Policy::require_tls_client);
        let policy = self.tls_unverified.iter().cloned().fold(policy, Policy::allow_tls_unverified);
        let policy = policy.load_tls()?;
        let policy = self.allow_unix.iter().cloned().fold(policy, Policy::allow_unix);
        let policy = self.allow_unix_listen.iter().cloned().fold(policy, Policy::allow_unix_listen);
        file.policy = if self.allow_wasi02_sockets { policy.allow_wasi02_sockets() } else { policy };
        Ok(file)
    }

    /// The first flag that does not go together with sockets of WASI 0.2, and why.
    pub(super) fn wasi02_conflict(&self, file: &PolicyFile) -> Option<String> {
        if !file.policy.has_wasi02_sockets() {
            return None;
        }
        if self.service.several() {
            return Some("--workers, which share listening sockets of WASI 0.3 alone".to_owned());
        }
        if !self.service.grace().is_zero() {
            return Some("--grace, which waits for connections of WASI 0.3 alone".to_owned());
        }
        let limits = file.limits.overridden_by(self.limits.0);
        let limit = limits.first_of_connections()?;
        Some(format!("--{}, which holds for connections of WASI 0.3 alone", limit.name))
    }

    pub(super) fn stdio(&self, file: &PolicyFile) -> Stdio {
        self.stdio.or(file.stdio).unwrap_or(Stdio::ALL)
    }
}

/// `NAME=VALUE`, or `NAME` for the value that this command has itself.
/// The sizes that a stack may have: less would not do for any program, and more is no limit.
const STACKS: RangeInclusive<u64> = 64 << 10..=1 << 30;

fn stack(text: &str) -> std::result::Result<usize, String> {
    let size = text.parse::<bytesize::ByteSize>()?.as_u64();
    let size = Some(size).filter(|size| STACKS.contains(size)).and_then(|size| usize::try_from(size).ok());
    size.ok_or_else(|| "it is a size from 64KiB to 1GiB".to_owned())
}

fn variable(text: &str) -> std::result::Result<(String, String), String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, value.to_owned()),
        None => match std::env::var(text) {
            Ok(value) => (text, value),
            Err(error) => return Err(format!("this command has no such variable ({error}): write NAME=VALUE")),
        },
    };
    if name.is_empty() { Err("write NAME=VALUE".to_owned()) } else { Ok((name.to_owned(), value)) }
}
