// A `performance` that begins with the program: that of QuickJS began while the component was built.

import { now } from "wasi:clocks/monotonic-clock@0.3.2";

let began;
let origin;

/** The program begins. */
export function startClock() {
    began = now();
    origin = Date.now();
}

export const performance = {
    /** Milliseconds since the program began; 0 while the component is built. */
    now() {
        return began === undefined ? 0 : Number(now() - began) / 1e6;
    },

    /** When that was, as of `Date.now()`. */
    get timeOrigin() {
        return origin;
    },

    toJSON() {
        return { timeOrigin: origin };
    },
};
