"""The one way into the try-out: from a port of the machine to the network that is only inside.

python -m hub.door DESCRIPTOR PORT

The descriptor is a socket that listens outside. This process lies inside.
"""

import asyncio
import socket
import sys


async def main(listening: socket.socket, port: int) -> None:
    """Hand all that comes on to the port inside, and back."""

    async def between(reader, writer):
        try:
            inside_reader, inside_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_flow(reader, inside_writer), _flow(inside_reader, writer))

    server = await asyncio.start_server(between, sock=listening)
    await server.serve_forever()


async def _flow(reader, writer):
    try:
        while part := await reader.read(2**16):
            writer.write(part)
            await writer.drain()
    except OSError:
        pass  # one side has gone: the other is told
    finally:
        writer.close()


if __name__ == "__main__":
    asyncio.run(main(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])))
