"""The benchmark's server in Python, for CPython's event loop and for uvloop's; see benches/protocol/src/lib.rs."""

import asyncio
import ssl
import sys

PERIOD = 251


async def echo(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()


async def sink(reader, writer):
    announced = int(await reader.readline())
    size = 0
    intact = True
    while size < announced and (data := await reader.read(65536)):
        intact &= data[0] == size % PERIOD and data[-1] == (size + len(data) - 1) % PERIOD
        size += len(data)
    writer.write(b"%d %s\n" % (size, b"intact" if intact else b"damaged"))
    await writer.drain()


async def main(address, mode, identity=None):
    handle = {"echo": echo, "sink": sink}[mode]

    async def serve(reader, writer):
        try:
            await handle(reader, writer)
            writer.close()
            await writer.wait_closed()
        except ConnectionError:
            # A client that ends a measurement resets its connections; every other failure it notices itself.
            writer.close()

    if "/" in address:
        server = await asyncio.start_unix_server(serve, address)
    else:
        host, port = address.rsplit(":", 1)
        context = None
        if identity:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*identity.split(","))
        server = await asyncio.start_server(serve, host, int(port), ssl=context)
        address = "%s:%d" % server.sockets[0].getsockname()
    print(f"Serving on {address}", flush=True)
    await server.serve_forever()


def run(address, mode, loop="asyncio", identity=None):
    if loop == "uvloop":
        import uvloop

        uvloop.run(main(address, mode, identity))
    else:
        asyncio.run(main(address, mode, identity))


if __name__ == "__main__":
    run(*sys.argv[1:])
