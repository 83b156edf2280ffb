// The TCP echo server of the asyncio documents: reads once, answers, and closes.
//
//     wasyncio run dist/examples/js/tcp-echo-server.wasm --allow-listen 127.0.0.1:8888
//
// Argument: the address.

import { command, startServer } from "wasyncio";

async function handleEcho(reader, writer) {
    const data = await reader.read(100);
    const message = new TextDecoder().decode(data);
    const [host, port] = writer.getExtraInfo("peername");

    console.log(`Received '${message}' from ('${host}', ${port})`);

    console.log(`Send: '${message}'`);
    writer.write(data);
    await writer.drain();

    console.log("Close the connection");
    writer.close();
    await writer.waitClosed();
}

export const run = command(async (address = "127.0.0.1:8888") => {
    const at = address.lastIndexOf(":");
    const server = await startServer(handleEcho, address.slice(0, at), Number(address.slice(at + 1)));

    for (const socket of server.sockets) {
        const [host, port] = socket.getsockname();
        console.log(`Serving on ('${host}', ${port})`);
    }

    await server.serveForever();
});
