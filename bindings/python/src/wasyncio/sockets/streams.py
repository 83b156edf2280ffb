"""A descriptor on two streams of bytes: what a connection is once it stands, in the clear or by TLS."""

import errno

import _wasyncio as native
import wit_world
from componentize_py_async_support.streams import ByteStreamReader
from componentize_py_types import Err

from . import errors, waiting
from .descriptor import Descriptor, failure

# What one read asks for, and one write hands over, in bytes.
_CHUNK = 65536

# What is closed and still sends.
_sending = set()


def handle_of(end):
    """The handle of an end of a stream that generated code has; it is ours from now on."""
    end.finalizer.detach()
    handle, end.handle = end.handle, None
    return handle


def reader_of(handle):
    """The readable end with this handle, as generated code has it."""
    writer, reader = wit_world.byte_stream()
    with writer, reader:
        return ByteStreamReader(reader.type_, handle)


class Pump:
    """Writes what one stream brings to another, and ends that with it."""

    def __init__(self, incoming, outgoing):
        self._incoming, self._outgoing = incoming, outgoing
        self._data = b''
        self._go()

    def _go(self):
        while True:
            while self._data:
                code = native.write(self._outgoing, self._data)
                if code == native.BLOCKED:
                    waiting.expect(self._outgoing, self._wrote)
                    return
                if not self._has_written(code):
                    return
            got = native.read(self._incoming, _CHUNK)
            if got == native.BLOCKED:
                waiting.expect(self._incoming, self._read)
                return
            if not isinstance(got, bytes):
                self._end()
                return
            self._data = got

    def _has_written(self, code):
        self._data = self._data[code >> 4:]
        if code & 15:
            self._end()
        return not code & 15

    def _wrote(self, kind, code, data):
        if self._has_written(code):
            self._go()

    def _read(self, kind, code, data):
        if data:
            self._data = data
            self._go()
        else:
            self._end()

    def _end(self):
        native.drop_incoming(self._incoming)
        native.drop_outgoing(self._outgoing)


class Streams(Descriptor):
    """The system's answers over an incoming and an outgoing stream, and the futures that tell how they ended."""

    def __init__(self):
        super().__init__()
        self._connected = False
        self._incoming = self._outgoing = 0
        self._received = self._sent = None
        self._buffer = bytearray()
        # A read or what follows it is in flight; a write is; nothing more comes; nothing more may be sent.
        self._reading = self._writing = self._ended = self._write_ended = False
        self._unsent = b''
        self._read_error = self._write_error = None
        self._closed = False
        # A handshake is in flight; one is over of which nobody was told.
        self.busy = self.shaken = False
        # How the directions under a session ended; nobody asks, as the session tells.
        self._kept = None

    def _stands(self, outgoing, incoming, received, sent, read_ahead=b''):
        self._outgoing, self._incoming, self._received, self._sent = outgoing, incoming, received, sent
        self._buffer += read_ahead
        self._connected = True

    def _open(self):
        """Has the streams begun, for a kind that begins them when they are first used."""

    def give(self, securing):
        """Gives the streams to a session of TLS to be; what comes of it replaces them."""
        self._open()
        if self._writing:
            raise failure(errno.EALREADY)
        incoming, self._incoming = self._incoming, 0
        if self._reading:
            waiting.forget(incoming)
            got = native.cancel_read(incoming)
            if isinstance(got, bytes):
                self._buffer += got
            self._reading = False
        securing.receive(reader_of(incoming), bytes(self._buffer))
        self._buffer.clear()
        outgoing, self._outgoing = self._outgoing, 0
        # The host cannot take the place of a stream that was begun: what it enciphers passes through here.
        Pump(handle_of(securing.outgoing()), outgoing)
        self._kept = self._received, self._sent

    def replace(self, connection):
        """Goes on with the streams of a session."""
        writer, outgoing = wit_world.byte_stream()
        directions = connection.open(outgoing)
        self._stands(handle_of(writer), handle_of(directions.incoming), directions.received, directions.sent, directions.read_ahead)
        self._begun = True

    # -- reading

    def recv(self, size, peek=False):
        """Up to `size` bytes, empty at the end; `None` if it would have to wait."""
        self._check()
        if size:
            self._read()
        if self._buffer:
            data = bytes(self._buffer[:size])
            if not peek:
                del self._buffer[:size]
            return data
        if self._read_error is not None:
            error, self._read_error = self._read_error, None
            raise error
        return b'' if self._ended or not size else None

    def _check(self):
        if not self._connected:
            raise failure(errno.ENOTCONN)
        self._open()

    def _read(self):
        if self._buffer or self._reading or self._ended:
            return
        self._reading = True
        got = native.read(self._incoming, _CHUNK)
        if got == native.BLOCKED:
            waiting.expect(self._incoming, self._has_read)
        else:
            self._take(got)

    def _has_read(self, kind, code, data):
        if data:
            self._buffer += data
        if code & 15:
            self._ask_how_it_ended()
        else:
            self._reading = False
            self.changed()

    def _take(self, got):
        if isinstance(got, bytes):
            self._reading = False
            self._buffer += got
        else:
            self._ask_how_it_ended()

    def _ask_how_it_ended(self):
        waiting.Operation(self._received.read(), self._has_ended)

    def _has_ended(self, outcome, error):
        self._reading = False
        self._ended = True
        if isinstance(outcome, Err):
            self._read_error = errors.os_error(outcome.value)
        self.changed()

    @property
    def buffered(self):
        """How many bytes have been received and not been read."""
        return len(self._buffer)

    # -- writing

    def send(self, data):
        """How many bytes are sent, or will be without another call; `None` if it would have to wait."""
        self._raise_write_error()
        if self._write_ended:
            raise failure(errno.EPIPE)
        if not self._connected:
            raise failure(errno.ENOTCONN)
        self._open()
        if self._writing:
            return None
        if not data:
            return 0
        self._unsent = bytes(data[:_CHUNK])
        size = len(self._unsent)
        self._write()
        self._raise_write_error()
        return size

    def _raise_write_error(self):
        if self._write_error is not None:
            error, self._write_error = self._write_error, None
            raise error

    def _write(self):
        """Sends what is unsent, until the system takes no more at once."""
        self._writing = True
        while self._unsent:
            code = native.write(self._outgoing, self._unsent)
            if code == native.BLOCKED:
                waiting.expect(self._outgoing, self._has_written)
                return
            if not self._wrote(code):
                return
        self._writing = False
        self._written()

    def _wrote(self, code):
        self._unsent = self._unsent[code >> 4:]
        if code & 15:
            self._unsent = b''
            waiting.Operation(self._sent.read(), self._has_broken)
            return False
        return True

    def _has_written(self, kind, code, data):
        if self._wrote(code):
            self._write()

    def _has_broken(self, outcome, error):
        self._writing = False
        self._write_ended = True
        self._write_error = errors.os_error(outcome.value) if isinstance(outcome, Err) else failure(errno.EPIPE)
        self._written()

    def _written(self):
        if self._write_ended or self._closed:
            self._end_sending()
        if self._closed:
            _sending.discard(self)
        else:
            self.changed()

    def _end_sending(self):
        outgoing, self._outgoing = self._outgoing, 0
        if outgoing:
            native.drop_outgoing(outgoing)

    # -- the rest

    def shutdown(self, reading, writing):
        self._check()
        if writing and not self._write_ended:
            self._write_ended = True
            if not self._writing:
                self._end_sending()
        if reading:
            self._ended = True
            self.changed()

    def readable(self):
        if self.busy or self.shaken:
            return self.shaken
        self._open()
        self._read()
        return bool(self._buffer) or self._ended or self._read_error is not None

    def writable(self):
        return not self._writing and not self.busy

    def close(self):
        """Stops receiving; what was sent still goes out."""
        self._closed = True
        incoming, self._incoming = self._incoming, 0
        if incoming:
            if self._reading and not self._ended:
                waiting.forget(incoming)
                native.cancel_read(incoming)
            native.drop_incoming(incoming)
        if self._writing:
            _sending.add(self)
        elif self._outgoing:
            self._end_sending()


def sending():
    """Whether something that is closed still sends."""
    return bool(_sending)
