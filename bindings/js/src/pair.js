// A reader and a writer.

import { fromStreams as make } from "wasyncio:streams/streams@0.1.0";

import { toSize } from "./bytes.js";
import { call, signalOf } from "./calls.js";
import { readerOf } from "./reader.js";
import { StreamWriter } from "./writer.js";

/** What programs see of the component's reader and writer. */
export function pairOf([reader, writer]) {
    return [readerOf(reader), new StreamWriter(writer)];
}

/**
 * A reader and a writer over any two streams of bytes: gives the reader of `incoming`, the writer, and the stream that the written bytes
 * come out of.
 */
export async function fromStreams(incoming, options = {}) {
    const limit = toSize(options.limit, "limit");
    const [reader, writer, outgoing] = await call(() => make(incoming, limit), signalOf(options));
    return [...pairOf([reader, writer]), outgoing];
}
