// The standard output and error, synchronously, as Node's are.

import { getStderr } from "wasi:cli/stderr@0.2.0";
import { getStdout } from "wasi:cli/stdout@0.2.0";

import { encodeUtf8 } from "../globals/text.js";
import { isRunning } from "./life.js";

/** As much as WASI takes at once. */
const MOST = 4096;

class Output {
    #open;
    #stream;

    constructor(open) {
        this.#open = open;
    }

    /** Writes a text or bytes. Nobody who reads it any more is no error: it is lost, as elsewhere. */
    write(data) {
        const bytes = typeof data === "string" ? encodeUtf8(data) : data;
        // What is opened while the component is built means nothing when it runs.
        const stream = this.#stream ?? this.#open();
        if (isRunning()) {
            this.#stream = stream;
        }
        try {
            for (let at = 0; at < bytes.length; at += MOST) {
                stream.blockingWriteAndFlush(bytes.subarray(at, at + MOST));
            }
        } catch {
            return false;
        } finally {
            if (!isRunning()) {
                stream[Symbol.dispose]();
            }
        }
        return true;
    }
}

export const stdout = new Output(getStdout);
export const stderr = new Output(getStderr);
