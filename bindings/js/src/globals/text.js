// TextEncoder and TextDecoder of the Encoding Standard, which QuickJS has not: UTF-8, UTF-16LE and windows-1252 (`latin1`).

/** How many code units are made a string at a time: more would be too many arguments. */
const CHUNK = 4096;

/** Bytes of a text in UTF-8; a surrogate that stands alone becomes U+FFFD. */
export function encodeUtf8(text) {
    const length = text.length;
    // Most text is ASCII.
    let bytes = new Uint8Array(length);
    let at = 0;
    for (; at < length; at += 1) {
        const unit = text.charCodeAt(at);
        if (unit > 0x7f) {
            break;
        }
        bytes[at] = unit;
    }
    if (at === length) {
        return bytes;
    }
    const longer = new Uint8Array(at + (length - at) * 3);
    longer.set(bytes.subarray(0, at));
    bytes = longer;
    let out = at;
    while (at < length) {
        let point = text.charCodeAt(at);
        at += 1;
        if (point >= 0xd800 && point <= 0xdfff) {
            const low = at < length ? text.charCodeAt(at) : 0;
            if (point < 0xdc00 && low >= 0xdc00 && low <= 0xdfff) {
                point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
                at += 1;
            } else {
                point = 0xfffd;
            }
        }
        if (point < 0x80) {
            bytes[out++] = point;
        } else if (point < 0x800) {
            bytes[out++] = 0xc0 | (point >> 6);
            bytes[out++] = 0x80 | (point & 0x3f);
        } else if (point < 0x10000) {
            bytes[out++] = 0xe0 | (point >> 12);
            bytes[out++] = 0x80 | ((point >> 6) & 0x3f);
            bytes[out++] = 0x80 | (point & 0x3f);
        } else {
            bytes[out++] = 0xf0 | (point >> 18);
            bytes[out++] = 0x80 | ((point >> 12) & 0x3f);
            bytes[out++] = 0x80 | ((point >> 6) & 0x3f);
            bytes[out++] = 0x80 | (point & 0x3f);
        }
    }
    return bytes.slice(0, out);
}

export class TextEncoder {
    get encoding() {
        return "utf-8";
    }

    encode(text = "") {
        return encodeUtf8(String(text));
    }

    encodeInto(text, into) {
        const source = String(text);
        let read = 0;
        let written = 0;
        for (const char of source) {
            const bytes = encodeUtf8(char);
            if (written + bytes.length > into.length) {
                break;
            }
            into.set(bytes, written);
            written += bytes.length;
            read += char.length;
        }
        return { read, written };
    }
}

const LABELS = {
    "utf-8": ["utf-8", "utf8", "unicode-1-1-utf-8", "unicode11utf8", "unicode20utf8", "x-unicode20utf8"],
    "utf-16le": ["utf-16le", "utf-16", "ucs-2", "unicode", "csunicode", "iso-10646-ucs-2", "unicodefeff"],
    "windows-1252": [
        "windows-1252", "ansi_x3.4-1968", "ascii", "cp1252", "cp819", "csisolatin1", "ibm819", "iso-8859-1", "iso-ir-100", "iso8859-1",
        "iso88591", "iso_8859-1", "iso_8859-1:1987", "l1", "latin1", "us-ascii", "x-cp1252",
    ],
};

/** What windows-1252 has in the place of the control characters from 0x80 on. */
const WINDOWS_1252 = [
    0x20ac, 0x81, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d, 0x017d, 0x8f, 0x90, 0x2018,
    0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d, 0x017e, 0x0178,
];

/** Code units, gathered to a string. */
class Units {
    #text = "";
    #units = [];

    push(unit) {
        if (this.#units.push(unit) >= CHUNK) {
            this.#flush();
        }
    }

    pushPoint(point) {
        if (point < 0x10000) {
            this.push(point);
        } else {
            this.push(0xd800 + ((point - 0x10000) >> 10));
            this.push(0xdc00 + ((point - 0x10000) & 0x3ff));
        }
    }

    #flush() {
        this.#text += String.fromCharCode.apply(null, this.#units);
        this.#units = [];
    }

    take() {
        this.#flush();
        return this.#text;
    }
}

const invalid = () => new TypeError("The encoded data was not valid");

class Utf8 {
    #point = 0;
    #needed = 0;
    #lower = 0x80;
    #upper = 0xbf;

    /** Decodes; `last`: nothing follows. */
    decode(bytes, fatal, last, out) {
        const bad = () => {
            if (fatal) {
                throw invalid();
            }
            out.push(0xfffd);
        };
        for (let at = 0; at < bytes.length; at += 1) {
            const byte = bytes[at];
            if (this.#needed === 0) {
                if (byte < 0x80) {
                    out.push(byte);
                } else if (byte >= 0xc2 && byte <= 0xdf) {
                    this.#begin(byte & 0x1f, 1);
                } else if (byte >= 0xe0 && byte <= 0xef) {
                    this.#begin(byte & 0xf, 2, byte === 0xe0 ? 0xa0 : 0x80, byte === 0xed ? 0x9f : 0xbf);
                } else if (byte >= 0xf0 && byte <= 0xf4) {
                    this.#begin(byte & 0x7, 3, byte === 0xf0 ? 0x90 : 0x80, byte === 0xf4 ? 0x8f : 0xbf);
                } else {
                    bad();
                }
            } else if (byte < this.#lower || byte > this.#upper) {
                this.#begin(0, 0);
                bad();
                // It may begin another character.
                at -= 1;
            } else {
                this.#point = (this.#point << 6) | (byte & 0x3f);
                this.#lower = 0x80;
                this.#upper = 0xbf;
                this.#needed -= 1;
                if (this.#needed === 0) {
                    out.pushPoint(this.#point);
                }
            }
        }
        if (last && this.#needed > 0) {
            this.#begin(0, 0);
            bad();
        }
    }

    #begin(point, needed, lower = 0x80, upper = 0xbf) {
        this.#point = point;
        this.#needed = needed;
        this.#lower = lower;
        this.#upper = upper;
    }
}

class Utf16Le {
    #byte = -1;
    #high = -1;

    decode(bytes, fatal, last, out) {
        const bad = () => {
            if (fatal) {
                throw invalid();
            }
            out.push(0xfffd);
        };
        for (const byte of bytes) {
            if (this.#byte < 0) {
                this.#byte = byte;
                continue;
            }
            const unit = this.#byte | (byte << 8);
            this.#byte = -1;
            const isLow = unit >= 0xdc00 && unit <= 0xdfff;
            if (this.#high >= 0) {
                if (isLow) {
                    out.push(this.#high);
                    out.push(unit);
                    this.#high = -1;
                    continue;
                }
                this.#high = -1;
                bad();
            }
            if (unit >= 0xd800 && unit <= 0xdbff) {
                this.#high = unit;
            } else if (isLow) {
                bad();
            } else {
                out.push(unit);
            }
        }
        if (last && (this.#byte >= 0 || this.#high >= 0)) {
            this.#byte = -1;
            this.#high = -1;
            bad();
        }
    }
}

class Windows1252 {
    decode(bytes, _fatal, _last, out) {
        for (const byte of bytes) {
            out.push(byte >= 0x80 && byte < 0xa0 ? WINDOWS_1252[byte - 0x80] : byte);
        }
    }
}

const DECODERS = { "utf-8": Utf8, "utf-16le": Utf16Le, "windows-1252": Windows1252 };

/** The bytes of an ArrayBuffer or a view of one. */
function view(input) {
    if (input === undefined) {
        return new Uint8Array(0);
    }
    if (ArrayBuffer.isView(input)) {
        return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
    }
    return new Uint8Array(input);
}

/** The text of bytes that are all ASCII; undefined of any others. */
function asciiText(bytes) {
    for (let at = 0; at < bytes.length; at += 1) {
        if (bytes[at] > 0x7f) {
            return undefined;
        }
    }
    let text = "";
    for (let at = 0; at < bytes.length; at += CHUNK) {
        text += String.fromCharCode.apply(null, bytes.subarray(at, at + CHUNK));
    }
    return text;
}

export class TextDecoder {
    #encoding;
    #fatal;
    #ignoreBOM;
    #decoder;
    #begun = false;

    constructor(label = "utf-8", options = {}) {
        const wanted = String(label).trim().toLowerCase();
        const found = Object.entries(LABELS).find(([, labels]) => labels.includes(wanted));
        if (!found) {
            throw new RangeError(`The "${label}" encoding is not supported`);
        }
        this.#encoding = found[0];
        this.#fatal = Boolean(options?.fatal);
        this.#ignoreBOM = Boolean(options?.ignoreBOM);
    }

    get encoding() {
        return this.#encoding;
    }

    get fatal() {
        return this.#fatal;
    }

    get ignoreBOM() {
        return this.#ignoreBOM;
    }

    decode(input, options = {}) {
        const bytes = view(input);
        const more = Boolean(options?.stream);
        if (this.#decoder === undefined && !more && this.#encoding === "utf-8") {
            const text = asciiText(bytes);
            if (text !== undefined) {
                return text;
            }
        }
        this.#decoder ??= new DECODERS[this.#encoding]();
        const units = new Units();
        try {
            this.#decoder.decode(bytes, this.#fatal, !more, units);
        } catch (error) {
            this.#restart();
            throw error;
        }
        let text = units.take();
        if (!this.#begun && text.length > 0) {
            this.#begun = true;
            if (!this.#ignoreBOM && this.#encoding !== "windows-1252" && text.charCodeAt(0) === 0xfeff) {
                text = text.slice(1);
            }
        }
        if (!more) {
            this.#restart();
        }
        return text;
    }

    #restart() {
        this.#decoder = undefined;
        this.#begun = false;
    }
}
