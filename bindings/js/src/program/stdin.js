// The standard input as a reader.

import { readViaStream } from "wasi:cli/stdin@0.3.2";
import { fromStreams } from "../pair.js";

/** A reader of the standard input. `limit` as that of `openConnection`. It is to be asked for once. */
export async function openStdin(options = {}) {
    const [incoming] = readViaStream();
    const [reader] = await fromStreams(incoming, options);
    return reader;
}
