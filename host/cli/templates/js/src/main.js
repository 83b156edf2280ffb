import { command, startServer } from "wasyncio";

/** Sends back every line. */
async function handleEcho(reader, writer) {
    for await (const line of reader) {
        writer.write(line);
        await writer.drain();
    }
    writer.close();
    await writer.waitClosed();
}

export const run = command(async (address = "127.0.0.1:8888") => {
    const at = address.lastIndexOf(":");
    const server = await startServer(handleEcho, address.slice(0, at), Number(address.slice(at + 1)));
    const [host, port] = server.sockets[0].getsockname();
    console.log(`Serving on ('${host}', ${port})`);
    await server.serveForever();
});
