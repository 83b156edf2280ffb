"""What the programs here share: `PROGRAM.py serve [CERT KEY]` says where it serves, `PROGRAM.py fetch PORT [CA]` prints what it gets."""

import asyncio
import ssl
import sys


def server_context():
    """The context to serve with; None in the clear."""
    if len(sys.argv) < 4:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    return context


def client_context():
    """The context to connect with; None in the clear."""
    return ssl.create_default_context(cafile=sys.argv[3]) if len(sys.argv) > 3 else None


def serving(address):
    print('Serving on', tuple(address)[:2], flush=True)


def port():
    return int(sys.argv[2])


def url(scheme, path=''):
    return f'{scheme}{"s" if len(sys.argv) > 3 else ""}://localhost:{port()}{path}'


def main(serve, fetch):
    """Runs the one that is wanted; a client has its time."""
    if sys.argv[1] == 'serve':
        asyncio.run(serve())
    else:
        asyncio.run(asyncio.wait_for(fetch(), 60))
        print('done')
