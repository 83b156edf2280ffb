//! What the command says about a refusal.

use wasyncio_host::Denial;

/// What was refused, and the flag that would allow it.
pub(super) fn denied(denial: &Denial) -> String {
    match denial {
        Denial::Listen(address) => {
            format!("denied: {denial}; allow it with --allow-listen {address}")
        }
        Denial::Connect(address) => {
            format!("denied: {denial}; allow it with --allow-connect {address}")
        }
        Denial::Private { name, address } => format!(
            "denied: {denial}; allow it with --allow-connect {address} or --resolve {name}={ip}",
            name = name.escape_debug(),
            ip = address.ip()
        ),
        Denial::Lookup(name) => format!(
            "denied: {denial}; allow it with --allow-connect {name}:PORT or --allow-listen {name}:PORT",
            name = name.escape_debug()
        ),
        Denial::Wasi02Tcp => format!("denied: {denial}; allow it with --allow-wasi02-sockets"),
        Denial::Udp => format!("denied: {denial}; no flag allows it, as there is nothing of UDP here"),
        _ => format!("denied: {denial}"),
    }
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
    fn a_private_answer_names_both_flags() {
        let denial = Denial::Private { name: "db.example".into(), address: "10.0.0.5:80".parse().unwrap() };
        assert_eq!(
            denied(&denial),
            "denied: connecting to 10.0.0.5:80, a private address that db.example resolves to; \
             allow it with --allow-connect 10.0.0.5:80 or --resolve db.example=10.0.0.5"
        );
    }
}
