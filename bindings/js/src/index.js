// `wasyncio`: Python's asyncio streams for JavaScript, on TCP. `wasyncio/full` has Unix sockets and TLS, too.

import "./globals/install.js";

export { openConnection } from "./connect.js";
export {
    AssertionError,
    AsyncioError,
    BrokenPipeError,
    ConnectionAbortedError,
    ConnectionError,
    ConnectionRefusedError,
    ConnectionResetError,
    ExceptionGroup,
    FileNotFoundError,
    GaiError,
    IncompleteReadError,
    LimitOverrunError,
    NotADirectoryError,
    NotImplementedError,
    OSError,
    OtherError,
    PermissionError,
    RuntimeError,
    SSLCertVerificationError,
    SSLEOFError,
    SSLError,
    TimeoutError,
    ValueError,
} from "./errors.js";
export { SSLObject, TransportSocket } from "./extra.js";
export { fromStreams } from "./pair.js";
export { command } from "./program/command.js";
export { openStdin } from "./program/stdin.js";
export { StreamReader } from "./reader.js";
export { Server, startServer } from "./server.js";
export { Transport } from "./transport.js";
export { StreamWriter } from "./writer.js";
