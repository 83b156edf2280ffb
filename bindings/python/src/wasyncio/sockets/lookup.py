"""Names and addresses: `getaddrinfo` and those around it. The host's policy decides about every name."""

import errno
import socket as names

from componentize_py_types import Err
from wit_world.imports import ip_name_lookup

from . import waiting
from .descriptor import failure
from .waiting import Operation

# The services that `getaddrinfo` knows by name, since there is no file of them here.
SERVICES = {
    'ftp': 21, 'ssh': 22, 'telnet': 23, 'smtp': 25, 'domain': 53, 'http': 80, 'pop3': 110, 'ntp': 123, 'imap2': 143, 'ldap': 389,
    'https': 443, 'smtps': 465, 'submission': 587, 'imaps': 993, 'pop3s': 995, 'mysql': 3306, 'postgresql': 5432, 'redis': 6379,
}

_FAILURES = {
    'NameUnresolvable': ('EAI_NONAME', 'Name or service not known'),
    'TemporaryResolverFailure': ('EAI_AGAIN', 'Temporary failure in name resolution'),
    'PermanentResolverFailure': ('EAI_FAIL', 'Non-recoverable failure in name resolution'),
    'InvalidArgument': ('EAI_NONAME', 'Name or service not known'),
}


def _gaierror(name, text):
    return names.gaierror(getattr(names, name), text)


def _numeric(host):
    """The family of a host that is a number, with its scope taken off; `None` for a name."""
    for family in (names.AF_INET, names.AF_INET6):
        try:
            names.inet_pton(family, host.partition('%')[0])
        except OSError:
            continue
        if family == names.AF_INET6 or '%' not in host:
            return family
    return None


def refused(name, code):
    """The exception for a name that was not resolved."""
    case = type(code).__name__.removeprefix('ErrorCode_')
    if case == 'AccessDenied':
        return OSError(errno.EACCES, f'Permission denied: the look-up of {name}; --allow-connect {name}:PORT grants it')
    return _gaierror(*_FAILURES.get(case, ('EAI_FAIL', getattr(code, 'value', None) or 'Non-recoverable failure in name resolution')))


def question(host):
    """What to ask the host for a name, as it goes over the wire."""
    if isinstance(host, (bytes, bytearray)):
        host = bytes(host).decode('ascii')
    try:
        return host if host.isascii() else host.encode('idna').decode('ascii')
    except UnicodeError:
        raise _gaierror('EAI_NONAME', 'Name or service not known') from None


def resolve(name):
    """Asks the host, and blocks until it has answered."""
    outcome = []
    Operation(ip_name_lookup.resolve_addresses(name), lambda *answer: outcome.append(answer))
    waiting.wait(lambda: bool(outcome))
    addresses, error = outcome[0]
    if error is not None:
        raise refused(name, error)
    return addresses


def port_number(port):
    """The port that `getaddrinfo` was given in any of the ways it may be."""
    if isinstance(port, (bytes, bytearray)):
        port = bytes(port).decode('ascii')
    if port is None or port == '':
        return 0
    if isinstance(port, str):
        if port.isdigit():
            return int(port) & 0xFFFF
        if port not in SERVICES:
            raise _gaierror('EAI_SERVICE', 'Servname not supported for ai_socktype')
        return SERVICES[port]
    return int(port) & 0xFFFF


def answers(addresses, port, family=0, type=0, proto=0, canonical=''):
    """What `getaddrinfo` gives for addresses of WASI."""
    found = []
    for address in addresses:
        if hasattr(address.value, '__len__') and len(address.value) == 4:
            one, name = names.AF_INET, ('.'.join(map(str, address.value)), port)
        else:
            packed = b''.join(group.to_bytes(2) for group in address.value)
            one, name = names.AF_INET6, (names.inet_ntop(names.AF_INET6, packed), port, 0, 0)
        if family in (0, one):
            found.append((one, names.SOCK_STREAM, proto or names.IPPROTO_TCP, canonical, name))
            canonical = ''
    if not found:
        raise _gaierror('EAI_NONAME', 'Name or service not known')
    return found


def known(host, port, family=0, type=0, proto=0, flags=0):
    """What `getaddrinfo` gives without asking anybody; `None` for a name that has to be asked for."""
    if type not in (0, names.SOCK_STREAM):
        raise _gaierror('EAI_SOCKTYPE', 'ai_socktype not supported')
    if family not in (0, names.AF_INET, names.AF_INET6):
        raise _gaierror('EAI_FAMILY', 'ai_family not supported')
    if host is None and port is None:
        raise _gaierror('EAI_NONAME', 'Name or service not known')
    port = port_number(port)
    if isinstance(host, (bytes, bytearray)):
        host = bytes(host).decode('ascii')
    kind, proto = names.SOCK_STREAM, proto or names.IPPROTO_TCP
    if host is None:
        passive = flags & names.AI_PASSIVE
        four, six = ('0.0.0.0', '::') if passive else ('127.0.0.1', '::1')
        both = [(names.AF_INET6, kind, proto, '', (six, port, 0, 0)), (names.AF_INET, kind, proto, '', (four, port))]
        if passive:
            both.reverse()
        return [one for one in both if family in (0, one[0])]
    numeric = _numeric(host)
    if numeric is None:
        if flags & names.AI_NUMERICHOST or not host:
            raise _gaierror('EAI_NONAME', 'Name or service not known')
        return None
    if family not in (0, numeric):
        raise _gaierror('EAI_ADDRFAMILY' if hasattr(names, 'EAI_ADDRFAMILY') else 'EAI_NONAME',
                        'Address family for hostname not supported')
    if numeric == names.AF_INET:
        return [(numeric, kind, proto, '', (host, port))]
    text, _, scope = host.partition('%')
    if scope and not scope.isdigit():
        raise _gaierror('EAI_NONAME', 'Name or service not known')
    return [(numeric, kind, proto, '', (text, port, 0, int(scope or 0)))]


def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
    found = known(host, port, family, type, proto, flags)
    if found is not None:
        return found
    name = question(host)
    canonical = name if flags & names.AI_CANONNAME else ''
    return answers(resolve(name), port_number(port), family, type, proto, canonical)


def gethostbyname(host):
    return getaddrinfo(host or None, None if host else 0, names.AF_INET, 0, 0, names.AI_PASSIVE)[0][4][0]


def gethostbyname_ex(host):
    return host, [], [one[4][0] for one in getaddrinfo(host or None, 0, names.AF_INET, 0, 0, names.AI_PASSIVE)]


def gethostbyaddr(host):
    raise names.herror(1, 'Unknown host')


def getnameinfo(address, flags):
    host, port = address[:2]
    if _numeric(host) is None:
        raise _gaierror('EAI_NONAME', 'Name or service not known')
    if flags & names.NI_NAMEREQD:
        raise _gaierror('EAI_NONAME', 'Name or service not known')
    service = str(port)
    if not flags & names.NI_NUMERICSERV:
        service = next((name for name, number in SERVICES.items() if number == port), service)
    return host, service


def getservbyname(name, protocol='tcp'):
    if name not in SERVICES or protocol != 'tcp':
        raise OSError('service/proto not found')
    return SERVICES[name]


def getservbyport(port, protocol='tcp'):
    for name, number in SERVICES.items():
        if number == port and protocol == 'tcp':
            return name
    raise OSError('port/proto not found')


def address(given, family, passive=False):
    """The address that a socket is to use, with a host that is a number."""
    if not isinstance(given, tuple):
        raise TypeError(f'AF_INET address must be tuple, not {type(given).__name__}')
    if not 2 <= len(given) <= (4 if family == names.AF_INET6 else 2):
        raise TypeError('AF_INET address must be a pair (host, port)')
    host, port = given[:2]
    if not isinstance(port, int):
        raise TypeError(f"'{type(port).__name__}' object cannot be interpreted as an integer")
    if not 0 <= port <= 0xFFFF:
        raise OverflowError('port must be 0-65535.')
    if host in ('', b''):
        host = None if passive else ('::' if family == names.AF_INET6 else '0.0.0.0')
    elif host == '<broadcast>':
        raise failure(errno.EOPNOTSUPP)
    found = getaddrinfo(host, port, family, names.SOCK_STREAM, 0, names.AI_PASSIVE if passive else 0)[0][4]
    return found[:2] + given[2:] if len(given) > 2 else found
