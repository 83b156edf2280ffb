// The types of `wasyncio`.

/** What is written: a string leaves as UTF-8. */
export type Bytes = string | ArrayBuffer | ArrayBufferView;

/** What every call that waits takes. */
export interface Cancellable {
    /** Cancels the call when it is aborted. A call that has not answered loses nothing; one that has gives its answer. */
    signal?: AbortSignal;
}

/** `[host, port]` of IPv4, `[host, port, flowinfo, scopeId]` of IPv6, the path of a Unix socket, as bytes if it is no text. */
export type Address = [string, number] | [string, number, number, number] | string | Uint8Array;

export type Family = "inet" | "inet6" | "unix";

/** Python's `SSLContext`, by names that the host's policy grants. */
export interface SslContext {
    /** The name of an identity, as `load_cert_chain`. A server needs one. */
    identity?: string;
    /** The name of authorities, as `load_verify_locations`; none: those of the host's system. */
    trust?: string;
    verifyMode?: "none" | "optional" | "required";
    checkHostname?: boolean;
    /** The best first. */
    alpnProtocols?: string[];
    minimumVersion?: "tls12" | "tls13";
}

/** Arguments for TLS. They need `wasyncio/full`. */
export interface SslOptions {
    ssl?: boolean | SslContext;
    serverHostname?: string;
    /** In seconds; 60 by default. */
    sslHandshakeTimeout?: number;
    /** In seconds; 30 by default. */
    sslShutdownTimeout?: number;
}

export interface ConnectionOptions extends SslOptions, Cancellable {
    /** The reader's limit in bytes; 65,536 by default. */
    limit?: number;
    family?: Family;
    proto?: number;
    flags?: number;
    localAddr?: [host: string | null, port: number];
    /** In seconds. */
    happyEyeballsDelay?: number;
    interleave?: number;
    allErrors?: boolean;
}

export interface ServerOptions extends SslOptions, Cancellable {
    limit?: number;
    family?: Family;
    flags?: number;
    backlog?: number;
    reuseAddress?: boolean;
    reusePort?: boolean;
    keepAlive?: boolean;
    /** Whether to listen at once; true by default. */
    startServing?: boolean;
}

/** Called for each connection. What it throws is logged, and the connection closed. */
export type ClientConnected = (reader: StreamReader, writer: StreamWriter) => unknown;

/** Connects to a host by TCP. */
export function openConnection(
    host?: string | null,
    port?: number | null,
    options?: ConnectionOptions,
): Promise<[StreamReader, StreamWriter]>;

/** Listens by TCP, on every interface if no host is given. */
export function startServer(
    clientConnected: ClientConnected,
    host?: string | readonly string[] | null,
    port?: number | null,
    options?: ServerOptions,
): Promise<Server>;

/** A `stream<u8>` of the component model, as componentize-qjs has it. */
export interface ByteStream extends AsyncIterable<Uint8Array> {
    read(count?: number): Promise<Uint8Array>;
    drop(): void;
}

/** A reader and a writer over any two streams; the third is what the written bytes come out of. */
export function fromStreams(
    incoming: ByteStream | AsyncIterable<Bytes> | Iterable<Bytes>,
    options?: { limit?: number } & Cancellable,
): Promise<[StreamReader, StreamWriter, ByteStream]>;

/** A reader of the standard input. */
export function openStdin(options?: { limit?: number }): Promise<StreamReader>;

/**
 * Makes a program of its main function: `export const run = command(main)`. The function gets the program's arguments. The program ends
 * when nothing is left that it waits for.
 */
export function command(main: (...parameters: string[]) => unknown): { run(): Promise<void> };

export class StreamReader implements AsyncIterable<Uint8Array> {
    constructor(options?: { limit?: number });
    /** Up to `n` bytes; without `n` all until the end. Empty bytes are the end. */
    read(n?: number, options?: Cancellable): Promise<Uint8Array>;
    readline(options?: Cancellable): Promise<Uint8Array>;
    readexactly(n: number, options?: Cancellable): Promise<Uint8Array>;
    readuntil(separator?: Bytes | readonly Bytes[], options?: Cancellable): Promise<Uint8Array>;
    atEof(): boolean;
    exception(): Error | null;
    setException(error: unknown): void;
    feedData(data: Bytes): void;
    feedEof(): void;
    setTransport(transport: Transport): void;
    /** The lines, each with its `\n`. */
    [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array>;
}

export interface ExtraInfo {
    peername: Address;
    sockname: Address;
    socket: TransportSocket;
    /** Its name, the protocol, secret bits. */
    cipher: [string, string, number];
    compression: string;
    /** DER. */
    peercert: Uint8Array;
    ssl_object: SSLObject;
}

interface Writing {
    write(data: Bytes): void;
    writelines(list: Iterable<Bytes>): void;
    canWriteEof(): boolean;
    writeEof(): void;
    close(): void;
    isClosing(): boolean;
    getExtraInfo<Name extends keyof ExtraInfo>(name: Name): ExtraInfo[Name] | null;
    getExtraInfo<Name extends keyof ExtraInfo, T>(name: Name, otherwise: T): ExtraInfo[Name] | T;
    getExtraInfo(name: string, otherwise?: unknown): unknown;
}

export interface StreamWriter extends Writing {}

export class StreamWriter {
    private constructor();
    drain(options?: Cancellable): Promise<void>;
    waitClosed(options?: Cancellable): Promise<void>;
    /** Needs `wasyncio/full`. */
    startTls(ssl: true | SslContext, options?: Omit<SslOptions, "ssl"> & Cancellable): Promise<void>;
    readonly transport: Transport;
    [Symbol.asyncDispose](): Promise<void>;
}

export interface Transport extends Writing {}

export class Transport {
    private constructor();
    abort(): void;
    getWriteBufferSize(): number;
    /** The low mark, and the high one. */
    getWriteBufferLimits(): [number, number];
    setWriteBufferLimits(marks?: { high?: number; low?: number }): void;
    pauseReading(): void;
    resumeReading(): void;
    isReading(): boolean;
}

export class Server {
    private constructor();
    startServing(options?: Cancellable): Promise<void>;
    serveForever(options?: Cancellable): Promise<void>;
    isServing(): boolean;
    readonly sockets: TransportSocket[];
    close(): void;
    closeClients(): void;
    abortClients(): void;
    waitClosed(options?: Cancellable): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

export class TransportSocket {
    private constructor();
    readonly family: Family;
    readonly peerCredentials: { pid: number | null; uid: number; gid: number } | null;
    getsockname(): Address | null;
    getpeername(): Address | null;
}

export class SSLObject {
    private constructor();
    readonly serverHostname: string | null;
    readonly serverSide: boolean;
    readonly sessionReused: boolean;
    version(): string | null;
    selectedAlpnProtocol(): string | null;
    getpeercert(): Uint8Array | null;
}

export class AsyncioError extends Error {}
export class ValueError extends AsyncioError {}
export class RuntimeError extends AsyncioError {}
export class AssertionError extends AsyncioError {}
export class NotImplementedError extends AsyncioError {}
export class OtherError extends AsyncioError {}

export class IncompleteReadError extends AsyncioError {
    constructor(partial: Uint8Array, expected: number | null);
    readonly partial: Uint8Array;
    readonly expected: number | null;
}

export class LimitOverrunError extends AsyncioError {
    constructor(message: string, consumed: number);
    readonly consumed: number;
}

export type OSErrorKind =
    | "access-denied"
    | "address-in-use"
    | "address-not-available"
    | "broken-pipe"
    | "connection-aborted"
    | "connection-refused"
    | "connection-reset"
    | "file-not-found"
    | "invalid-argument"
    | "name-not-resolved"
    | "not-a-directory"
    | "not-connected"
    | "not-supported"
    | "out-of-resources"
    | "temporary-resolver-failure"
    | "timed-out"
    | "unreachable"
    | "other";

export class OSError extends AsyncioError {
    constructor(message: string, kind?: OSErrorKind, address?: string | null);
    readonly kind: OSErrorKind;
    /** Node's name: `ECONNREFUSED`. */
    readonly code: string | null;
    /** `host:port`, or a path. */
    readonly address: string | null;
}

export class PermissionError extends OSError {}
export class FileNotFoundError extends OSError {}
export class NotADirectoryError extends OSError {}
export class TimeoutError extends OSError {}
export class GaiError extends OSError {}
export class ConnectionError extends OSError {}
export class BrokenPipeError extends ConnectionError {}
export class ConnectionAbortedError extends ConnectionError {}
export class ConnectionRefusedError extends ConnectionError {}
export class ConnectionResetError extends ConnectionError {}

export class SSLError extends OSError {
    constructor(message: string, reason?: string | null);
    /** OpenSSL's name of it. */
    readonly reason: string | null;
}

export class SSLEOFError extends SSLError {}

export class SSLCertVerificationError extends SSLError {
    constructor(message: string, verifyCode: number, verifyMessage: string);
    readonly verifyCode: number;
    readonly verifyMessage: string;
}

export class ExceptionGroup extends AsyncioError {
    constructor(message: string, exceptions: OSError[]);
    readonly exceptions: OSError[];
}
