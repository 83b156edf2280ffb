//! The file of `--policy`: everything that the flags of `wasyncio run` say about a program, in TOML.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::path::Path;
use std::str::FromStr;

use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::{
    ConnectGrant, DenyRule, DirectoryGrant, Error, HostEntry, Limits, ListenGrant, Policy, Result, SourceGrant, Stdio,
    TlsIdentity, TlsTrust, TlsUnverified, UnixGrant,
};

/// What a policy file says. All parts may be missing.
///
/// # Examples
///
/// ```
/// use wasyncio_host::PolicyFile;
///
/// let file = PolicyFile::parse("policy.toml", r#"
/// listen = ["127.0.0.1:8000-8100"]
/// connect = ["*.example.com:443", "10.0.0.0/8:5432"]
/// source = ["10.0.0.5"]
/// deny = ["169.254.169.254:*"]        # whatever is granted
/// resolve = ["db.example=10.0.0.5"]
/// dir = ["/srv/www::/data"]           # add :rw to let it write
/// unix = ["/run/db.sock"]             # Unix sockets to connect to
/// unix-listen = ["/run/app/*"]        # and to listen on
/// args = ["127.0.0.1:8000"]
/// stdio = "out,err"
/// wasi02-sockets = false              # true: also TCP sockets of WASI 0.2
/// tls-identity = ["web=cert.pem,key.pem"]
/// tls-trust = ["internal=ca.pem"]
/// tls-require-client = "internal"
/// tls-unverified = ["old.example.com"]
///
/// [env]
/// MODE = "production"
///
/// [limits]
/// max-memory = "256MiB"
/// max-connections = 5000
/// max-peer-connections = 100
/// idle-timeout = "10min"
/// max-lifetime = "1day"
/// min-rate = "100B"                   # over min-rate-time = "10s"
/// max-buffer = "256KiB"
/// max-compute = "2s"
/// timeout = "1day"
/// max-descriptors = 6000
/// "#)?;
/// assert_eq!(file.arguments, ["127.0.0.1:8000"]);
/// assert_eq!(file.limits.max_connections, Some(5000));
/// assert_eq!(file.limits.max_buffer, Some(256 << 10));
///
/// let error = PolicyFile::parse("policy.toml", "listen = ['8888']").expect_err("it has no host");
/// assert!(error.to_string().starts_with("cannot use policy.toml, line 1: `8888` has no port"));
/// # Ok::<(), wasyncio_host::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyFile {
    /// Grants, rules that deny and host names: `listen`, `connect`, `source`, `deny`, `resolve`, `dir`, `unix`, `unix-listen`,
    /// `wasi02-sockets`, `tls-identity`, `tls-trust`, `tls-require-client`, `tls-unverified`. Files are not loaded yet:
    /// [`Policy::load_tls`].
    pub policy: Policy,
    /// Arguments of the program: `args`.
    pub arguments: Vec<String>,
    /// The program's environment: `env`.
    pub environment: Vec<(String, String)>,
    /// Standard streams: `stdio`.
    pub stdio: Option<Stdio>,
    /// Limits: `limits`.
    pub limits: Limits,
}

impl PolicyFile {
    /// Reads a policy file. Its directories, files and Unix sockets, if relative, are taken from the folder it is in.
    ///
    /// # Errors
    /// [`Error::Read`] if it cannot be read, [`Error::PolicyFile`] if it says something that is not understood.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read { file: file.clone(), source })?;
        Self::parse_in(path.parent().unwrap_or(Path::new("")), &file, &text)
    }

    /// Understands the text of a policy file, which messages call `name`.
    ///
    /// # Errors
    /// [`Error::PolicyFile`] with the number of the line.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        Self::parse_in(Path::new(""), name, text)
    }

    fn parse_in(folder: &Path, name: &str, text: &str) -> Result<Self> {
        let raw: Raw = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or(text);
            let line = before.matches('\n').count() + 1;
            Error::PolicyFile { file: name.to_owned(), line, reason: error.message().to_owned() }
        })?;
        let policy = raw.listen.into_iter().fold(Policy::new(), |policy, grant| policy.allow_listen(grant.0));
        let policy = raw.connect.into_iter().fold(policy, |policy, grant| policy.allow_connect(grant.0));
        let policy = raw.source.into_iter().fold(policy, |policy, grant| policy.allow_source(grant.0));
        let policy = raw.deny.into_iter().fold(policy, |policy, rule| policy.deny(rule.0));
        let policy = raw.resolve.into_iter().fold(policy, |policy, entry| policy.resolve(entry.0));
        let policy =
            raw.dir.into_iter().fold(policy, |policy, grant| policy.allow_directory(grant.0.in_folder(folder)));
        let identities = raw.tls_identity.into_iter().map(|identity| identity.0.in_folder(folder));
        let policy = identities.fold(policy, Policy::allow_tls_identity);
        let trusts = raw.tls_trust.into_iter().map(|trust| trust.0.in_folder(folder));
        let policy = trusts.fold(policy, Policy::allow_tls_trust);
        let policy = raw.tls_require_client.into_iter().fold(policy, Policy::require_tls_client);
        let policy = raw.tls_unverified.into_iter().fold(policy, |policy, grant| policy.allow_tls_unverified(grant.0));
        let policy = raw.unix.into_iter().fold(policy, |policy, grant| policy.allow_unix(grant.0.in_folder(folder)));
        let policy = raw
            .unix_listen
            .into_iter()
            .fold(policy, |policy, grant| policy.allow_unix_listen(grant.0.in_folder(folder)));
        let policy = if raw.wasi02_sockets { policy.allow_wasi02_sockets() } else { policy };
        Ok(Self {
            policy,
            arguments: raw.args,
            environment: raw.env.into_iter().collect(),
            stdio: raw.stdio.map(|stdio| stdio.0),
            limits: raw.limits.0,
        })
    }
}

/// The file as it is written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    listen: Vec<Text<ListenGrant>>,
    connect: Vec<Text<ConnectGrant>>,
    source: Vec<Text<SourceGrant>>,
    deny: Vec<Text<DenyRule>>,
    resolve: Vec<Text<HostEntry>>,
    dir: Vec<Text<DirectoryGrant>>,
    unix: Vec<Text<UnixGrant>>,
    #[serde(rename = "unix-listen")]
    unix_listen: Vec<Text<UnixGrant>>,
    args: Vec<String>,
    stdio: Option<Text<Stdio>>,
    #[serde(rename = "wasi02-sockets")]
    wasi02_sockets: bool,
    #[serde(rename = "tls-identity")]
    tls_identity: Vec<Text<TlsIdentity>>,
    #[serde(rename = "tls-trust")]
    tls_trust: Vec<Text<TlsTrust>>,
    #[serde(rename = "tls-require-client")]
    tls_require_client: Option<String>,
    #[serde(rename = "tls-unverified")]
    tls_unverified: Vec<Text<TlsUnverified>>,
    env: BTreeMap<String, String>,
    limits: RawLimits,
}

/// The table `limits`: the names are those of [`Limits::TABLE`].
#[derive(Default)]
struct RawLimits(Limits);

impl<'de> Deserialize<'de> for RawLimits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Table;

        impl<'de> Visitor<'de> for Table {
            type Value = Limits;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of limits")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Limits, A::Error> {
                let mut limits = Limits::default();
                while let Some(name) = map.next_key::<String>()? {
                    map.next_value_seed(LimitValue { limits: &mut limits, name: &name })?;
                }
                Ok(limits)
            }
        }
        deserializer.deserialize_map(Table).map(Self)
    }
}

/// The value of one limit, which is set. A mistake is told with its line, as the value is at hand.
struct LimitValue<'a> {
    limits: &'a mut Limits,
    name: &'a str,
}

impl<'de> DeserializeSeed<'de> for LimitValue<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for LimitValue<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a number")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<(), E> {
        self.limits.set(self.name, text).map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> std::result::Result<(), E> {
        self.visit_str(&number.to_string())
    }
}

/// A value in the form that the flag of the same name has.
struct Text<T>(T);

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn refusal(text: &str) -> String {
        PolicyFile::parse("p.toml", text).expect_err("it is wrong").to_string()
    }

    #[test]
    fn an_empty_file_says_nothing() {
        assert_eq!(PolicyFile::parse("p.toml", "").unwrap(), PolicyFile::default());
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let text = refusal("# comment\nlisten = []\nlissten = []\n");
        assert!(text.starts_with("cannot use p.toml, line 3: unknown field `lissten`"), "{text}");
        let text = refusal("[limits]\nmax-memory = 'much'\n");
        assert!(text.starts_with("cannot use p.toml, line 2: "), "{text}");
        let text = refusal("[limits]\n\ntimeout = '5 parsecs'\n");
        assert!(text.starts_with("cannot use p.toml, line 3: unknown time unit"), "{text}");
    }

    #[test]
    fn directories_are_taken_from_the_files_folder() {
        let file = PolicyFile::parse_in(Path::new("/etc/app"), "p.toml", "dir = ['data::/d:rw']").unwrap();
        assert_eq!(file.policy.directories()[0].host(), Path::new("/etc/app/data"));
    }

    #[test]
    fn files_of_tls_are_taken_from_the_files_folder() {
        let text =
            "tls-identity = ['web=cert.pem,/keys/key.pem']\ntls-trust = ['us=ca.pem']\ntls-require-client = 'us'";
        let file = PolicyFile::parse_in(Path::new("/etc/app"), "p.toml", text).unwrap();
        let identity = &file.policy.tls_identities()[0];
        assert_eq!(identity.certificate(), Path::new("/etc/app/cert.pem"));
        assert_eq!(identity.key(), Path::new("/keys/key.pem"));
        assert_eq!(file.policy.tls_trusts()[0].file(), Path::new("/etc/app/ca.pem"));
        assert_eq!(file.policy.tls_required_client(), Some("us"));
        let text = refusal("tls-identity = ['cert.pem']");
        assert!(text.contains("line 1: `cert.pem` is not of the form NAME=CERT.pem,KEY.pem"), "{text}");
    }

    #[test]
    fn unix_sockets_are_taken_from_the_files_folder() {
        let text = "unix = ['x.sock', '@bus']\nunix-listen = ['/run/app/*']";
        let file = PolicyFile::parse_in(Path::new("/etc/app"), "p.toml", text).unwrap();
        let shown = |grants: &[UnixGrant]| grants.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(shown(file.policy.unix_grants()), ["/etc/app/./x.sock", "@bus"]);
        assert_eq!(shown(file.policy.unix_listen_grants()), ["/run/app/*"]);
        let text = refusal("unix = ['/run/']");
        assert!(text.starts_with("cannot use p.toml, line 1: `/run/` names no socket"), "{text}");
    }

    #[test]
    fn times_and_sizes_are_as_people_write_them() {
        let file = PolicyFile::parse("p.toml", "limits = { max-memory = '1MiB', timeout = '1min 30s' }").unwrap();
        assert_eq!(file.limits.max_memory, Some(1 << 20));
        assert_eq!(file.limits.timeout, Some(Duration::from_secs(90)));
    }
}
