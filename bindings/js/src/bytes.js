// What programs give as bytes and numbers. All of it is checked here: what componentize-qjs cannot convert traps the program.

import { encodeUtf8 } from "./globals/text.js";
import { ValueError } from "./errors.js";

/** As much as a 32-bit component can hold in one piece. */
const LARGEST = 2 ** 31 - 1;

/** A text as UTF-8, an ArrayBuffer or a view of one as bytes. */
export function toBytes(data) {
    if (data instanceof Uint8Array) {
        return data;
    }
    if (typeof data === "string") {
        return encodeUtf8(data);
    }
    if (ArrayBuffer.isView(data)) {
        return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    }
    if (data instanceof ArrayBuffer) {
        return new Uint8Array(data);
    }
    throw new TypeError(`data must be bytes (Uint8Array, ArrayBuffer) or a string, not ${describe(data)}`);
}

/** An integer, brought into the range of an `s32`. */
export function toInteger(value, name) {
    if (typeof value === "bigint") {
        value = Number(value);
    }
    if (typeof value !== "number" || !(Number.isInteger(value) || Math.abs(value) === Infinity)) {
        throw new TypeError(`${name} must be an integer, not ${describe(value)}`);
    }
    return Math.max(-LARGEST, Math.min(LARGEST, value));
}

/** An integer from 0 on, or null where there is none. */
export function toSize(value, name) {
    if (value === undefined || value === null) {
        return null;
    }
    const size = toInteger(value, name);
    if (size < 0) {
        throw new ValueError(`${name} must not be negative, but is ${value}`);
    }
    return size;
}

/** The number of a port, or null where there is none. */
export function toPort(value) {
    const port = toSize(value, "port");
    if (port !== null && port > 0xffff) {
        throw new ValueError(`port must be 0-65535, but is ${value}`);
    }
    return port;
}

/** A text, or null where there is none. */
export function toText(value, name) {
    if (value === undefined || value === null) {
        return null;
    }
    if (typeof value !== "string") {
        throw new TypeError(`${name} must be a string, not ${describe(value)}`);
    }
    return value;
}

/** Whether it is so, or null where nothing is said. */
export function toFlag(value) {
    return value === undefined || value === null ? null : Boolean(value);
}

/** Seconds, or null where there are none. */
export function toSeconds(value, name) {
    if (value === undefined || value === null) {
        return null;
    }
    if (typeof value !== "number") {
        throw new TypeError(`${name} must be a number of seconds, not ${describe(value)}`);
    }
    return value;
}

/** One of the names, or null where there is none. */
export function toChoice(value, names, name) {
    const text = toText(value, name);
    if (text !== null && !names.includes(text)) {
        throw new ValueError(`${name} must be one of ${names.join(", ")}, not ${text}`);
    }
    return text;
}

/** The path of a Unix socket as the bytes of the file system; one that begins with a NUL is an abstract name. */
export function toPath(path) {
    return toBytes(path);
}

function describe(value) {
    if (value === null) {
        return "null";
    }
    return typeof value === "object" ? (value.constructor?.name ?? "an object") : `${typeof value} ${String(value)}`;
}
