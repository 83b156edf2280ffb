// What of Node's `process` has a meaning in the sandbox.

import { getArguments, getEnvironment } from "wasi:cli/environment@0.3.2";
import { exitWithCode } from "wasi:cli/exit@0.3.2";

import { isRunning } from "./life.js";
import { stderr, stdout } from "./output.js";

let environment;

function code(wanted) {
    const number = Number(wanted ?? 0);
    if (!Number.isInteger(number)) {
        throw new TypeError(`an exit code is an integer, not ${wanted}`);
    }
    return number & 0xff;
}

function afterBuild(what) {
    if (!isRunning()) {
        throw new Error(`process.${what} is not known while the component is built: ask for it in the function that is given to command()`);
    }
}

export const process = {
    /** What the program ends with when nothing is left to wait for; undefined: 0, or 1 after an error. */
    exitCode: undefined,

    /** What runs the program, the program, and its arguments. */
    get argv() {
        afterBuild("argv");
        return ["wasyncio", ...getArguments()];
    },

    /** The environment that was granted. */
    get env() {
        afterBuild("env");
        environment ??= Object.fromEntries(getEnvironment());
        return environment;
    },

    platform: "wasi",

    stdout,
    stderr,

    /** Ends the program at once. What was written and not sent yet may be lost: `await writer.drain()` and `waitClosed()` first. */
    exit(wanted = process.exitCode) {
        exitWithCode(code(wanted));
    },

    hrtime: { bigint: () => BigInt(Math.round(performance.now() * 1e6)) },

    nextTick(callback, ...parameters) {
        queueMicrotask(() => callback(...parameters));
    },
};

/** Ends the program with the code that it has set. */
export function end(failed) {
    const wanted = code(process.exitCode ?? (failed ? 1 : 0));
    if (wanted > 1) {
        exitWithCode(wanted);
    }
    return wanted === 0;
}
