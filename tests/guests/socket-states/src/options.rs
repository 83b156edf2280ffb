//! Options: what they are at first, what they can be set to, and who inherits them.

use wasip3::sockets::types::{IpAddressFamily, TcpSocket};

use crate::{closed_address, listening, pair, socket, told};

fn shown(name: &str, socket: &TcpSocket) {
    told(&format!("{name} keep alive"), socket.get_keep_alive_enabled());
    told(&format!("{name} idle time"), socket.get_keep_alive_idle_time());
    told(&format!("{name} interval"), socket.get_keep_alive_interval());
    told(&format!("{name} count"), socket.get_keep_alive_count());
    told(&format!("{name} hop limit"), socket.get_hop_limit());
    told(&format!("{name} receive buffer"), socket.get_receive_buffer_size());
    told(&format!("{name} send buffer"), socket.get_send_buffer_size());
}

/// Sets each to nothing, to the least, to something, and to the most.
fn set(name: &str, socket: &TcpSocket) {
    for value in [0, 1, 7_000_000_000, u64::MAX] {
        told(&format!("{name} idle time {value}"), socket.set_keep_alive_idle_time(value));
        told(&format!("{name} idle time after {value}"), socket.get_keep_alive_idle_time());
        told(&format!("{name} interval {value}"), socket.set_keep_alive_interval(value));
        told(&format!("{name} interval after {value}"), socket.get_keep_alive_interval());
        told(&format!("{name} keep alive after {value}"), socket.get_keep_alive_enabled());
    }
    for value in [0, 1, 5, u32::MAX] {
        told(&format!("{name} count {value}"), socket.set_keep_alive_count(value));
        told(&format!("{name} count after {value}"), socket.get_keep_alive_count());
    }
    for value in [0, 1, 42, u8::MAX] {
        told(&format!("{name} hop limit {value}"), socket.set_hop_limit(value));
        told(&format!("{name} hop limit after {value}"), socket.get_hop_limit());
    }
    for value in [0, 1, 20_000, u64::MAX] {
        told(&format!("{name} receive buffer {value}"), socket.set_receive_buffer_size(value));
        told(&format!("{name} receive buffer after {value}"), socket.get_receive_buffer_size());
        told(&format!("{name} send buffer {value}"), socket.set_send_buffer_size(value));
        told(&format!("{name} send buffer after {value}"), socket.get_send_buffer_size());
    }
    told(&format!("{name} keep alive on"), socket.set_keep_alive_enabled(true));
    told(&format!("{name} keep alive is on"), socket.get_keep_alive_enabled());
    told(&format!("{name} keep alive off"), socket.set_keep_alive_enabled(false));
    told(&format!("{name} keep alive is off"), socket.get_keep_alive_enabled());
}

pub(crate) async fn run(family: IpAddressFamily) {
    let fresh = socket(family);
    shown("fresh", &fresh);
    set("fresh", &fresh);

    let refused = socket(family);
    told("refused", refused.connect(closed_address(family)).await);
    shown("refused", &refused);
    set("refused", &refused);

    let (listener, mut accepted, address) = listening(family);
    set("listener", &listener);
    told("keep alive", listener.set_keep_alive_enabled(true));
    told("idle time", listener.set_keep_alive_idle_time(9_000_000_000));
    told("hop limit", listener.set_hop_limit(43));
    told("receive buffer", listener.set_receive_buffer_size(30_000));
    told("send buffer", listener.set_send_buffer_size(40_000));
    let client = socket(family);
    told("connect", client.connect(address).await);
    let inherited = accepted.next().await.expect("it is connected");
    shown("accepted", &inherited);

    let (client, server) = pair(family).await;
    set("client", &client);
    set("server", &server);
}
