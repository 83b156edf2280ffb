// Programs that connect, and readers that are fed by hand.

import * as asyncio from "wasyncio/full";

import { say, text, thrown } from "./telling.js";

/** `HOST:PORT`, or a path. */
function connect(address, options) {
    if (address.startsWith("/")) {
        return asyncio.openUnixConnection(address, options);
    }
    const at = address.lastIndexOf(":");
    return asyncio.openConnection(address.slice(0, at), Number(address.slice(at + 1)), options);
}

export const clients = {
    /** Tells which error connecting ends with. */
    async connect(address, options = "{}") {
        say(await thrown(() => connect(address, JSON.parse(options))));
    },

    /** Sends a line, and tells the answer and how it ends. */
    async line(address, options = "{}") {
        const [reader, writer] = await connect(address, JSON.parse(options));
        writer.write("a line\n");
        await writer.drain();
        say(text(await reader.readline()));
        const session = writer.getExtraInfo("ssl_object");
        if (session) {
            say("session", session.version(), session.serverHostname, session.serverSide);
        }
        writer.close();
        await writer.waitClosed();
        say("closed");
    },

    /** Goes on by TLS after a line in plain text. */
    async startTls(address, trust) {
        const [reader, writer] = await connect(address);
        writer.write("STARTTLS\n");
        await writer.drain();
        say(text(await reader.readline()));
        await writer.startTls({ trust }, { serverHostname: "localhost" });
        writer.write("secret\n");
        await writer.drain();
        say(text(await reader.readline()), writer.getExtraInfo("cipher")[1], writer.canWriteEof());
        writer.close();
        await writer.waitClosed();
    },

    /** A read is given up, and the next one has what comes. */
    async cancelled(address) {
        const [reader, writer] = await connect(address);
        for (const signal of [AbortSignal.timeout(20), AbortSignal.abort("before")]) {
            say(await thrown(() => reader.readline({ signal })));
        }
        const controller = new AbortController();
        const reading = reader.readexactly(7, { signal: controller.signal });
        setTimeout(() => controller.abort(new Error("enough")), 10);
        say(await thrown(() => reading));
        // A thousand of them leave nothing behind.
        for (let count = 0; count < 1000; count += 1) {
            const each = new AbortController();
            const read = reader.read(1, { signal: each.signal });
            each.abort("again");
            await read.catch(() => undefined);
        }
        writer.write("a line\n");
        say(text(await reader.readline()));
        // Only one may wait.
        const first = reader.readline();
        say(await thrown(() => reader.readline()));
        writer.write("another\n");
        say(text(await first));
        writer.close();
        await writer.waitClosed();
    },

    /** A connect that is given up. */
    async cancelledConnect(address) {
        const signal = AbortSignal.timeout(50);
        say(await thrown(() => connect(address, { signal })));
    },

    /** A connection that the peer resets. */
    async reset(address) {
        const [reader, writer] = await connect(address);
        writer.write("go\n");
        say(await thrown(() => reader.read()));
        say(await thrown(() => writer.drain()));
        say(await thrown(() => writer.waitClosed()));
    },

    /** Every kind of read, and what they throw. */
    async fed() {
        const fed = (data, limit) => {
            const reader = new asyncio.StreamReader({ limit });
            reader.feedData(data);
            return reader;
        };
        const reader = fed("one\ntwo\r\nthree;four", 8);
        say(text(await reader.readline()), text(await reader.readuntil(["\r\n", ";"])), text(await reader.read(2)));
        reader.feedEof();
        say(text(await reader.readexactly(4)), reader.atEof(), text(await reader.read()), reader.atEof());
        say(text(await reader.read()));

        const short = fed("abc", 8);
        short.feedEof();
        const incomplete = await caught(() => short.readexactly(5));
        say(incomplete.name, text(incomplete.partial), incomplete.expected, incomplete.message);
        const separator = await caught(() => short.readuntil("\n"));
        say(separator.name, separator.expected, separator instanceof asyncio.AsyncioError);
        say(await thrown(() => short.feedData("more")));

        const long = fed("0123456789abcdef", 8);
        const overrun = await caught(() => long.readuntil("z"));
        say(overrun.name, overrun.consumed, overrun.message);
        say(await thrown(() => long.readline()));
        say(await thrown(() => new asyncio.StreamReader({ limit: 0 })));
        say(await thrown(() => long.readexactly(-1)));
        say(await thrown(() => long.readuntil("")));

        const broken = new asyncio.StreamReader();
        const own = new RangeError("mine");
        broken.setException(own);
        say(broken.exception() === own, (await caught(() => broken.read())) === own);
        broken.setException(new asyncio.ConnectionResetError("gone", "connection-reset"));
        const lost = await caught(() => broken.read(1));
        say(lost.name, lost.kind, lost.code, lost instanceof asyncio.OSError, lost.address);

        const lines = fed("a\nb\nc", undefined);
        lines.feedEof();
        const seen = [];
        for await (const line of lines) {
            seen.push(text(line));
        }
        say(JSON.stringify(seen));
    },

    /** Nobody has the writer, and the reader goes on. */
    async readerAlone(address) {
        const [reader] = await connect(address).then((pair) => {
            pair[1].write("a line\n");
            return pair;
        });
        // Room for the engine to tidy up.
        await new Promise((resolve) => setTimeout(resolve, 20));
        say(text(await reader.readline()));
    },

    /** A reader and a writer over two streams. */
    async pair() {
        const [reader, writer, outgoing] = await asyncio.fromStreams(["from the stream\nand", new Uint8Array([32]), "more"]);
        say(text(await reader.readline()));
        say(text(await reader.read()), reader.atEof());
        writer.write("to the ");
        writer.write("stream");
        writer.close();
        let all = "";
        for await (const bytes of outgoing) {
            all += text(bytes);
        }
        say(all);
    },

    /** What has the wrong type is a TypeError, and no trap. */
    async types() {
        const reader = new asyncio.StreamReader();
        reader.feedData("data");
        const wrong = [
            () => reader.read("1"),
            () => reader.read(1.5),
            () => reader.readexactly(undefined),
            () => reader.readuntil(7),
            () => reader.feedData([1, 2]),
            () => reader.feedData(null),
            () => reader.setTransport({}),
            () => asyncio.openConnection(7, 80),
            () => asyncio.openConnection("127.0.0.1", "80"),
            () => asyncio.openConnection("127.0.0.1", 80, { localAddr: "x" }),
            () => asyncio.openConnection("127.0.0.1", 80, { ssl: 1 }),
            () => asyncio.startServer(null, "127.0.0.1", 0),
            () => asyncio.openUnixConnection(7),
        ];
        for (const call of wrong) {
            say(await thrown(call));
        }
        const values = [
            () => asyncio.openConnection("127.0.0.1", 70000),
            () => asyncio.openConnection("127.0.0.1", 80, { limit: 0 }),
            () => asyncio.openConnection("127.0.0.1", 80, { limit: -1 }),
            () => asyncio.openConnection("127.0.0.1", 80, { family: "inet7" }),
            () => asyncio.openConnection("127.0.0.1", 80, { proto: 17 }),
            () => asyncio.openConnection("127.0.0.1", 80, { serverHostname: "x" }),
            () => asyncio.openConnection(),
        ];
        for (const call of values) {
            say(await thrown(call));
        }
        // Numbers beyond what the interface holds are its ends.
        say(text(await reader.read(2 ** 40)));
    },
};

async function caught(call) {
    try {
        await call();
    } catch (error) {
        return error;
    }
    throw new Error("nothing was thrown");
}
