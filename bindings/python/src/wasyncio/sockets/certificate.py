"""A certificate as `getpeercert()` gives it: what CPython's `_ssl` reads from it by OpenSSL, here from its DER."""

import datetime
import ipaddress

_NAMES = {
    '2.5.4.3': 'commonName', '2.5.4.4': 'surname', '2.5.4.5': 'serialNumber', '2.5.4.6': 'countryName', '2.5.4.7': 'localityName',
    '2.5.4.8': 'stateOrProvinceName', '2.5.4.9': 'streetAddress', '2.5.4.10': 'organizationName', '2.5.4.11': 'organizationalUnitName',
    '2.5.4.12': 'title', '2.5.4.15': 'businessCategory', '2.5.4.17': 'postalCode', '2.5.4.42': 'givenName',
    '2.5.4.97': 'organizationIdentifier',
    '1.2.840.113549.1.9.1': 'emailAddress', '0.9.2342.19200300.100.1.1': 'userId', '0.9.2342.19200300.100.1.25': 'domainComponent',
    '1.3.6.1.4.1.311.60.2.1.3': 'jurisdictionCountryName', '1.3.6.1.4.1.311.60.2.1.2': 'jurisdictionStateOrProvinceName',
}
_ALTERNATIVE_NAMES = '2.5.29.17'
# Of a string's type, its encoding; UTF-8 for others.
_ENCODINGS = {0x1E: 'utf-16-be', 0x1C: 'utf-32-be', 0x14: 'latin-1'}


def _parts(data):
    """The elements in the content of another: a tag and a content each. Raises `ValueError` for what is none."""
    at = 0
    while at < len(data):
        tag, size, at = data[at], data[at + 1], at + 2
        if size & 0x80:
            count = size & 0x7F
            size, at = int.from_bytes(data[at:at + count]), at + count
        if at + size > len(data):
            raise ValueError('the certificate is cut off')
        yield tag, data[at:at + size]
        at += size


def _identifier(content):
    """An object identifier in figures."""
    numbers, number = [], 0
    for byte in content:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return '.'.join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))


def _text(tag, content):
    return content.decode(_ENCODINGS.get(tag, 'utf-8'), 'replace')


def _name(content):
    """A distinguished name: a tuple of its parts, each a tuple of pairs."""
    parts = []
    for _, together in _parts(content):
        pairs = []
        for _, pair in _parts(together):
            (_, kind), (tag, value) = _parts(pair)
            kind = _identifier(kind)
            pairs.append((_NAMES.get(kind, kind), _text(tag, value)))
        parts.append(tuple(pairs))
    return tuple(parts)


def _time(tag, content):
    text = content.decode('ascii')
    if tag == 0x17:
        text = ('19' if text[:2] >= '50' else '20') + text
    time = datetime.datetime.strptime(text, '%Y%m%d%H%M%SZ')
    return f'{time:%b} {time.day:2} {time:%H:%M:%S %Y} GMT'


def _alternative_names(content):
    (_, names), = _parts(content)
    found = []
    for tag, value in _parts(names):
        match tag:
            case 0x81:
                found.append(('email', value.decode('ascii', 'replace')))
            case 0x82:
                found.append(('DNS', value.decode('ascii', 'replace')))
            case 0x86:
                found.append(('URI', value.decode('ascii', 'replace')))
            case 0x87 if len(value) == 4:
                found.append(('IP Address', str(ipaddress.ip_address(value))))
            case 0x87 if len(value) == 16:
                groups = (int.from_bytes(value[at:at + 2]) for at in range(0, 16, 2))
                found.append(('IP Address', ':'.join(f'{group:X}' for group in groups)))
            case 0xA4:
                (_, name), = _parts(value)
                found.append(('DirName', _name(name)))
    return tuple(found)


def decoded(der):
    """The dictionary for a certificate in DER. Its form is OpenSSL's; extensions other than the names are left out."""
    (_, certificate), = _parts(der)
    (_, signed), *_ = _parts(certificate)
    fields = list(_parts(signed))
    version = 1
    if fields[0][0] == 0xA0:
        (_, number), = _parts(fields.pop(0)[1])
        version = int.from_bytes(number) + 1
    (_, serial), _, (_, issuer), (_, validity), (_, subject), *rest = fields
    begin, end = _parts(validity)
    serial = f'{int.from_bytes(serial):X}'
    found = {
        'subject': _name(subject), 'issuer': _name(issuer), 'version': version,
        'serialNumber': serial if len(serial) % 2 == 0 else f'0{serial}',
        'notBefore': _time(*begin), 'notAfter': _time(*end),
    }
    for tag, content in rest:
        if tag == 0xA3:
            (_, extensions), = _parts(content)
            for _, extension in _parts(extensions):
                (_, kind), *_, (_, value) = _parts(extension)
                if _identifier(kind) == _ALTERNATIVE_NAMES:
                    found['subjectAltName'] = _alternative_names(value)
    return found
