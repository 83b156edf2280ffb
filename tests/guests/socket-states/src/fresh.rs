//! Binding, listening and connecting, in every order.

use wasip3::sockets::types::{IpAddressFamily, TcpSocket};

use crate::{V4, V6, closed_address, listening, loopback, socket, state, told, v4, v6};

/// What can be tried on a socket that is no connection, in a fixed order.
async fn everything(name: &str, socket: &TcpSocket) {
    state(name, socket);
    let (received, outcome) = socket.receive();
    told(&format!("{name} received"), received.collect().await);
    told(&format!("{name} receive"), outcome.await);
    let (mut writer, reader) = wasip3::wit_stream::new();
    let outcome = socket.send(reader);
    told(&format!("{name} not sent"), writer.write_all(b"bytes".to_vec()).await.len());
    told(&format!("{name} send"), outcome.await);
    told(&format!("{name} backlog 0"), socket.set_listen_backlog_size(0));
    told(&format!("{name} backlog 5"), socket.set_listen_backlog_size(5));
    told(&format!("{name} backlog"), socket.set_listen_backlog_size(u64::MAX));
}

pub(crate) async fn run(family: IpAddressFamily) {
    let fresh = socket(family);
    everything("fresh", &fresh).await;

    // Addresses that cannot be bound, and then one that can.
    let others = [
        v4((127, 0, 0, 1), 0),
        v6([0, 0, 0, 0, 0, 0, 0, 1], 0),
        v4((224, 0, 0, 1), 0),
        v4((255, 255, 255, 255), 0),
        v6([0xff02, 0, 0, 0, 0, 0, 0, 1], 0),
        v6([0, 0, 0, 0, 0, 0xffff, 0x7f00, 1], 0),
        v6([0, 0, 0, 0, 0, 0, 0x7f00, 1], 0),
        v4((192, 0, 2, 1), 0),
    ];
    for address in others {
        told(&format!("bind {address:?}"), socket(family).bind(address));
    }
    let bound = socket(family);
    told("bind multicast first", bound.bind(v4((224, 0, 0, 1), 0)));
    told("bind", bound.bind(loopback(family)));
    told("bind twice", bound.bind(loopback(family)));
    told("bind twice, another family", bound.bind(loopback(if family == V4 { V6 } else { V4 })));
    everything("bound", &bound).await;
    let other = socket(family);
    let address = bound.get_local_address().expect("it is bound");
    told("bind, in use", other.bind(address));
    told("bind after a failure", other.bind(loopback(family)));

    told("listen", bound.listen().map(|_| ()));
    told("listen twice", bound.listen().map(|_| ()));
    told("bind a listener", bound.bind(loopback(family)));
    told("connect a listener", bound.connect(address).await);
    everything("listener", &bound).await;
    let (_kept, _connections, address) = listening(family);
    told("bind, listened on", socket(family).bind(address));

    let unbound = socket(family);
    told("listen unbound", unbound.listen().map(|_| ()));
    state("listener that was unbound", &unbound);

    // Targets that cannot be connected to; the socket stays as it was.
    let targets = [
        v4((0, 0, 0, 0), 80),
        v6([0; 8], 80),
        v4((127, 0, 0, 1), 0),
        v6([0, 0, 0, 0, 0, 0, 0, 1], 0),
        v4((224, 0, 0, 1), 80),
        v4((255, 255, 255, 255), 80),
        v6([0xff02, 0, 0, 0, 0, 0, 0, 1], 80),
        v6([0, 0, 0, 0, 0, 0xffff, 0x7f00, 1], 80),
        v6([0, 0, 0, 0, 0, 0, 0x7f00, 1], 80),
    ];
    for target in targets {
        let client = socket(family);
        told(&format!("connect {target:?}"), client.connect(target).await);
        state("not connected", &client);
        told("bind after that", client.bind(loopback(family)));
    }

    let refused = socket(family);
    told("connect, refused", refused.connect(closed_address(family)).await);
    everything("refused", &refused).await;
    told("bind after a refusal", refused.bind(loopback(family)));
    told("listen after a refusal", refused.listen().map(|_| ()));
    told("connect after a refusal", refused.connect(address).await);

    let from = socket(family);
    told("bind, to connect", from.bind(loopback(family)));
    told("connect, bound", from.connect(address).await);
    state("connected", &from);
    told("connect twice", from.connect(address).await);
    told("bind a connection", from.bind(loopback(family)));
    told("listen on a connection", from.listen().map(|_| ()));
    told("backlog of a connection", from.set_listen_backlog_size(5));

    // Two at once.
    let twice = socket(family);
    let (first, second) = futures_join(twice.connect(address), twice.connect(address)).await;
    told("connect while connecting", (first, second));
}

/// Polls the two in turn until both are ready.
async fn futures_join<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
    let (mut a, mut b) = (Box::pin(a), Box::pin(b));
    let (mut first, mut second) = (None, None);
    std::future::poll_fn(|context| {
        use std::task::Poll;
        if first.is_none()
            && let Poll::Ready(done) = a.as_mut().poll(context)
        {
            first = Some(done);
        }
        if second.is_none()
            && let Poll::Ready(done) = b.as_mut().poll(context)
        {
            second = Some(done);
        }
        match (first.take(), second.take()) {
            (Some(first), Some(second)) => Poll::Ready((first, second)),
            (one, other) => {
                (first, second) = (one, other);
                Poll::Pending
            }
        }
    })
    .await
}
