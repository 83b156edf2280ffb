// `asyncio.start_server` and `asyncio.Server`.

import { startServer as start } from "wasyncio:streams/server@0.1.0";

import { toChoice, toFlag, toPort, toSize, toText } from "./bytes.js";
import { call, signalOf } from "./calls.js";
import { TransportSocket } from "./extra.js";
import { secure } from "./kinds.js";
import { pairOf } from "./pair.js";
import { report } from "./program/report.js";
import { withoutSsl } from "./ssl_options.js";

/**
 * Listens by TCP, and calls `clientConnected(reader, writer)` for each connection. `host` may be one, several (an array), or null: every
 * interface. Port 0 picks a free one; `server.sockets` tells which.
 *
 * What `clientConnected` throws is logged, and its connection closed; the server goes on.
 */
export async function startServer(clientConnected, host = null, port = null, options = {}) {
    toCallback(clientConnected);
    const hosts = toHosts(host);
    const number = toPort(port) ?? 0;
    const record = serverOptions(options);
    if (options.ssl) {
        return serve(clientConnected, options, await secure().startServer(hosts, number, record, options));
    }
    withoutSsl(options);
    return serve(clientConnected, options, await call(() => start(hosts, number, record), signalOf(options)));
}

/** A server over the component's, which accepts at once if it was not told otherwise. */
export function serve(clientConnected, options, resource) {
    const server = new Server(resource, clientConnected);
    if (options.startServing ?? true) {
        server[ACCEPT]();
    }
    return server;
}

export function serverOptions(options) {
    return {
        limit: toSize(options.limit, "limit"),
        family: toChoice(options.family, ["inet", "inet6", "unix"], "family"),
        flags: toSize(options.flags, "flags"),
        backlog: toSize(options.backlog, "backlog"),
        reuseAddress: toFlag(options.reuseAddress),
        reusePort: toFlag(options.reusePort),
        keepAlive: toFlag(options.keepAlive),
        startServing: toFlag(options.startServing),
    };
}

function toHosts(host) {
    if (host === null || host === undefined || host === "") {
        return [];
    }
    return Array.isArray(host) ? host.map((one) => toText(one, "host") ?? "") : [toText(host, "host")];
}

/** Checks the callback before anything is bound. */
export function toCallback(callback) {
    if (typeof callback !== "function") {
        throw new TypeError("clientConnected must be a function of a reader and a writer");
    }
    return callback;
}

const ACCEPT = Symbol("accepts");

/** Listening sockets. */
export class Server {
    #resource;
    #clientConnected;
    #accepts = false;

    constructor(resource, clientConnected) {
        this.#resource = resource;
        this.#clientConnected = clientConnected;
    }

    async [ACCEPT]() {
        if (this.#accepts) {
            return;
        }
        this.#accepts = true;
        for (;;) {
            let pair;
            try {
                pair = await call(() => this.#resource.accept());
            } catch {
                // The server was closed, here or by the host, which stops a program so.
                this.#accepts = false;
                return;
            }
            this.#serve(...pairOf(pair));
        }
    }

    async #serve(reader, writer) {
        try {
            await this.#clientConnected(reader, writer);
        } catch (error) {
            report("Unhandled exception in client_connected_cb", error);
            writer.close();
        }
    }

    /** Starts to listen, if the server was made with `startServing: false`. */
    async startServing(options = undefined) {
        await call(() => this.#resource.startServing(), signalOf(options));
        this[ACCEPT]();
    }

    /** Waits until the server is closed and its connections are gone. Cancelled, it closes the server. */
    async serveForever(options = undefined) {
        const forever = call(() => this.#resource.serveForever(), signalOf(options));
        this[ACCEPT]();
        await forever;
    }

    /** Whether the server listens. */
    isServing() {
        return this.#resource.isServing();
    }

    /** What is listened on: objects with `getsockname()`; empty once closed. */
    get sockets() {
        return this.#resource.sockets().map((address) => new TransportSocket(address.family, address, null));
    }

    /** Stops listening; connections go on. */
    close() {
        this.#resource.close();
    }

    /** Closes every connection that was accepted and is still there. */
    closeClients() {
        this.#resource.closeClients();
    }

    /** Aborts them. */
    abortClients() {
        this.#resource.abortClients();
    }

    /** Waits until the server is closed and every connection it accepted is gone. */
    waitClosed(options = undefined) {
        return call(() => this.#resource.waitClosed(), signalOf(options));
    }

    /** `await using server`: closes, and waits for it. */
    async [Symbol.asyncDispose]() {
        this.close();
        await this.waitClosed();
    }
}
