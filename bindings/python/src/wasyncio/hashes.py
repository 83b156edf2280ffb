"""What `hashlib` takes from OpenSSL alone, and has not got here: `pbkdf2_hmac`, in Python."""

import hashlib
import hmac
import operator


def pbkdf2_hmac(hash_name, password, salt, iterations, dklen=None):
    """PBKDF2 of PKCS #5 with HMAC (RFC 8018, 5.2). The time that it takes is that of Python, some microseconds an iteration."""
    if not isinstance(hash_name, str):
        raise TypeError(f"pbkdf2_hmac() argument 'hash_name' must be str, not {type(hash_name).__name__}")
    begun = hmac.new(bytes(memoryview(password)), None, hash_name)
    salt = bytes(memoryview(salt))
    iterations = operator.index(iterations)
    if iterations < 1:
        raise ValueError('iteration value must be greater than 0.')
    length = begun.digest_size if dklen is None else operator.index(dklen)
    if length < 1:
        raise ValueError('key length must be greater than 0.')

    def digest(data):
        one = begun.copy()
        one.update(data)
        return one.digest()

    key, number = b'', 0
    while len(key) < length:
        number += 1
        last = digest(salt + number.to_bytes(4))
        mixed = int.from_bytes(last)
        for _ in range(iterations - 1):
            last = digest(last)
            mixed ^= int.from_bytes(last)
        key += mixed.to_bytes(begun.digest_size)
    return key[:length]


def install():
    """Gives it to `hashlib`, unless that has one."""
    if not hasattr(hashlib, 'pbkdf2_hmac'):
        hashlib.pbkdf2_hmac = pbkdf2_hmac
