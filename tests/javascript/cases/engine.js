// What a programmer in JavaScript expects to be there.

import * as asyncio from "wasyncio/full";

import { say } from "./telling.js";

export const engine = {
    /** What is printed, and where. */
    async console() {
        console.log("text", 1, -0, 10n, null, undefined, true, Symbol("s"));
        console.log({ a: 1, "b-c": [1, 2, { d: "it's" }], nested: { deep: { deeper: { deepest: 1 } } } });
        console.log([new Map([["k", 1]]), new Set([1]), new Uint8Array([1, 2]), () => 1, class A {}]);
        console.log("%s is %d, %j %%", "this", 42, { json: true }, "more");
        console.error("to the standard error");
        console.info("ö€😀");
        console.group("group");
        console.log("within");
        console.groupEnd();
        console.count();
        console.assert(false, "told");
        const circle = {};
        circle.self = circle;
        console.log(circle);
        const error = new asyncio.OSError("no", "connection-refused", "h:1");
        console.log(error.toString());
        console.log("x".repeat(10000).length, "y".repeat(5000));
    },

    /** The order of timers and microtasks. */
    async timers() {
        const order = [];
        const began = performance.now();
        const done = new Promise((resolve) => setTimeout(resolve, 60));
        setTimeout((text) => order.push(text), 30, "thirty");
        setTimeout(() => order.push("ten"), 10);
        clearTimeout(setTimeout(() => order.push("never"), 5));
        setImmediate(() => order.push("immediate"));
        queueMicrotask(() => order.push("microtask"));
        queueMicrotask(() => {
            throw new Error("of a microtask");
        });
        Promise.resolve().then(() => order.push("promise"));
        let ticks = 0;
        const interval = setInterval(() => {
            ticks += 1;
            if (ticks === 3) {
                clearInterval(interval);
            }
        }, 2);
        setTimeout(() => {
            throw new Error("of a timer");
        }, 1);
        await done;
        say(order.join(" "), ticks, performance.now() - began >= 59, began >= 0 && began < 10_000);
        say(Date.now() > 1.7e12, typeof structuredClone, typeof WeakRef);
        // Nobody waits for this one.
        setTimeout(() => say("never"), 60_000).unref();
        // The program ends after this one.
        setTimeout(() => say("last"), 20);
        say("main has ended");
    },

    /** Arguments, environment, exit codes. */
    async arguments(...parameters) {
        say(JSON.stringify(parameters), JSON.stringify(process.argv.slice(2)), process.env.GIVEN);
    },

    async exit(code) {
        process.stdout.write("before");
        process.exit(Number(code));
    },

    async exitCode(code) {
        process.exitCode = Number(code);
        setTimeout(() => say("still"), 5);
    },

    async fails() {
        throw new TypeError("of main");
    },

    /** Differs from run to run. */
    async random() {
        const bytes = crypto.getRandomValues(new Uint8Array(8));
        const many = Array.from({ length: 1000 }, Math.random);
        const mean = many.reduce((sum, one) => sum + one, 0) / 1000;
        say(Math.random(), crypto.randomUUID(), bytes.join("-"));
        console.error(mean > 0.4 && mean < 0.6, many.every((one) => one >= 0 && one < 1));
    },

    /** Text both ways. */
    async text() {
        const encoded = new TextEncoder().encode("aé€😀\ud800");
        say(Array.from(encoded, (byte) => byte.toString(16)).join(" "));
        const decoder = new TextDecoder();
        say(decoder.decode(encoded.subarray(0, 4), { stream: true }) + decoder.decode(encoded.subarray(4)));
        say(new TextDecoder("latin1").decode(new Uint8Array([0xe9, 0x80])), new TextDecoder("utf-16le").decode(new Uint8Array([0x61, 0])));
        say(new TextDecoder().decode(new Uint8Array([0xff, 0x61])));
        try {
            new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array([0xff]));
        } catch (error) {
            say(error.name);
        }
    },

    /** The standard input, line by line. */
    async stdin() {
        for await (const line of await asyncio.openStdin()) {
            say(`line ${new TextDecoder().decode(line).trimEnd()}`);
        }
        say("end");
    },
};
