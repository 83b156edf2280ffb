// Printing HTTP headers, from the asyncio documents.
//
//     wasyncio run dist/examples/js/http-headers.wasm --allow-connect example.com:443 -- https://example.com/path/page.html
//
// A second argument is the name of a trust that the operator grants (`--tls-trust NAME=ca.pem`): it certifies the server in the place of
// the system's authorities.

import { command, openConnection } from "wasyncio/full";

async function printHttpHeaders(url, trust) {
    const { secure, host, port, path } = split(url);
    const [reader, writer] = await openConnection(host, port, { ssl: secure && { trust } });

    writer.write(`HEAD ${path} HTTP/1.0\r\nHost: ${host}\r\n\r\n`);
    const latin1 = new TextDecoder("latin1");
    for await (const bytes of reader) {
        const line = latin1.decode(bytes).trimEnd();
        if (line) {
            console.log(`HTTP header> ${line}`);
        }
    }

    // Ignore the body, close the socket
    writer.close();
    await writer.waitClosed();
}

function split(url) {
    const parts = /^(https?):\/\/([^/:]+)(?::(\d+))?(\/.*)?$/.exec(url);
    if (!parts) {
        throw new TypeError(`'${url}' is no http:// or https:// address`);
    }
    const [, scheme, host, port, path = "/"] = parts;
    const secure = scheme === "https";
    return { secure, host, port: Number(port ?? (secure ? 443 : 80)), path };
}

export const run = command(async (url, trust) => {
    if (url === undefined) {
        console.error("usage: http-headers URL [TRUST]");
        process.exit(2);
    }
    await printHttpHeaders(url, trust);
});
