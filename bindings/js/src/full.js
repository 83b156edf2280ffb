// `wasyncio/full`: all of `wasyncio`, Unix sockets and TLS. It needs a host with `wasyncio:host`.

import "./tls.js";

export * from "./index.js";
export { openUnixConnection, startUnixServer } from "./unix.js";
