// `asyncio.StreamWriter`.

import { toBytes } from "./bytes.js";
import { call, callNow, signalOf } from "./calls.js";
import { toExtra } from "./extra.js";
import { secure } from "./kinds.js";
import { Transport } from "./transport.js";

/** The component's writer of this one. */
export let resourceOf;

export class StreamWriter {
    #resource;
    #transport;

    static {
        resourceOf = (writer) => writer.#resource;
    }

    constructor(resource) {
        this.#resource = resource;
    }

    /** Writes bytes, or a text in UTF-8, without waiting. Follow it with `drain`. */
    write(data) {
        const bytes = toBytes(data);
        callNow(() => this.#resource.write(bytes));
    }

    /** Writes several, one behind the other. */
    writelines(list) {
        const bytes = Array.from(list, toBytes);
        callNow(() => this.#resource.writelines(bytes));
    }

    /** Waits while too much is buffered. */
    drain(options = undefined) {
        return call(() => this.#resource.drain(), signalOf(options));
    }

    /** Whether `writeEof` is possible: yes, but over TLS. */
    canWriteEof() {
        return this.#resource.canWriteEof();
    }

    /** Ends the sending side once what was written is sent; reading goes on. */
    writeEof() {
        callNow(() => this.#resource.writeEof());
    }

    /** Closes the connection once what was written is sent. */
    close() {
        this.#resource.close();
    }

    isClosing() {
        return this.#resource.isClosing();
    }

    /** Waits until the connection is closed. */
    waitClosed(options = undefined) {
        return call(() => this.#resource.waitClosed(), signalOf(options));
    }

    /** What is known of the connection: `peername`, `sockname`, `socket`, `cipher`, `peercert`, `ssl_object`, `compression`. */
    getExtraInfo(name, otherwise = null) {
        const info = this.#resource.getExtraInfo(String(name));
        return info === null ? otherwise : toExtra(info);
    }

    /** Goes on by TLS: `wasyncio/full`. */
    startTls(ssl, options = {}) {
        return secure().startTls(this.#resource, ssl, options);
    }

    get transport() {
        this.#transport ??= new Transport(this.#resource.transport());
        return this.#transport;
    }

    /** `await using writer`: closes, and waits for it. */
    async [Symbol.asyncDispose]() {
        this.close();
        await this.waitClosed();
    }
}
