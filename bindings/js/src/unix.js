// `asyncio.open_unix_connection` and `asyncio.start_unix_server`.

import * as unix from "wasyncio:streams/unix@0.1.0";

import { toFlag, toPath, toSize } from "./bytes.js";
import { call, signalOf } from "./calls.js";
import { secure } from "./kinds.js";
import { pairOf } from "./pair.js";
import { serve, toCallback } from "./server.js";
import { withoutSsl } from "./ssl_options.js";

/** Connects to the socket at a path, a text or bytes: gives `[reader, writer]`. */
export async function openUnixConnection(path, options = {}) {
    const bytes = toPath(path);
    const record = { limit: toSize(options.limit, "limit") };
    if (options.ssl) {
        return secure().openUnixConnection(bytes, record, options);
    }
    withoutSsl(options);
    return pairOf(await call(() => unix.openUnixConnection(bytes, record), signalOf(options)));
}

/** Listens on a socket at a path, as `startServer`. */
export async function startUnixServer(clientConnected, path, options = {}) {
    toCallback(clientConnected);
    const bytes = toPath(path);
    const record = {
        limit: toSize(options.limit, "limit"),
        backlog: toSize(options.backlog, "backlog"),
        startServing: toFlag(options.startServing),
        cleanupSocket: toFlag(options.cleanupSocket),
    };
    if (options.ssl) {
        return serve(clientConnected, options, await secure().startUnixServer(bytes, record, options));
    }
    withoutSsl(options);
    return serve(clientConnected, options, await call(() => unix.startUnixServer(bytes, record), signalOf(options)));
}
