// A reader and a writer.

import { fromStreams as make } from "wasyncio:streams/streams@0.1.0";

import { toBytes, toSize } from "./bytes.js";
import { call, signalOf } from "./calls.js";
import { readerOf } from "./reader.js";
import { StreamWriter } from "./writer.js";

/** What programs see of the component's reader and writer. */
export function pairOf([reader, writer]) {
    const made = new StreamWriter(writer);
    return [readerOf(reader, made), made];
}

/**
 * A reader and a writer over any two streams of bytes: gives the reader of `incoming`, which is a stream of the component model or any other
 * iterable of `Uint8Array`, the writer, and the stream that the written bytes come out of.
 */
export async function fromStreams(incoming, options = {}) {
    const limit = toSize(options.limit, "limit");
    const [reader, writer, outgoing] = await call(() => make(passOn(incoming), limit), signalOf(options));
    return [...pairOf([reader, writer]), outgoing];
}

/** A stream of another interface is not taken for one of this: componentize-qjs makes a new one of an iterable. */
async function* passOn(incoming) {
    for await (const bytes of incoming) {
        yield toBytes(bytes);
    }
}
