// The TCP echo client of the asyncio documents.
//
//     wasyncio run dist/examples/js/tcp-echo-client.wasm --allow-connect 127.0.0.1:8888
//
// Arguments: the message, and the address.

import { command, openConnection } from "wasyncio";

async function tcpEchoClient(message, host, port) {
    const [reader, writer] = await openConnection(host, port);

    console.log(`Send: '${message}'`);
    writer.write(message);
    await writer.drain();

    const data = await reader.read(100);
    console.log(`Received: '${new TextDecoder().decode(data)}'`);

    console.log("Close the connection");
    writer.close();
    await writer.waitClosed();
}

export const run = command(async (message = "Hello World!", address = "127.0.0.1:8888") => {
    const at = address.lastIndexOf(":");
    await tcpEchoClient(message, address.slice(0, at), Number(address.slice(at + 1)));
});
