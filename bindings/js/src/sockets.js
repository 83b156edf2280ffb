// `wasyncio/sockets`: asyncio's `sock=`, for sockets that the program made itself with `wasi:sockets`.

import * as sockets from "wasyncio:streams/sockets@0.1.0";

import { toSize } from "./bytes.js";
import { call, signalOf } from "./calls.js";
import { pairOf } from "./pair.js";
import { serve, serverOptions, toCallback } from "./server.js";

/** Makes a reader and a writer of a connected `tcp-socket`, which is theirs from then on. */
export async function openConnectionSock(sock, options = {}) {
    const limit = toSize(options.limit, "limit");
    return pairOf(await call(() => sockets.openConnection(sock, limit), signalOf(options)));
}

/** Makes a server of a bound `tcp-socket`. */
export async function startServerSock(clientConnected, sock, options = {}) {
    toCallback(clientConnected);
    const record = serverOptions(options);
    return serve(clientConnected, options, await call(() => sockets.startServer(sock, record), signalOf(options)));
}
