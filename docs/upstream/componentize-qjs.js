// What `componentize-qjs.md` tells of: one case each, by the program's argument.

import { getArguments } from "wasi:cli/environment@0.3.2";
import { getStdout } from "wasi:cli/stdout@0.2.0";
import { readViaStream } from "wasi:cli/stdin@0.3.2";
import { waitFor } from "wasi:clocks/monotonic-clock@0.3.2";
import { fromStreams, StreamReader } from "wasyncio:streams/streams@0.1.0";

function print(value) {
    const text = `${value}\n`;
    getStdout().blockingWriteAndFlush(Uint8Array.from(text, (char) => char.charCodeAt(0)));
}

const cases = {
    async depth() {
        let depth = 0;
        const deeper = () => {
            depth += 1;
            if (depth % 500 === 0) {
                print(depth);
            }
            deeper();
        };
        deeper();
    },

    async json() {
        for (const depth of [1000, 2000, 5000, 10000]) {
            JSON.parse("[".repeat(depth) + "]".repeat(depth));
            print(depth);
        }
    },

    async microtask() {
        queueMicrotask(() => {
            throw new Error("of a microtask");
        });
        await waitFor(1_000_000n);
        print("goes on");
    },

    async rejection() {
        Promise.reject(new Error("of nobody"));
        await waitFor(1_000_000n);
        print("goes on");
    },

    async thrown() {
        throw new Error("of the program");
    },

    async number() {
        await waitFor(1_000_000);
    },

    async list() {
        StreamReader.create(null).feedData("text");
    },

    async variant() {
        StreamReader.create(null).setException({ tag: "nonsense" });
    },

    async random() {
        print(Math.random());
    },

    async performance() {
        print(`${performance.now()} ${performance.timeOrigin}`);
    },

    async stream() {
        print(Object.keys(wit.Stream.types));
        const [incoming] = readViaStream();
        incoming.drop();
        for (const [name, type] of Object.entries(wit.Stream.types).reverse()) {
            await fromStreams(wit.Stream(type).readable, null);
            print(`${name} is taken`);
        }
    },
};

export const run = {
    async run() {
        await cases[getArguments()[1]]();
    },
};
