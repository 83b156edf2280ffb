// A program: what `wasi:cli/run` calls.

import { startClock } from "../globals/clock.js";
import { endTimers } from "../globals/timers.js";
import { begin, rest } from "./life.js";
import { end } from "./process.js";
import { report } from "./report.js";

/**
 * Makes a program of a function: `export const run = command(async (...args) => { … })`. It is called with the program's arguments, after
 * the program's name.
 *
 * The program ends when the function has ended and nothing is left that it waits for: no call, timer or server. An error that leaves the
 * function is printed, and the program ends at once, with exit code 1. `process.exitCode` and `process.exit(code)` are as in Node.
 */
export function command(main) {
    if (typeof main !== "function") {
        throw new TypeError("command() takes the program's main function");
    }
    return {
        async run() {
            begin();
            startClock();
            let failed = false;
            try {
                await main(...process.argv.slice(2));
                await rest();
            } catch (error) {
                failed = true;
                report("Uncaught", error);
            }
            endTimers();
            if (!end(failed)) {
                // The `err` of `wasi:cli/run`: exit code 1.
                throw undefined;
            }
        },
    };
}
