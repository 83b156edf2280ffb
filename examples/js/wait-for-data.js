// Registering an open socket to wait for data, from the asyncio documents.
//
//     wasyncio run dist/examples/js/wait-for-data.wasm --allow-listen 127.0.0.1:0 --allow-connect '127.0.0.1:*'
//
// WASI has no `socketpair`, so the pair is made of two TCP sockets on the loopback.

import { TcpSocket } from "wasi:sockets/types@0.3.2";

import { command } from "wasyncio";
import { openConnectionSock } from "wasyncio/sockets";

/** A pair of connected sockets. */
async function socketpair() {
    const listening = TcpSocket.create("ipv4");
    listening.bind({ tag: "ipv4", val: { port: 0, address: [127, 0, 0, 1] } });
    const accepted = listening.listen();
    const connecting = TcpSocket.create("ipv4");
    await connecting.connect(listening.getLocalAddress());
    const { value } = await accepted.next();
    return [value, connecting];
}

async function waitForData() {
    // Create a pair of connected sockets.
    const [rsock, wsock] = await socketpair();

    // Register the open socket to wait for data.
    const [reader, writer] = await openConnectionSock(rsock);

    // Simulate the reception of data from the network
    queueMicrotask(() => wsock.send([new TextEncoder().encode("abc")]));

    // Wait for data
    const data = await reader.read(100);

    // Got data, we are done: close the socket
    console.log("Received:", new TextDecoder().decode(data));
    writer.close();
    await writer.waitClosed();
}

export const run = command(waitForData);
