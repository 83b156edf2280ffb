// `asyncio.Transport`.

import { toBytes, toSize } from "./bytes.js";
import { callNow } from "./calls.js";
import { toExtra } from "./extra.js";

/** The component's transport of this one. */
export let resourceOf;

/** One connection below its reader and writer. */
export class Transport {
    #resource;

    static {
        resourceOf = (transport) => transport.#resource;
    }

    constructor(resource) {
        this.#resource = resource;
    }

    /** Closes the connection at once; what was not sent yet is dropped. */
    abort() {
        this.#resource.abort();
    }

    close() {
        this.#resource.close();
    }

    isClosing() {
        return this.#resource.isClosing();
    }

    /** How many bytes were written and not yet taken by the system. */
    getWriteBufferSize() {
        return this.#resource.getWriteBufferSize();
    }

    /** The water marks, the low one first. */
    getWriteBufferLimits() {
        return this.#resource.getWriteBufferLimits();
    }

    /** Sets the water marks: `{ high, low }`. */
    setWriteBufferLimits({ high = null, low = null } = {}) {
        const marks = [toSize(high, "high"), toSize(low, "low")];
        callNow(() => this.#resource.setWriteBufferLimits(...marks));
    }

    pauseReading() {
        this.#resource.pauseReading();
    }

    resumeReading() {
        this.#resource.resumeReading();
    }

    isReading() {
        return this.#resource.isReading();
    }

    write(data) {
        const bytes = toBytes(data);
        callNow(() => this.#resource.write(bytes));
    }

    writelines(list) {
        const bytes = Array.from(list, toBytes);
        callNow(() => this.#resource.writelines(bytes));
    }

    canWriteEof() {
        return this.#resource.canWriteEof();
    }

    writeEof() {
        callNow(() => this.#resource.writeEof());
    }

    getExtraInfo(name, otherwise = null) {
        const info = this.#resource.getExtraInfo(String(name));
        return info === null ? otherwise : toExtra(info);
    }
}
