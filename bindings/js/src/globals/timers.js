// setTimeout, setInterval and setImmediate, which QuickJS has not, on WASI's clock.

import { waitFor } from "wasi:clocks/monotonic-clock@0.3.2";

import { report } from "../program/report.js";
import { isRunning, wait, waited } from "../program/life.js";

const NANOSECONDS = 1_000_000;
/** What a longer time is taken for, as in Node: one millisecond. */
const LONGEST = 2 ** 31 - 1;

const timers = new Map();
let next = 1;

/** A timer, as in Node: a number where one is wanted. */
class Timeout {
    #id = next++;
    #callback;
    #milliseconds;
    #repeats;
    #call;
    #holds = true;

    constructor(callback, milliseconds, repeats) {
        if (!isRunning()) {
            throw new Error("there are no timers while the component is built: make them in the function that is given to command()");
        }
        const wanted = Number(milliseconds);
        this.#milliseconds = wanted >= 1 && wanted <= LONGEST ? Math.trunc(wanted) : 1;
        this.#callback = callback;
        this.#repeats = repeats;
        timers.set(this.#id, this);
        wait();
        this.#start();
    }

    async #start() {
        const due = BigInt(this.#milliseconds * NANOSECONDS);
        do {
            this.#call = waitFor(due);
            try {
                await this.#call;
            } catch {
                // It was cancelled, by `clear`.
                return;
            }
            if (!timers.has(this.#id)) {
                return;
            }
            try {
                this.#callback();
            } catch (error) {
                report("Exception in a timer", error);
            }
        } while (this.#repeats && timers.has(this.#id));
        this.clear();
    }

    clear() {
        if (timers.delete(this.#id)) {
            this.unref();
            this.#call?.cancel?.();
        }
    }

    /** The program does not live on for this timer alone. */
    unref() {
        if (this.#holds) {
            this.#holds = false;
            waited();
        }
        return this;
    }

    /** It does again. */
    ref() {
        if (!this.#holds && timers.has(this.#id)) {
            this.#holds = true;
            wait();
        }
        return this;
    }

    hasRef() {
        return this.#holds;
    }

    [Symbol.toPrimitive]() {
        return this.#id;
    }
}

function start(callback, milliseconds, repeats, parameters) {
    if (typeof callback !== "function") {
        throw new TypeError("The callback of a timer must be a function");
    }
    return new Timeout(() => callback(...parameters), milliseconds, repeats);
}

export function setTimeout(callback, milliseconds = 0, ...parameters) {
    return start(callback, milliseconds, false, parameters);
}

export function setInterval(callback, milliseconds = 0, ...parameters) {
    return start(callback, milliseconds, true, parameters);
}

/** As soon as everything that is ready has had its turn. */
export function setImmediate(callback, ...parameters) {
    return start(callback, 0, false, parameters);
}

/** Ends a timer of any kind; anything else is ignored. */
export function clearTimeout(timer) {
    timers.get(Number(timer ?? 0))?.clear();
}

export { clearTimeout as clearImmediate, clearTimeout as clearInterval };

/** Ends every timer: the program ends. */
export function endTimers() {
    for (const timer of timers.values()) {
        timer.clear();
    }
}
