// TLS: what `wasyncio/full` provides. Keys and authorities are the host's, under names that its policy grants.

import * as tls from "wasyncio:streams/tls@0.1.0";

import { call, signalOf } from "./calls.js";
import { provideTls } from "./kinds.js";
import { pairOf } from "./pair.js";
import { sslOptions } from "./ssl_options.js";

provideTls({
    async openConnection(address, record, options) {
        const ssl = sslOptions(options.ssl, options);
        return pairOf(await call(() => tls.openConnection(...address, ssl, record), signalOf(options)));
    },

    startServer(hosts, port, record, options) {
        const ssl = sslOptions(options.ssl, options);
        return call(() => tls.startServer(hosts, port, ssl, record), signalOf(options));
    },

    async openUnixConnection(path, record, options) {
        const ssl = sslOptions(options.ssl, options);
        return pairOf(await call(() => tls.openUnixConnection(path, ssl, record), signalOf(options)));
    },

    startUnixServer(path, record, options) {
        const ssl = sslOptions(options.ssl, options);
        return call(() => tls.startUnixServer(path, ssl, record), signalOf(options));
    },

    async startTls(writer, ssl, options) {
        const record = sslOptions(ssl, options);
        await call(() => tls.startTls(writer, record), signalOf(options));
    },
});
