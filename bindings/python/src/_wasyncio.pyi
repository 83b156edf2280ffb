"""The native module: the component model's waits, and streams that are read and written straight from and into bytes.

Handles are those of the component's table, plain numbers. Who has one drops it, once. Nothing here knows of asyncio.

A code of a stream's operation is `count << 4 | end`: how many bytes moved, and 0 if the stream goes on, 1 if its other end is gone, 2 if
the operation was cancelled. -1 means that the operation has begun and an event will tell its code.
"""

SUBTASK: int
"""Event: a call has gone on; its code is the state, 2 when it has returned."""
STREAM_READ: int
"""Event: a read has ended; its code is the operation's."""
STREAM_WRITE: int
"""Event: a write has ended."""
FUTURE_READ: int
"""Event: a future has its value, or none will come."""
BLOCKED: int
"""The operation has begun; an event will tell its code."""

# Waiting. A waitable is a subtask, an end of a stream or a future.

def set_new() -> int:
    """A new waitable set."""

def join(waitable: int, to: int, /) -> None:
    """Puts a waitable into a set, out of the one it was in; into none with 0."""

def gather(set: int, block: bool, /) -> list[tuple[int, int, int, bytes | None]]:
    """All events that are there, at most 512; with `block` it waits for the first one.

    An event is `(event, waitable, code, data)`; `data` is what a read has brought. The buffers of reads and writes that have ended are
    free again.
    """

def yield_now() -> None:
    """Lets the host and other tasks go on: what has happened outside becomes an event only so, or in `gather` that waits."""

def timer(nanoseconds: int, /) -> int:
    """Begins to wait so long: a subtask, or 0 if that is over at once. A subtask that has returned is to be dropped."""

def subtask_drop(subtask: int, /) -> None:
    """Drops a subtask that has returned and is in no set."""

# Streams of bytes.

def read(incoming: int, room: int, /) -> bytes | int:
    """Reads at most `room` bytes: bytes that are there, never empty; -1 if it has begun; 1 if the stream has ended.

    The buffer is the module's. One read is in flight at a time.
    """

def write(outgoing: int, data: bytes, /) -> int:
    """Writes: the code, or -1 if it has begun. The bytes are kept as long as needed."""

def flush(parts: list[tuple[int, int, int, bytes]], /) -> list[tuple[int, bytes | int | None]]:
    """Many writes and reads in one call: `(outgoing, incoming, room, data)` for each.

    Empty `data` writes nothing, an `incoming` of 0 reads nothing. For each the code of the write, 0 for none, and what `read` gives,
    None for none. A part is written before it is read.
    """

def cancel_read(incoming: int, /) -> bytes | int:
    """Ends a read in flight, waiting until that is so: what it has brought, else its code."""

def cancel_write(outgoing: int, /) -> int:
    """Ends a write in flight, waiting until that is so: its code, whose count was sent."""

def drop_incoming(incoming: int, /) -> None:
    """Drops the readable end of a stream, with no read in flight: nothing more is received."""

def drop_outgoing(outgoing: int, /) -> None:
    """Drops the writable end of a stream, with no write in flight: the sending side ends."""

# Connections of the interface `raw`. A connection is a handle of its resource.

def accept(server: int, /) -> int | list[int]:
    """Begins `raw.accept`, which borrows the handle of a server: connections that are there, or the subtask. One call of a server at a
    time. An empty list: it failed, the server is closed."""

def accepted(subtask: int, /) -> list[int]:
    """What an `accept` that has returned has brought, and drops its subtask. Empty: it failed, the server is closed."""

def open(connection: int, /) -> tuple[int, int, int, int, bytes] | None:
    """Opens a connection, once: `(outgoing, incoming, received, sent, read_ahead)`. The first two are the ends of streams, the next two
    of futures, for `ended`. None: it was opened before or was ended."""

def ended(future: int, /) -> int | None:
    """How a direction has ended: -1 if that is not known yet and `FUTURE_READ` will tell, None if it ended well, else the number of the
    case of `error-code` of `wasi:sockets`, 0 for `access-denied`. It may be asked again after the event."""

def drop_ended(future: int, /) -> None:
    """Drops such a future, read or not."""

def drop_connection(connection: int, /) -> None:
    """Says that the connection is gone: its server does not count it any more."""
