// Calls of asynchronous imports: errors as classes, signals that cancel, and what keeps the program alive.

import { fromWit } from "./errors.js";
import { wait, waited } from "./program/life.js";

/**
 * Waits for a call. `start` makes it; an error of it is thrown as one of `errors.js`. When `signal` is aborted the call is cancelled: if
 * it had not answered, the signal's reason is thrown and nothing is lost; an answer that had come is given.
 */
export async function call(start, signal) {
    signal?.throwIfAborted();
    wait();
    let cancel;
    try {
        const answer = start();
        if (signal) {
            cancel = () => answer.cancel?.();
            signal.addEventListener("abort", cancel);
        }
        return await answer;
    } catch (error) {
        if (isCancellation(error) && signal?.aborted) {
            throw signal.reason;
        }
        throw fromWit(error);
    } finally {
        if (cancel) {
            signal.removeEventListener("abort", cancel);
        }
        waited();
    }
}

/** Makes a synchronous call, with errors of `errors.js`. */
export function callNow(start) {
    try {
        return start();
    } catch (error) {
        throw fromWit(error);
    }
}

/** What componentize-qjs rejects a call with that was cancelled. */
function isCancellation(error) {
    return error instanceof Error && error.message === "async import cancelled";
}

/** The signal of a method's options. */
export function signalOf(options) {
    return options?.signal ?? undefined;
}
