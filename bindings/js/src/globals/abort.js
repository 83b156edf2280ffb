// AbortController and AbortSignal, which QuickJS has not.

import { setTimeout } from "./timers.js";

const KEY = Symbol("only a controller makes a signal");

export class AbortSignal {
    #listeners = new Map();
    #aborted = false;
    #reason;

    /** Called when the signal is aborted. */
    onabort = null;

    constructor(key) {
        if (key !== KEY) {
            throw new TypeError("Illegal constructor");
        }
    }

    get aborted() {
        return this.#aborted;
    }

    get reason() {
        return this.#reason;
    }

    throwIfAborted() {
        if (this.#aborted) {
            throw this.#reason;
        }
    }

    addEventListener(type, listener, options) {
        if (type === "abort" && listener && !this.#listeners.has(listener)) {
            this.#listeners.set(listener, Boolean(options?.once));
        }
    }

    removeEventListener(type, listener) {
        if (type === "abort") {
            this.#listeners.delete(listener);
        }
    }

    /** A signal that is aborted already. */
    static abort(reason) {
        const signal = new AbortSignal(KEY);
        AbortSignal.#abort(signal, reason);
        return signal;
    }

    /** A signal that is aborted in so many milliseconds, which nobody's program lives on for. */
    static timeout(milliseconds) {
        const signal = new AbortSignal(KEY);
        const abort = () =>
            AbortSignal.#abort(signal, new DOMException("The operation was aborted due to timeout", "TimeoutError"));
        setTimeout(abort, milliseconds).unref();
        return signal;
    }

    /** A signal that is aborted as soon as one of these is. */
    static any(signals) {
        const all = [...signals];
        const signal = new AbortSignal(KEY);
        const aborted = all.find((one) => one.aborted);
        if (aborted) {
            AbortSignal.#abort(signal, aborted.reason);
            return signal;
        }
        for (const one of all) {
            one.addEventListener("abort", () => AbortSignal.#abort(signal, one.reason), { once: true });
        }
        return signal;
    }

    static #abort(signal, reason = new DOMException("This operation was aborted", "AbortError")) {
        if (signal.#aborted) {
            return;
        }
        signal.#aborted = true;
        signal.#reason = reason;
        const event = { type: "abort", target: signal, currentTarget: signal };
        const listeners = [...signal.#listeners];
        for (const [listener, once] of listeners) {
            if (once) {
                signal.#listeners.delete(listener);
            }
            notify(listener.handleEvent ? listener.handleEvent.bind(listener) : listener, signal, event);
        }
        if (signal.onabort) {
            notify(signal.onabort, signal, event);
        }
    }

    /** For a controller. */
    static [KEY](signal, reason) {
        AbortSignal.#abort(signal, reason);
    }
}

/** Calls a listener; what it throws goes where an exception of a timer does. */
function notify(listener, signal, event) {
    try {
        listener.call(signal, event);
    } catch (error) {
        setTimeout(() => {
            throw error;
        }, 0);
    }
}

export class AbortController {
    #signal = new AbortSignal(KEY);

    get signal() {
        return this.#signal;
    }

    abort(reason) {
        AbortSignal[KEY](this.#signal, reason);
    }
}
