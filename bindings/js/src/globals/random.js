// `crypto.getRandomValues` and `crypto.randomUUID`, and a `Math.random` that differs from run to run: that of QuickJS has its seed since
// the component was built.

import { getRandomBytes } from "wasi:random/random@0.3.2";

import { isRunning } from "../program/life.js";

/** As much as is asked for at once. */
const MOST = 65536;

export const crypto = {
    /** Fills an array of integers with bytes that nobody can foretell. */
    getRandomValues(array) {
        if (!ArrayBuffer.isView(array) || array instanceof Float32Array || array instanceof Float64Array || array instanceof DataView) {
            throw new TypeError("crypto.getRandomValues fills a typed array of integers");
        }
        if (array.byteLength > MOST) {
            throw new DOMException(`not more than ${MOST} bytes at once`, "QuotaExceededError");
        }
        const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
        for (let at = 0; at < bytes.length; ) {
            const some = getRandomBytes(BigInt(bytes.length - at));
            bytes.set(some, at);
            at += some.length;
        }
        return array;
    },

    /** A UUID of version 4. */
    randomUUID() {
        const bytes = crypto.getRandomValues(new Uint8Array(16));
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
        return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
    },
};

let state;

/** xorshift128, seeded by the host as the program first asks. */
export function random() {
    if (!isRunning()) {
        throw new Error("Math.random() would give the same in every run: call it in the function that is given to command()");
    }
    if (state === undefined) {
        state = crypto.getRandomValues(new Uint32Array(4));
        state[0] |= 1;
    }
    const next = () => {
        const swap = state[3];
        let word = state[0];
        state[0] = state[1];
        state[1] = state[2];
        state[2] = swap;
        word ^= word << 11;
        word ^= word >>> 8;
        state[3] = word ^ swap ^ (swap >>> 19);
        return state[3];
    };
    return ((next() >>> 5) * 0x4000000 + (next() >>> 6)) / 0x20000000000000;
}
