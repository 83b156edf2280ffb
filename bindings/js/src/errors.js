// The errors of the interface `wasyncio:streams/types` as classes, with Python's names and fields.

/** What every error of wasyncio is. */
export class AsyncioError extends Error {
    constructor(message) {
        super(message);
        // The constructors of its class are of no interest.
        Error.captureStackTrace?.(this, new.target);
    }

    get name() {
        return this.constructor.name;
    }
}

/** An argument has a value that makes no sense, or a line went over the limit in `readline`. */
export class ValueError extends AsyncioError {}

/** The call does not fit the state: a second reader on one stream, a write after `writeEof`, a closed server. */
export class RuntimeError extends AsyncioError {}

/** Something that must hold does not: data fed after the end of the stream was. */
export class AssertionError extends AsyncioError {}

/** The option or operation does not exist here; the text names it. */
export class NotImplementedError extends AsyncioError {}

/** The stream ended before what was asked for had arrived. */
export class IncompleteReadError extends AsyncioError {
    /** `partial`: what arrived before the end; `expected`: how many bytes were asked for, or null if it was a separator. */
    constructor(partial, expected) {
        const of = expected === null ? "undefined" : expected;
        super(`${partial.length} bytes read on a total of ${of} expected bytes`);
        this.partial = partial;
        this.expected = expected;
    }
}

/** A separator was not found within the limit, or beyond it. The data stays in the reader's buffer. */
export class LimitOverrunError extends AsyncioError {
    /** `consumed`: how many bytes can be read off before the separator. */
    constructor(message, consumed) {
        super(message);
        this.consumed = consumed;
    }
}

/** The network, the host's policy or the system refused. */
export class OSError extends AsyncioError {
    /**
     * `kind`: which failure, as `os-error-kind` of the interface names it; `address`: `host:port` or the path concerned, or null. `code`
     * is Node's name of it, such as `ECONNREFUSED`, or null where there is none.
     */
    constructor(message, kind = "other", address = null) {
        super(message);
        this.kind = kind;
        this.code = CODES[kind] ?? null;
        this.address = address;
    }
}

export class PermissionError extends OSError {}
export class FileNotFoundError extends OSError {}
export class NotADirectoryError extends OSError {}
export class TimeoutError extends OSError {}
/** A name that does not resolve: Python's `socket.gaierror`. */
export class GaiError extends OSError {}
export class ConnectionError extends OSError {}
export class BrokenPipeError extends ConnectionError {}
export class ConnectionAbortedError extends ConnectionError {}
export class ConnectionRefusedError extends ConnectionError {}
export class ConnectionResetError extends ConnectionError {}

/** TLS failed. */
export class SSLError extends OSError {
    /** `reason`: OpenSSL's name of the failure, or null. */
    constructor(message, reason = null) {
        super(message);
        this.reason = reason;
    }
}

/** The peer ended the connection without saying so. */
export class SSLEOFError extends SSLError {}

/** TLS does not trust the peer's certificate. */
export class SSLCertVerificationError extends SSLError {
    /** `verifyCode`: OpenSSL's number of the reason; `verifyMessage`: the reason in words. */
    constructor(message, verifyCode, verifyMessage) {
        super(message, "CERTIFICATE_VERIFY_FAILED");
        this.verifyCode = verifyCode;
        this.verifyMessage = verifyMessage;
    }
}

/** Every attempt to connect failed, and the caller asked for all errors. */
export class ExceptionGroup extends AsyncioError {
    /** `exceptions`: the errors. */
    constructor(message, exceptions) {
        super(`${message} (${exceptions.length} sub-exception${exceptions.length === 1 ? "" : "s"})`);
        this.exceptions = exceptions;
    }
}

/** Any other error that was stored with `setException`, if it is not one of these classes. */
export class OtherError extends AsyncioError {}

const CODES = {
    "access-denied": "EACCES",
    "address-in-use": "EADDRINUSE",
    "address-not-available": "EADDRNOTAVAIL",
    "broken-pipe": "EPIPE",
    "connection-aborted": "ECONNABORTED",
    "connection-refused": "ECONNREFUSED",
    "connection-reset": "ECONNRESET",
    "file-not-found": "ENOENT",
    "invalid-argument": "EINVAL",
    "name-not-resolved": "ENOTFOUND",
    "not-a-directory": "ENOTDIR",
    "not-connected": "ENOTCONN",
    "not-supported": "ENOTSUP",
    "out-of-resources": "EMFILE",
    "temporary-resolver-failure": "EAI_AGAIN",
    "timed-out": "ETIMEDOUT",
    unreachable: "EHOSTUNREACH",
};

const CLASSES = {
    "access-denied": PermissionError,
    "broken-pipe": BrokenPipeError,
    "connection-aborted": ConnectionAbortedError,
    "connection-refused": ConnectionRefusedError,
    "connection-reset": ConnectionResetError,
    "file-not-found": FileNotFoundError,
    "name-not-resolved": GaiError,
    "not-a-directory": NotADirectoryError,
    "temporary-resolver-failure": GaiError,
    "timed-out": TimeoutError,
};

const SIMPLE = {
    "value-error": ValueError,
    "runtime-error": RuntimeError,
    "assertion-error": AssertionError,
    "not-implemented-error": NotImplementedError,
};

function osError({ kind, message, address }) {
    return new (CLASSES[kind] ?? OSError)(message, kind, address);
}

/** An error of the interface as one of these classes; anything else as it is. */
export function fromWit(error) {
    const payload = error?.payload ?? error;
    const val = payload?.val;
    const simple = SIMPLE[payload?.tag];
    if (simple) {
        return new simple(val);
    }
    switch (payload?.tag) {
        case "os-error":
            return osError(val);
        case "incomplete-read-error":
            return new IncompleteReadError(val.partial, val.expected);
        case "limit-overrun-error":
            return new LimitOverrunError(val.message, val.consumed);
        case "ssl-error":
            return new (val.reason === "UNEXPECTED_EOF_WHILE_READING" ? SSLEOFError : SSLError)(val.message, val.reason);
        case "ssl-cert-verification-error":
            return new SSLCertVerificationError(val.message, val.verifyCode, val.verifyMessage);
        case "exception-group":
            return new ExceptionGroup("create_connection failed", val.map(osError));
        case "other":
            return new OtherError(val);
        default:
            return error;
    }
}

/** An error as the interface has it, for `setException`. */
export function toWit(error) {
    const simple = Object.entries(SIMPLE).find(([, cls]) => error instanceof cls);
    if (simple) {
        return { tag: simple[0], val: error.message };
    }
    if (error instanceof IncompleteReadError) {
        return { tag: "incomplete-read-error", val: { partial: error.partial, expected: error.expected } };
    }
    if (error instanceof LimitOverrunError) {
        return { tag: "limit-overrun-error", val: { message: error.message, consumed: error.consumed } };
    }
    if (error instanceof SSLCertVerificationError) {
        const { message, verifyCode, verifyMessage } = error;
        return { tag: "ssl-cert-verification-error", val: { message, verifyCode, verifyMessage } };
    }
    if (error instanceof SSLError) {
        return { tag: "ssl-error", val: { message: error.message, reason: error.reason } };
    }
    if (error instanceof OSError) {
        return { tag: "os-error", val: { kind: error.kind, message: error.message, address: error.address } };
    }
    if (error instanceof ExceptionGroup && error.exceptions.every((one) => one instanceof OSError)) {
        const val = error.exceptions.map(({ kind, message, address }) => ({ kind, message, address }));
        return { tag: "exception-group", val };
    }
    return { tag: "other", val: String(error?.message ?? error) };
}
