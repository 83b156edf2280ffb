//! What the command says about a refusal.

use std::net::SocketAddr;

use wasyncio_host::Denial;

/// What was refused, and the flag that would allow it.
pub(super) fn denied(denial: &Denial) -> String {
    let hint = match denial {
        Denial::Listen(address) => format!("allow it with --allow-listen {address}"),
        Denial::Bind(address) if address.port() == 0 => format!(
            "allow it with --allow-listen {address}, or with --allow-source {} to connect from there",
            without_port(*address)
        ),
        Denial::Bind(address) => format!("allow it with --allow-listen {address}"),
        Denial::Source(address) => format!("allow it with --allow-source {}", without_port(*address)),
        Denial::Connect(address) => format!("allow it with --allow-connect {address}"),
        Denial::Private { name, address } => format!(
            "allow it with --allow-connect {address} or --resolve {name}={ip}",
            name = name.escape_debug(),
            ip = address.ip()
        ),
        Denial::Expired { .. } => {
            "the program has to look the name up again, or allow it longer with --max-answer-age TIME".to_owned()
        }
        Denial::Rule { .. } => "no grant allows it as long as the rule is there".to_owned(),
        Denial::Lookup(name) => format!(
            "allow it with --allow-connect {name}:PORT or, if it is a name of this machine, --allow-listen {name}:PORT",
            name = name.escape_debug()
        ),
        Denial::UnixConnect(address) => format!("allow it with --allow-unix {address}"),
        Denial::UnixListen(address) => format!("allow it with --allow-unix-listen {address}"),
        Denial::Wasi02Tcp => "allow it with --allow-wasi02-sockets".to_owned(),
        Denial::Udp => "no flag allows it, as there is nothing of UDP here".to_owned(),
        _ => return format!("denied: {denial}"),
    };
    format!("denied: {denial}; {hint}")
}

/// The address as --allow-source has it.
fn without_port(address: SocketAddr) -> String {
    let text = address.to_string();
    text.rsplit_once(':').map_or(text.clone(), |(address, _)| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_names_the_flag() {
        let denial = Denial::Listen("127.0.0.1:8888".parse().unwrap());
        assert_eq!(denied(&denial), "denied: listening on 127.0.0.1:8888; allow it with --allow-listen 127.0.0.1:8888");
        let denial = Denial::Connect("10.0.0.1:80".parse().unwrap());
        assert_eq!(denied(&denial), "denied: connecting to 10.0.0.1:80; allow it with --allow-connect 10.0.0.1:80");
    }

    #[test]
    fn a_unix_socket_is_named_as_the_flag_has_it() {
        use wasyncio_host::UnixAddress;
        let denial = Denial::UnixConnect(UnixAddress::Path("/run/x.sock".into()));
        assert_eq!(
            denied(&denial),
            "denied: connecting to the Unix socket /run/x.sock; allow it with --allow-unix /run/x.sock"
        );
        let denial = Denial::UnixListen(UnixAddress::Abstract(b"bus".to_vec()));
        assert_eq!(
            denied(&denial),
            "denied: listening on the Unix socket @bus; allow it with --allow-unix-listen @bus"
        );
    }

    #[test]
    fn a_private_answer_names_both_flags() {
        let denial = Denial::Private { name: "db.example".into(), address: "10.0.0.5:80".parse().unwrap() };
        assert_eq!(
            denied(&denial),
            "denied: connecting to 10.0.0.5:80, an address of this machine or of its private networks that db.example \
             resolves to; allow it with --allow-connect 10.0.0.5:80 or --resolve db.example=10.0.0.5"
        );
    }

    #[test]
    fn a_bound_address_may_be_for_listening_or_for_connecting() {
        let denial = Denial::Bind("[fe80::1%2]:0".parse().unwrap());
        assert_eq!(
            denied(&denial),
            "denied: binding [fe80::1%2]:0; allow it with --allow-listen [fe80::1%2]:0, or with --allow-source \
             [fe80::1%2] to connect from there"
        );
        let denial = Denial::Source("127.0.0.1:4321".parse().unwrap());
        assert_eq!(denied(&denial), "denied: connecting from 127.0.0.1:4321; allow it with --allow-source 127.0.0.1");
    }

    #[test]
    fn no_flag_is_named_against_a_rule() {
        let refused = Box::new(Denial::Connect("10.0.0.1:80".parse().unwrap()));
        let denial = Denial::Rule { refused, rule: "private:*".parse().unwrap() };
        assert_eq!(
            denied(&denial),
            "denied: connecting to 10.0.0.1:80, which the rule private:* denies; no grant allows it as long as the rule is \
             there"
        );
    }
}
