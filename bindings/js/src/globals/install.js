// What a program in JavaScript expects to be there. What the engine has of it is left as it is.

import { process } from "../program/process.js";
import { report } from "../program/report.js";
import { AbortController, AbortSignal } from "./abort.js";
import { performance } from "./clock.js";
import { console } from "./console.js";
import { crypto, random } from "./random.js";
import { TextDecoder, TextEncoder } from "./text.js";
import { clearImmediate, clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from "./timers.js";

const expected = {
    AbortController,
    AbortSignal,
    TextDecoder,
    TextEncoder,
    clearImmediate,
    clearInterval,
    clearTimeout,
    console,
    crypto,
    process,
    setImmediate,
    setInterval,
    setTimeout,
};

for (const [name, value] of Object.entries(expected)) {
    if (!(name in globalThis)) {
        Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
    }
}
for (const name of ["dispose", "asyncDispose"]) {
    if (!(name in Symbol)) {
        Object.defineProperty(Symbol, name, { value: Symbol.for(name) });
    }
}
Math.random = random;
globalThis.performance = performance;

// What a microtask throws would trap.
const enqueue = queueMicrotask;
globalThis.queueMicrotask = (callback) => {
    if (typeof callback !== "function") {
        throw new TypeError("queueMicrotask takes a function");
    }
    enqueue(() => {
        try {
            callback();
        } catch (error) {
            report("Exception in a microtask", error);
        }
    });
};
