// `asyncio.open_connection`.

import { openConnection as open } from "wasyncio:streams/connect@0.1.0";

import { toChoice, toFlag, toPort, toSeconds, toSize, toText } from "./bytes.js";
import { call, signalOf } from "./calls.js";
import { secure } from "./kinds.js";
import { pairOf } from "./pair.js";
import { withoutSsl } from "./ssl_options.js";

/**
 * Connects to a host by TCP: gives `[reader, writer]`. Without a host it is this machine.
 *
 * Options: those of Python, in camelCase, and `signal`, which cancels.
 */
export async function openConnection(host = null, port = null, options = {}) {
    const address = [toText(host, "host"), toPort(port)];
    const record = connectionOptions(options);
    if (options.ssl) {
        return secure().openConnection(address, record, options);
    }
    withoutSsl(options);
    return pairOf(await call(() => open(...address, record), signalOf(options)));
}

function connectionOptions(options) {
    return {
        limit: toSize(options.limit, "limit"),
        family: toChoice(options.family, ["inet", "inet6", "unix"], "family"),
        proto: toSize(options.proto, "proto"),
        flags: toSize(options.flags, "flags"),
        localAddr: toLocalAddress(options.localAddr),
        happyEyeballsDelay: toSeconds(options.happyEyeballsDelay, "happyEyeballsDelay"),
        interleave: toSize(options.interleave, "interleave"),
        allErrors: toFlag(options.allErrors),
    };
}

function toLocalAddress(address) {
    if (address === undefined || address === null) {
        return null;
    }
    if (!Array.isArray(address) || address.length !== 2) {
        throw new TypeError("localAddr must be [host, port]");
    }
    return [toText(address[0], "the host of localAddr"), toPort(address[1]) ?? 0];
}
