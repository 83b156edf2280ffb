// What programs write.

import { command, IncompleteReadError, openConnection, OSError, startServer, StreamReader } from "wasyncio";
import * as full from "wasyncio/full";
import { openConnectionSock } from "wasyncio/sockets";

export const run = command(async (message = "Hello", host = "127.0.0.1") => {
    const [reader, writer] = await openConnection(host, 8888, { limit: 100, localAddr: [null, 0], signal: AbortSignal.timeout(10) });
    writer.write(message);
    writer.writelines([new Uint8Array(1), "b", new ArrayBuffer(1)]);
    await writer.drain();
    const data: Uint8Array = await reader.readuntil(["\r\n", "\n"]);
    for await (const line of reader) {
        const length: number = line.length;
        console.log(length, data.length);
    }
    const peer = writer.getExtraInfo("peername");
    if (Array.isArray(peer)) {
        const port: number = peer[1];
        console.log(port);
    }
    const cipher: [string, string, number] | "none" = writer.getExtraInfo("cipher", "none");
    console.log(cipher, writer.transport.getWriteBufferLimits()[1]);
    await writer.startTls({ trust: "us" }, { serverHostname: "localhost" });
    try {
        await reader.readexactly(3);
    } catch (error) {
        if (error instanceof IncompleteReadError) {
            console.log(error.partial.length, error.expected);
        } else if (error instanceof OSError && error.kind === "connection-refused") {
            console.log(error.code, error.address);
        }
    }
    const server = await startServer(async (reader, writer) => writer.write(await reader.readline()), ["::1", "127.0.0.1"], 0);
    console.log(server.sockets[0]?.getsockname());
    await server.serveForever({ signal: AbortSignal.abort() });
    const [unix] = await full.openUnixConnection("/run/echo", { ssl: true, serverHostname: "localhost" });
    await (await full.startUnixServer(() => {}, new Uint8Array([0, 1]), { cleanupSocket: false })).waitClosed();
    const [own] = await openConnectionSock({});
    new StreamReader({ limit: 1 }).feedData("x");
    console.log(unix.atEof(), own.exception()?.message);
});
