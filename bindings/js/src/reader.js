// `asyncio.StreamReader`.

import { StreamReader as Resource } from "wasyncio:streams/streams@0.1.0";

import { toBytes, toInteger, toSize } from "./bytes.js";
import { call, callNow, signalOf } from "./calls.js";
import { OtherError, fromWit, toWit } from "./errors.js";
import { resourceOf as transportOf } from "./transport.js";

const NEWLINE = new Uint8Array([10]);
const GIVEN = Symbol("the reader of a connection");

/** A reader over the component's, and its writer: without anybody who has it, that would be dropped, which closes the connection. */
export function readerOf(resource, writer) {
    return new StreamReader({ [GIVEN]: { resource, writer } });
}

/** The component's reader of this one. */
export let resourceOf;

export class StreamReader {
    #resource;
    #stored = null;
    /** Kept for its life alone. */
    #writer;

    static {
        resourceOf = (reader) => reader.#resource;
    }

    /** A reader without a connection, to be fed by hand. */
    constructor(options = {}) {
        const given = options[GIVEN];
        this.#resource = given?.resource ?? callNow(() => Resource.create(toSize(options.limit, "limit")));
        this.#writer = given?.writer;
    }

    async #call(start, options) {
        try {
            return await call(start, signalOf(options));
        } catch (error) {
            throw error instanceof OtherError && this.#stored !== null ? this.#stored : error;
        }
    }

    /** Reads up to `n` bytes; without `n`, or if it is negative, until the end. Empty bytes are the end. */
    read(n = -1, options = undefined) {
        const most = toInteger(n, "n");
        return this.#call(() => this.#resource.read(most), options);
    }

    /** Reads a line with its `\n`; at the end what there is. */
    readline(options = undefined) {
        return this.#call(() => this.#resource.readline(), options);
    }

    /** Reads exactly `n` bytes. */
    readexactly(n, options = undefined) {
        const count = toInteger(n, "n");
        return this.#call(() => this.#resource.readexactly(count), options);
    }

    /** Reads up to and with a separator; of several, an array, the first one that comes. */
    readuntil(separator = NEWLINE, options = undefined) {
        const separators = Array.isArray(separator) ? separator.map(toBytes) : [toBytes(separator)];
        return this.#call(() => this.#resource.readuntil(separators), options);
    }

    /** Whether the stream has ended and the buffer is empty. */
    atEof() {
        return this.#resource.atEof();
    }

    /** The error that every read fails with, or null. */
    exception() {
        const error = this.#resource.exception();
        return error === null ? null : (this.#stored ?? fromWit(error));
    }

    /** Makes every later read fail with this error. */
    setException(error) {
        this.#resource.setException(toWit(error));
        this.#stored = error;
    }

    /** Appends bytes as if they had been received. */
    feedData(data) {
        const bytes = toBytes(data);
        callNow(() => this.#resource.feedData(bytes));
    }

    /** Marks the end of the stream. */
    feedEof() {
        this.#resource.feedEof();
    }

    /** Tells which transport to pause and resume. */
    setTransport(transport) {
        const resource = transportOf(transport);
        callNow(() => this.#resource.setTransport(resource));
    }

    /** The lines, each with its `\n`, until the end. */
    async *[Symbol.asyncIterator]() {
        for (;;) {
            const line = await this.readline();
            if (line.length === 0) {
                return;
            }
            yield line;
        }
    }
}
