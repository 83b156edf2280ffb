"""An echo server: what a client sends comes back, line by line."""

import asyncio
import sys


async def echo(reader, writer):
    try:
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
    finally:
        writer.close()


async def main(port):
    server = await asyncio.start_server(echo, '127.0.0.1', port)
    for socket in server.sockets:
        print(f'Serving on {socket.getsockname()}', flush=True)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8888))
