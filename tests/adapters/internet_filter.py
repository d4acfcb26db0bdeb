"""A filter in the kernel that kills a process at its first internet socket, whoever opens it.

Unlike a patched `socket` module it sees native code and every thread; unlike strace or a network namespace it
needs neither a package nor a privilege. MediaPipe's wheel is for x86-64 only, and so are the numbers here.
"""

from __future__ import annotations

import ctypes
import platform
import socket
import struct

# Classic BPF (linux/filter.h): load a word, jump if equal, jump if greater or equal, return.
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
# Offsets in struct seccomp_data (linux/seccomp.h): system call, architecture, low half of the first argument.
_CALL, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_X86_64 = 0xC000003E
_SOCKET, _IO_URING_SETUP, _X32_CALLS = 41, 425, 0x40000000
_ALLOW, _KILL_PROCESS = 0x7FFF0000, 0x80000000
_SET_SECCOMP, _FILTER_MODE, _SET_NO_NEW_PRIVILEGES = 22, 2, 38

# Each line: operation, steps to skip if true, steps to skip if false, value. The last two are the verdicts.
_PROGRAM = (
    (_LOAD, 0, 0, _ARCHITECTURE),
    (_JUMP_EQUAL, 0, 8, _X86_64),
    (_LOAD, 0, 0, _CALL),
    (_JUMP_AT_LEAST, 6, 0, _X32_CALLS),
    (_JUMP_EQUAL, 5, 0, _IO_URING_SETUP),
    (_JUMP_EQUAL, 0, 3, _SOCKET),
    (_LOAD, 0, 0, _FIRST_ARGUMENT),
    (_JUMP_EQUAL, 2, 0, socket.AF_INET),
    (_JUMP_EQUAL, 1, 0, socket.AF_INET6),
    (_RETURN, 0, 0, _ALLOW),
    (_RETURN, 0, 0, _KILL_PROCESS),
)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def kill_at_internet_socket() -> None:
    """Put the calling process, and all it starts, under the filter for good."""
    if platform.machine() != "x86_64":
        raise RuntimeError("the filter knows the system calls of x86-64 only")
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in _PROGRAM)
    program = _Program(len(_PROGRAM), code)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(
        _SET_SECCOMP, _FILTER_MODE, ctypes.byref(program), 0, 0
    ):
        raise OSError(ctypes.get_errno(), "the kernel refused the filter")
