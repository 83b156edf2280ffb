// What `wasyncio/full` adds to connections and servers over plain TCP.

import { NotImplementedError } from "./errors.js";

let tls;

/** `wasyncio/full` was imported. */
export function provideTls(provided) {
    tls = provided;
}

/** TLS. */
export function secure() {
    if (tls === undefined) {
        throw new NotImplementedError("TLS needs `wasyncio/full`, and a world that includes command-full");
    }
    return tls;
}
