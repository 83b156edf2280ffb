// The types of `wasyncio/full`.

import type { Bytes, Cancellable, ClientConnected, Server, SslOptions, StreamReader, StreamWriter } from "./index.js";

export * from "./index.js";

/** Connects to the Unix socket at a path. One that begins with a NUL is an abstract name. */
export function openUnixConnection(
    path: Bytes,
    options?: { limit?: number } & SslOptions & Cancellable,
): Promise<[StreamReader, StreamWriter]>;

export interface UnixServerOptions extends SslOptions, Cancellable {
    limit?: number;
    backlog?: number;
    startServing?: boolean;
    /** Whether to remove the file when the server is closed; true by default. */
    cleanupSocket?: boolean;
}

/** Listens on a Unix socket at a path. */
export function startUnixServer(clientConnected: ClientConnected, path: Bytes, options?: UnixServerOptions): Promise<Server>;
