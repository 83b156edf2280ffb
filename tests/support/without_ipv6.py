"""Runs a command on a system that has no IPv6: socket(AF_INET6, ...) fails there with EAFNOSUPPORT, as on a kernel without it.

    python3 without_ipv6.py COMMAND ARGUMENT...

A seccomp filter does that, which needs no rights and passes on to what is executed. Linux on x86-64 and on ARM64.
"""

import ctypes
import errno
import os
import platform
import socket
import struct
import sys

# The number of the system call `socket`.
NUMBER = {"x86_64": 41, "aarch64": 198}[platform.machine()]
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, FAIL = 0x7FFF0000, 0x00050000 | errno.EAFNOSUPPORT

# In `struct seccomp_data` the number comes first, and the first argument at byte 16.
FILTER = [
    (LOAD_WORD, 0, 0, 0),
    (JUMP_IF_EQUAL, 0, 3, NUMBER),
    (LOAD_WORD, 0, 0, 16),
    (JUMP_IF_EQUAL, 0, 1, socket.AF_INET6),
    (RETURN, 0, 0, FAIL),
    (RETURN, 0, 0, ALLOW),
]


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def set_option(*arguments):
    if ctypes.CDLL(None, use_errno=True).prctl(*arguments) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")


program = Program(len(FILTER), b"".join(struct.pack("HBBI", *instruction) for instruction in FILTER))
set_option(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
set_option(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)
os.execvp(sys.argv[1], sys.argv[1:])
