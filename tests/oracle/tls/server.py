"""A server of CPython's: CERT KEY CAFILE [alpn] [clients] [tls12] [starttls] [cut] [deaf] [unix PATH]. Prints where it serves, and what it sees."""

import asyncio
import ssl
import sys

cert, key, cafile, *options = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
if "alpn" in options:
    context.set_alpn_protocols(["b", "a"])
if "clients" in options:
    context.load_verify_locations(cafile)
    context.verify_mode = ssl.CERT_REQUIRED
if "tls12" in options:
    context.maximum_version = ssl.TLSVersion.TLSv1_2


async def serve(reader, writer):
    try:
        if "starttls" in options:
            print("plain", await reader.readline(), flush=True)
            writer.write(b"go on\n")
            await writer.start_tls(context)
        if "cut" in options:
            # Behind TLS' back: the end of the stream, without saying so.
            writer.write(b"half")
            await writer.drain()
            writer.get_extra_info("socket").shutdown(1)
            await asyncio.sleep(30)
        if "deaf" in options:
            # Neither reads nor answers from here on.
            data = await reader.read(100)
            writer.transport.pause_reading()
            writer.write(data)
            await asyncio.sleep(30)
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()
        await writer.wait_closed()
        print("closed cleanly", flush=True)
    except OSError as error:
        print("failed", type(error).__name__, flush=True)


async def main():
    settings = {} if "starttls" in options else {"ssl": context}
    if "unix" in options:
        server = await asyncio.start_unix_server(serve, options[-1], **settings)
    else:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, **settings)
    print("Serving on", server.sockets[0].getsockname(), flush=True)
    await server.serve_forever()


asyncio.run(main())
