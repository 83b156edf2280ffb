// What Python's `SSLContext` and the arguments for TLS say, as the interface has it.

import { toChoice, toFlag, toSeconds, toText } from "./bytes.js";
import { ValueError } from "./errors.js";

const ARGUMENTS = {
    serverHostname: "server_hostname",
    sslHandshakeTimeout: "ssl_handshake_timeout",
    sslShutdownTimeout: "ssl_shutdown_timeout",
};

/** Refuses arguments for TLS where there is none. */
export function withoutSsl(options) {
    for (const [name, python] of Object.entries(ARGUMENTS)) {
        if (options[name] !== undefined && options[name] !== null) {
            throw new ValueError(`${python} is only meaningful with ssl`);
        }
    }
}

/** The record of `ssl`, which is `true` or an object, and of the arguments beside it. */
export function sslOptions(ssl, options) {
    if (ssl !== true && (typeof ssl !== "object" || ssl === null)) {
        throw new TypeError("ssl must be true or an object such as { trust, identity }");
    }
    const alpn = ssl.alpnProtocols ?? [];
    return {
        identity: toText(ssl.identity, "identity"),
        trust: toText(ssl.trust, "trust"),
        verifyMode: toChoice(ssl.verifyMode, ["none", "optional", "required"], "verifyMode"),
        checkHostname: toFlag(ssl.checkHostname),
        alpnProtocols: Array.from(alpn, (protocol) => toText(protocol, "an ALPN protocol") ?? ""),
        minimumVersion: toChoice(ssl.minimumVersion, ["tls12", "tls13"], "minimumVersion"),
        serverHostname: toText(options.serverHostname, "serverHostname"),
        sslHandshakeTimeout: toSeconds(options.sslHandshakeTimeout, "sslHandshakeTimeout"),
        sslShutdownTimeout: toSeconds(options.sslShutdownTimeout, "sslShutdownTimeout"),
    };
}
