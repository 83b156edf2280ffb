// The types of `wasyncio/sockets`.

import type { Cancellable, ClientConnected, Server, ServerOptions, StreamReader, StreamWriter } from "./index.js";

/** A `tcp-socket` of `wasi:sockets/types`. */
export type TcpSocket = object;

/** A reader and a writer of a connected socket, which is theirs from then on. */
export function openConnectionSock(
    sock: TcpSocket,
    options?: { limit?: number } & Cancellable,
): Promise<[StreamReader, StreamWriter]>;

/** A server of a bound socket. */
export function startServerSock(clientConnected: ClientConnected, sock: TcpSocket, options?: ServerOptions): Promise<Server>;
