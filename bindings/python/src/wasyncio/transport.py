"""A connection in the loop: `asyncio`'s transport over two streams.

What is written is sent when the loop has come through a turn, together with what all other transports have (`flush`), and
at once where more is written than the high-water mark. The rules are those of `asyncio.selector_events`, in their order.
"""

import warnings
from asyncio import constants, futures, protocols, transports
from asyncio.log import logger
from asyncio.trsock import TransportSocket

import _wasyncio as native

from . import errors, poller
from .stand_ins import DescribedSocket

_BLOCKED = -1


def flush(loop):
    """One write and one read of every transport of a loop that wants it, in one call. What happens most is done here, without calls."""
    asks, loop._asks = loop._asks, []
    parts = []
    for transport in asks:
        transport._asked = False
        connection, out = transport._connection, transport._out
        if connection is None:
            parts.append((0, 0, 0, b''))
            continue
        data = b''
        if out and not transport._in_flight:
            data = transport._sending = out.pop() if len(out) == 1 else transport._joined()
        parts.append((connection.outgoing, connection.incoming if transport._wants and not transport._reading else 0, 0, data))
    for transport, part, (code, received) in zip(asks, parts, native.flush(parts)):
        data = part[3]
        if (
            data and received == _BLOCKED and code == len(data) << 4 and not transport._protocol_paused and not transport._closing
            and not transport._eof and not transport._out and transport._empty_waiter is None
        ):
            # All is sent, and nothing has come.
            transport._reading, transport._sending = True, b''
            transport._size -= len(data)
        elif data or received is not None:
            transport._answer(data, code, received)


class Transport(transports._FlowControlMixin, transports.Transport):
    """A connection. `waiter` is told when the protocol knows of it; without `made` it is not told that there is one."""

    _start_tls_compatible = True
    _sendfile_compatible = constants._SendfileMode.FALLBACK

    def __init__(self, loop, connection, protocol, waiter=None, extra=None, server=None, made=True):
        super().__init__(extra, loop)
        self._connection = self._known = connection
        self._server = server
        self._out = []
        self._size = 0  # Of what is in `_out` and in flight.
        self._sending = b''  # What is in flight.
        self._asked = False  # The loop is to flush this.
        self._reading = False  # A read is in flight.
        self._wants = False  # It is to read.
        self._held = b''  # Received while reading was paused.
        self._paused = self._closing = self._eof = self._in_flight = self._read_eof = False
        self._conn_lost = 0
        self._protocol_connected = False
        self._empty_waiter = None
        self.set_protocol(protocol)
        if server is not None:
            server._attach(self)
        poller.register(connection.incoming, self._read_ended)
        poller.register(connection.outgoing, self._write_ended)
        if made:
            loop.call_soon(protocol.connection_made, self)
        loop.call_soon(self._begin)
        if waiter is not None:
            loop.call_soon(futures._set_result_unless_cancelled, waiter, None)

    def __repr__(self):
        state = 'closed' if self._connection is None else 'closing' if self._closing else 'open'
        return f'<{type(self).__name__} {state} bufsize={self.get_write_buffer_size()}>'

    def __del__(self, _warn=warnings.warn):
        if self._connection is not None:
            _warn(f'unclosed transport {self!r}', ResourceWarning, source=self)
            self._release()
            if self._server is not None:
                self._server._detach(self)

    # What the loop does.

    def _begin(self):
        if self._closing:
            return
        self._wants = not self._paused
        ahead, self._connection.read_ahead = self._connection.read_ahead, b''
        if ahead:
            self._received(ahead)
        self._ask()

    def _ask(self):
        if not self._asked:
            self._asked = True
            self._loop._asks.append(self)

    def _joined(self):
        """All that is to be sent."""
        data = b''.join(self._out)
        self._out.clear()
        return data

    def _answer(self, data, code, received):
        """What `native.flush` gave for what it wants, with the `data` of it."""
        if received is not None:
            if received.__class__ is bytes:
                # The read first sees what was sent to it before the write fails.
                if data:
                    self._wrote(code)
                self._received(received)
                if self._wants:
                    self._ask()
                return
            if received == _BLOCKED:
                self._reading = True
        if data:
            self._wrote(code)
        if received is not None and received != _BLOCKED:
            self._incoming_ended()

    def _wrote(self, code):
        if code == _BLOCKED:
            self._in_flight = True
        else:
            self._write_ended(native.STREAM_WRITE, code, None)

    def _read_ended(self, event, code, data):
        self._reading = False
        if (self._connection is None or self._loop._closed) and self._orphaned():
            return
        if data is None:
            pass
        elif self._conn_lost or self._closing or self._paused:
            self._received(data)
        else:
            try:
                self._deliver(data)
            except BaseException as exc:
                self._undelivered(exc)
        if code & 15:
            self._incoming_ended()
        elif self._wants and not self._asked:
            self._asked = True
            self._loop._asks.append(self)

    def _write_ended(self, event, code, data):
        sent, self._sending, self._in_flight = self._sending, b'', False
        if self._conn_lost or self._orphaned():
            return
        count = code >> 4
        self._size -= count
        if code & 15:
            return self._outgoing_ended()
        if count < len(sent):
            self._out.insert(0, sent[count:])
        if self._protocol_paused:
            self._maybe_resume_protocol()
        if self._out:
            self._ask()
            return
        if self._empty_waiter is not None:
            self._empty_waiter.set_result(None)
        if self._closing:
            self._lose(None)
        elif self._eof:
            self._end_sending()

    def _orphaned(self):
        """The loop is closed: nobody is to be told any more."""
        if self._loop is not None and self._loop.is_closed():
            self._closing = True
            self._conn_lost += 1
            self._release()
        return self._connection is None

    # Receiving.

    def _received(self, data):
        if self._conn_lost or self._closing:
            return
        if self._paused:
            self._held += data
            return
        try:
            self._deliver(data)
        except BaseException as exc:
            self._undelivered(exc)

    def _undelivered(self, exc):
        if isinstance(exc, (SystemExit, KeyboardInterrupt)):
            raise exc
        self._fatal_error(exc, 'Fatal error: protocol.data_received() call failed.')

    def _deliver_buffered(self, data):
        while data:
            buffer = self._protocol.get_buffer(-1)
            if not len(buffer):
                raise RuntimeError('get_buffer() returned an empty buffer')
            count = min(len(buffer), len(data))
            memoryview(buffer).cast('B')[:count] = data[:count]
            data = data[count:]
            self._protocol.buffer_updated(count)

    def _incoming_ended(self):
        """The stream has ended: its future tells how."""
        self._wants = False
        if self._conn_lost or self._connection is None:
            return
        how = self._how_ended(self._connection.received, self._incoming_ended)
        if how == _BLOCKED:
            return
        if how is not None:
            self._fatal_error(errors.of_code(how), 'Fatal read error on socket transport')
        else:
            self._read_eof = True
            if not self._paused:
                self._tell_eof()

    def _how_ended(self, future, again):
        """What the future of a direction tells: none or an error's number. `again` is called if it does not tell yet."""
        how = native.ended(future)
        if how == _BLOCKED:
            def told(event, code, data):
                poller.unregister(future)
                if not self._orphaned():
                    again()

            poller.register(future, told)
        return how

    def _tell_eof(self):
        if self._closing:
            return
        self._read_eof = False
        if self._loop.get_debug():
            logger.debug('%r received EOF', self)
        try:
            keep_open = self._protocol.eof_received()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._fatal_error(exc, 'Fatal error: protocol.eof_received() call failed.')
            return
        if not keep_open:
            self.close()

    # Sending.

    def _outgoing_ended(self):
        """The stream has ended by itself: its future tells why."""
        if self._conn_lost or self._connection is None:
            return
        how = self._how_ended(self._connection.sent, self._outgoing_ended)
        if how == _BLOCKED:
            return
        # The end of a direction that nobody has ended is a peer that is gone.
        self._fatal_error(errors.of_code(10 if how is None else how), 'Fatal write error on socket transport')

    def _flush_now(self):
        """Sends what the system takes at once."""
        if self._out and not self._in_flight:
            self._sending = self._joined()
            self._wrote(native.write(self._connection.outgoing, self._sending))

    def _end_sending(self):
        if self._connection.outgoing:
            poller.unregister(self._connection.outgoing)
            self._connection.end_sending()

    # The end.

    def _fatal_error(self, exc, message='Fatal error on transport'):
        if isinstance(exc, OSError):
            if self._loop.get_debug():
                logger.debug('%r: %s', self, message, exc_info=True)
        else:
            self._loop.call_exception_handler(
                {'message': message, 'exception': exc, 'transport': self, 'protocol': self._protocol}
            )
        self._force_close(exc)

    def _force_close(self, exc):
        self._out.clear()
        self._size = 0
        self._closing = True
        self._lose(exc)

    def _lose(self, exc):
        if self._conn_lost:
            return
        self._wants = False
        self._conn_lost += 1
        self._loop.call_soon(self._call_connection_lost, exc)

    def _call_connection_lost(self, exc):
        try:
            if self._protocol_connected:
                self._protocol.connection_lost(exc)
        finally:
            self._release()
            self._protocol = self._deliver = None
            self._loop = None
            server, self._server = self._server, None
            if server is not None:
                server._detach(self)

    def _release(self):
        """Drops the streams; what is known of the connection can be asked as long as this lives."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        for handle in (connection.incoming, connection.outgoing, connection.received, connection.sent):
            poller.unregister(handle)
        connection.close()

    # Going on by TLS.

    def _hand_over(self):
        """The connection, with no operation in flight and nothing unsent, what was received and not told, and the server that counts
        it. Reading was paused; this transport is at its end, of which its protocol is not told."""
        connection, self._connection = self._connection, None
        if connection is None or self._closing:
            self._connection = connection
            raise ConnectionResetError('Connection lost')
        self._closing = True
        self._conn_lost += 1
        for handle in (connection.incoming, connection.outgoing, connection.received, connection.sent):
            poller.unregister(handle)
        held, self._held = self._held, b''
        if self._reading:
            self._reading = False
            got = native.cancel_read(connection.incoming)
            if got.__class__ is bytes:
                held += got
        server, self._server = self._server, None
        if server is not None:
            # Whoever goes on is counted.
            self._loop.call_soon(server._detach, self)
        return connection, held, server

    def _handed_over(self, error):
        """Whoever was to go on does not: the protocol is told."""
        self._loop.call_soon(self._protocol.connection_lost, error)

    # asyncio's.

    def set_protocol(self, protocol):
        buffered = isinstance(protocol, protocols.BufferedProtocol)
        self._deliver = self._deliver_buffered if buffered else protocol.data_received
        self._protocol = protocol
        self._protocol_connected = True

    def get_protocol(self):
        return self._protocol

    def is_closing(self):
        return self._closing

    def is_reading(self):
        return not self._closing and not self._paused

    def pause_reading(self):
        if not self.is_reading():
            return
        self._paused = True
        self._wants = False

    def resume_reading(self):
        if self._closing or not self._paused:
            return
        self._paused = False
        held, self._held = self._held, b''
        if held:
            self._loop.call_soon(self._received, held)
        if self._read_eof:
            self._loop.call_soon(self._tell_eof)
        elif self._connection is not None and self._connection.incoming:
            self._wants = True
            self._ask()

    def close(self):
        if self._closing:
            return
        self._closing = True
        self._wants = False
        if self._out:
            self._flush_now()
        if not self._size:
            self._lose(None)

    def abort(self):
        # CPython has tried in `write`.
        if self._out and not self._conn_lost:
            self._flush_now()
        self._force_close(None)

    def write(self, data):
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f'data argument must be a bytes-like object, not {type(data).__name__!r}')
        if self._eof:
            raise RuntimeError('Cannot call write() after write_eof()')
        if self._empty_waiter is not None:
            raise RuntimeError('unable to write; sendfile is in progress')
        if not data:
            return
        if self._conn_lost:
            if self._conn_lost >= constants.LOG_THRESHOLD_FOR_CONNLOST_WRITES:
                logger.warning('socket.send() raised exception.')
            self._conn_lost += 1
            return
        if data.__class__ is not bytes:
            data = bytes(data)
        self._out.append(data)
        self._size += len(data)
        if not self._asked:
            self._asked = True
            self._loop._asks.append(self)
        if self._size > self._high_water:
            self._flush_now()
            if not self._conn_lost:
                self._maybe_pause_protocol()

    def writelines(self, list_of_data):
        self.write(b''.join(list_of_data))

    def can_write_eof(self):
        return True

    def write_eof(self):
        if self._closing or self._eof:
            return
        self._eof = True
        if self._out:
            self._flush_now()
        if not self._size and not self._closing:
            self._end_sending()

    def get_write_buffer_size(self):
        return self._size

    def _make_empty_waiter(self):
        if self._empty_waiter is not None:
            raise RuntimeError('Empty waiter is already set')
        self._empty_waiter = self._loop.create_future()
        if not self._size:
            self._empty_waiter.set_result(None)
        return self._empty_waiter

    def _reset_empty_waiter(self):
        self._empty_waiter = None

    def get_extra_info(self, name, default=None):
        extra = self._extra
        if name not in extra:
            if name in ('peername', 'sockname', 'socket'):
                own, peer, family = self._known.names()
                if own is not None:
                    extra.setdefault('sockname', own)
                    extra.setdefault('peername', peer)
                    extra.setdefault('socket', TransportSocket(DescribedSocket(family, own, peer)))
            else:
                value = self._known.get_extra_info(name)
                if value is not None:
                    from . import secure  # Not at the top: it stands on this package.

                    extra[name] = secure.known(name, value, self._known.get_extra_info, extra.get('sslcontext'))
        return extra.get(name, default)
