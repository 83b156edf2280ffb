// `console`, which QuickJS has not: `log`, `info` and `debug` to the standard output, `error`, `warn` and `trace` to the standard error.

import { stderr, stdout } from "../program/output.js";
import { format, inspect } from "./inspect.js";

let indentation = "";
const counts = new Map();
const times = new Map();

function print(output, text) {
    const indented = indentation ? indentation + text.replaceAll("\n", `\n${indentation}`) : text;
    output.write(`${indented}\n`);
}

const toStdout = (...parameters) => print(stdout, format(...parameters));
const toStderr = (...parameters) => print(stderr, format(...parameters));

function elapsed(label) {
    const began = times.get(label);
    if (began === undefined) {
        toStderr(`Warning: No such label '${label}' for console.time`);
        return undefined;
    }
    return `${label}: ${(performance.now() - began).toFixed(3)}ms`;
}

export const console = {
    log: toStdout,
    info: toStdout,
    debug: toStdout,
    error: toStderr,
    warn: toStderr,

    trace(...parameters) {
        const { stack = "" } = new Error();
        toStderr(`Trace: ${format(...parameters)}\n${stack.trimEnd()}`);
    },

    assert(condition, ...parameters) {
        if (!condition) {
            toStderr(parameters.length > 0 ? `Assertion failed: ${format(...parameters)}` : "Assertion failed");
        }
    },

    dir(value) {
        print(stdout, inspect(value));
    },

    table(value) {
        toStdout(value);
    },

    group(...parameters) {
        if (parameters.length > 0) {
            toStdout(...parameters);
        }
        indentation += "  ";
    },

    groupEnd() {
        indentation = indentation.slice(2);
    },

    count(label = "default") {
        counts.set(label, (counts.get(label) ?? 0) + 1);
        toStdout(`${label}: ${counts.get(label)}`);
    },

    countReset(label = "default") {
        counts.delete(label);
    },

    time(label = "default") {
        times.set(label, performance.now());
    },

    timeLog(label = "default", ...parameters) {
        const text = elapsed(label);
        if (text !== undefined) {
            toStdout(text, ...parameters);
        }
    },

    timeEnd(label = "default") {
        const text = elapsed(label);
        if (text !== undefined) {
            toStdout(text);
            times.delete(label);
        }
    },
};
