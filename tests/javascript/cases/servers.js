// Programs that listen.

import * as asyncio from "wasyncio/full";

import { say, text, thrown } from "./telling.js";

/** Listens on `HOST:PORT` or a path, and tells where. */
async function listen(clientConnected, address, options) {
    if (address.startsWith("/")) {
        const server = await asyncio.startUnixServer(clientConnected, address, options);
        say(`Serving on ${server.sockets[0].getsockname()}`);
        return server;
    }
    const at = address.lastIndexOf(":");
    const server = await asyncio.startServer(clientConnected, address.slice(0, at), Number(address.slice(at + 1)), options);
    const [host, port] = server.sockets[0].getsockname();
    say(`Serving on ('${host}', ${port})`);
    return server;
}

async function echo(reader, writer) {
    for await (const line of reader) {
        writer.write(line);
        await writer.drain();
    }
    writer.close();
    await writer.waitClosed();
}

export const servers = {
    /** Echoes lines. */
    async echo(address, options = "{}") {
        const server = await listen(echo, address, JSON.parse(options));
        await server.serveForever();
    },

    /** Tells which error listening ends with. */
    async listen(address) {
        say(await thrown(() => listen(echo, address)));
    },

    /** Handlers that throw in every way; after that it serves. */
    async throwing(address) {
        const server = await listen(async (reader, writer) => {
            const line = text(await reader.readline());
            if (line === "throw\n") {
                throw new RangeError("of a handler");
            }
            if (line === "text\n") {
                throw "a text";
            }
            if (line === "read\n") {
                await reader.readexactly(1000);
            }
            writer.write(line);
            await writer.drain();
            writer.close();
        }, address);
        const plain = await listen(() => {
            throw new TypeError("at once");
        }, "127.0.0.1:0");
        await Promise.all([server.serveForever(), plain.serveForever()]);
    },

    /** The life of a server, with clients of its own. */
    async life() {
        let connected;
        const accepted = new Promise((resolve) => {
            connected = resolve;
        });
        const server = await asyncio.startServer(
            async (reader, writer) => {
                connected();
                say("server read", text(await reader.read()));
                writer.close();
            },
            "127.0.0.1",
            0,
            { startServing: false },
        );
        const [host, port] = server.sockets[0].getsockname();
        say(server.isServing(), server.sockets.length, server.sockets[0].family);
        say((await thrown(() => asyncio.openConnection(host, port))).split(" ")[0]);
        await server.startServing();
        say(server.isServing());
        const [reader, writer] = await asyncio.openConnection(host, port);
        await accepted;
        const [peerHost, peerPort] = writer.getExtraInfo("peername");
        say(peerHost, peerPort === port, writer.getExtraInfo("socket").getsockname()[0], writer.getExtraInfo("nothing", "otherwise"));
        const { transport } = writer;
        say(transport.getWriteBufferLimits(), transport.getWriteBufferSize(), transport.isReading(), transport === writer.transport);
        transport.setWriteBufferLimits({ high: 1000 });
        say(transport.getWriteBufferLimits(), await thrown(() => transport.setWriteBufferLimits({ high: 1, low: 2 })));
        writer.writelines(["a", new Uint8Array([98]), new Uint8Array([99]).buffer]);
        say(writer.canWriteEof(), writer.isClosing());
        writer.writeEof();
        say(await thrown(() => writer.write("late")));
        say(`client read '${text(await reader.read())}'`, reader.atEof());
        writer.close();
        await writer.waitClosed();
        say(writer.isClosing(), await thrown(() => writer.drain()));

        const [, idle] = await asyncio.openConnection(host, port);
        server.close();
        say(server.isServing(), server.sockets.length);
        const closed = server.waitClosed();
        server.closeClients();
        await closed;
        say(await thrown(() => server.startServing()));
        idle.close();
        {
            await using disposed = await asyncio.startServer(echo, "127.0.0.1", 0);
            say("disposed soon", disposed.isServing());
        }
        const forever = await asyncio.startServer(echo, "127.0.0.1", 0);
        say(await thrown(() => forever.serveForever({ signal: AbortSignal.timeout(20) })), forever.isServing());
    },

    /** Goes on by TLS when a client asks. */
    async upgrading(address, identity) {
        const server = await listen(async (reader, writer) => {
            await reader.readline();
            writer.write("go\n");
            await writer.startTls({ identity });
            await echo(reader, writer);
        }, address);
        await server.serveForever();
    },
};
