//! What the tests of TLS are run with: certificates made here, programs, peers.
#![allow(dead_code, reason = "each of the test programs needs a part of it")]

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use wasyncio_python::say;
use wasyncio_tests::{Running, command, dist, finish, python, spawn};

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/oracle/tls/client.py");
const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/oracle/tls/server.py");

/// The crate `wasyncio` linked in, and `wasyncio-client` composed with `wasyncio-full.wasm`.
pub(crate) const FORMS: [&str; 2] = ["tls-linked", "tls"];

/// Certificates and keys in files, all of one authority but for `stranger` and `own`.
pub(crate) struct Files(tempfile::TempDir);

/// When a certificate holds: years from and to.
pub(crate) type Years = (i32, i32);

pub(crate) const NOW: Years = (2020, 2100);

impl Files {
    pub(crate) fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        let authority = files.authority("ca");
        let other = files.authority("other");
        files.signed("web", &["localhost", "127.0.0.1"], NOW, &authority);
        files.signed("client", &["client.example"], NOW, &authority);
        files.signed("expired", &["localhost"], (2000, 2001), &authority);
        files.signed("early", &["localhost"], (2099, 2100), &authority);
        files.signed("stranger", &["localhost"], NOW, &other);
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        files.put("own", &own.pem(), &key);
        files
    }

    pub(crate) fn authority(&self, name: &str) -> Issuer<'static, KeyPair> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, format!("authority {name}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).unwrap();
        self.put(name, &certificate.pem(), &key);
        Issuer::new(params, key)
    }

    pub(crate) fn signed(&self, name: &str, names: &[&str], (from, to): Years, issuer: &Issuer<'static, KeyPair>) {
        let key = KeyPair::generate().unwrap();
        let names = names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        // CPython 3.13 is strict.
        params.use_authority_key_identifier_extension = true;
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        self.put(name, &params.signed_by(&key, issuer).unwrap().pem(), &key);
    }

    pub(crate) fn put(&self, name: &str, certificate: &str, key: &KeyPair) {
        fs::write(self.at(&format!("{name}.pem")), certificate).unwrap();
        fs::write(self.at(&format!("{name}.key")), key.serialize_pem()).unwrap();
        fs::set_permissions(self.at(&format!("{name}.key")), fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn shown(&self, name: &str) -> String {
        self.at(name).display().to_string()
    }

    /// The flags that grant the identity `name`, under its name.
    pub(crate) fn identity(&self, name: &str) -> [String; 2] {
        let files = format!("{name}={},{}", self.shown(&format!("{name}.pem")), self.shown(&format!("{name}.key")));
        ["--tls-identity".to_owned(), files]
    }

    /// The program `form` with all that is granted here.
    pub(crate) fn program(&self, form: &str) -> Command {
        let mut program = Command::new(command());
        program.arg("run").arg(dist(&format!("tests/{form}.wasm")));
        program.args(["--allow-listen", "127.0.0.1:0", "--allow-connect", "loopback:*"]);
        program.args(["--allow-connect", "localhost:*", "--resolve", "localhost=127.0.0.1"]);
        program.args(self.identity("web")).args(self.identity("client"));
        program.args(["--tls-trust", &format!("us={}", self.shown("ca.pem"))]);
        program
    }

    /// A server of the program's, and its address.
    pub(crate) fn serve(&self, form: &str, flags: &[&str], arguments: &[&str]) -> (Running, SocketAddr) {
        let mut program = self.program(form);
        program.args(flags).arg("--").args([arguments[0], "127.0.0.1:0"]).args(&arguments[1..]);
        let mut running = spawn(&mut program);
        let address = running.address();
        (running, address)
    }

    /// What a client of the program's prints.
    pub(crate) fn client(&self, form: &str, flags: &[&str], arguments: &[&str]) -> String {
        let finished = finish(self.program(form).args(flags).arg("--").args(arguments));
        assert!(finished.status.success(), "{}{}", finished.stdout, finished.stderr);
        finished.stdout
    }

    /// CPython's server with the certificate `name`.
    pub(crate) fn python_server(&self, name: &str, options: &[&str]) -> Option<(Running, SocketAddr)> {
        let mut running = self.python_server_anywhere(name, options)?;
        let address = running.address();
        Some((running, address))
    }

    /// The same, wherever the options have it serve.
    pub(crate) fn python_server_anywhere(&self, name: &str, options: &[&str]) -> Option<Running> {
        let mut python = python()?;
        python.args(["-I", SERVER]).arg(self.at(&format!("{name}.pem"))).arg(self.at(&format!("{name}.key")));
        Some(spawn(python.arg(self.at("ca.pem")).args(options)))
    }

    /// What CPython's client prints.
    pub(crate) fn python_client(&self, address: SocketAddr, arguments: &[&str]) -> Option<String> {
        self.python_client_of(&address.port().to_string(), arguments)
    }

    /// The same of a port of this machine, or of the path of a Unix socket.
    pub(crate) fn python_client_of(&self, peer: &str, arguments: &[&str]) -> Option<String> {
        let mut python = python()?;
        python.args(["-I", CLIENT]).arg(self.at("ca.pem")).arg(peer);
        let finished = finish(python.args(arguments));
        assert!(finished.status.success(), "{}{}", finished.stdout, finished.stderr);
        Some(finished.stdout)
    }
}

/// Whether there is such a command. Prints a line if there is not.
pub(crate) fn has(name: &str) -> bool {
    let found = Command::new(name).arg("--version").output().is_ok();
    if !found {
        say(&format!("NOT RUN: there is no command {name}"));
    }
    found
}

/// CPython is served well.
pub(crate) fn is_served(files: &Files, address: SocketAddr) {
    if let Some(seen) = files.python_client(address, &["streams"]) {
        assert_eq!(seen, "b'a line\\n'\nclosed\n");
    }
}
