// Answers of `getExtraInfo` and addresses as Python has them.

/** `[host, port]` of IPv4, `[host, port, flowinfo, scopeId]` of IPv6; the path of a Unix socket, as bytes if it is no text. */
export function toAddress(address) {
    if (address === null || address === undefined) {
        return null;
    }
    switch (address.family) {
        case "inet":
            return [address.host, address.port];
        case "inet6":
            return [address.host, address.port, address.flowinfo, address.scopeId];
        default:
            return toPathText(address.path);
    }
}

function toPathText(path) {
    if (path === null || path.length === 0) {
        return "";
    }
    // An abstract name is bytes.
    if (path[0] === 0) {
        return Uint8Array.from(path);
    }
    try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(path));
    } catch {
        return Uint8Array.from(path);
    }
}

/** What Python's `TransportSocket` tells. */
export class TransportSocket {
    #sockname;
    #peername;

    constructor(family, sockname, peername, peerCredentials = null) {
        /** `inet`, `inet6` or `unix`. */
        this.family = family;
        /** `{ pid, uid, gid }` of a Unix socket's peer, or null. */
        this.peerCredentials = peerCredentials;
        this.#sockname = sockname;
        this.#peername = peername;
    }

    getsockname() {
        return toAddress(this.#sockname);
    }

    getpeername() {
        return toAddress(this.#peername);
    }
}

/** What Python's `SSLObject` tells of a connection. */
export class SSLObject {
    #info;

    constructor(info) {
        this.#info = info;
        this.serverHostname = info.serverHostname;
        this.serverSide = info.serverSide;
        this.sessionReused = info.sessionReused;
    }

    /** `TLSv1.3` and the like. */
    version() {
        return this.#info.version;
    }

    selectedAlpnProtocol() {
        return this.#info.alpnProtocol;
    }

    /** The peer's certificate, DER, or null. */
    getpeercert() {
        return this.#info.peercert;
    }
}

/** An answer of `get-extra-info`. */
export function toExtra(info) {
    switch (info.tag) {
        case "address":
            return toAddress(info.val);
        case "socket":
            return new TransportSocket(info.val.family, info.val.sockname, info.val.peername, info.val.peerCredentials);
        case "cipher":
            return [info.val.name, info.val.protocol, info.val.bits];
        case "ssl":
            return new SSLObject(info.val);
        default:
            return info.val;
    }
}
