# SPDX-License-Identifier: MIT
#
# Runs a program that cannot fork, as where a filter of system calls forbids it or the kernel keeps strict account of memory:
#   no_fork.py PROGRAM ARGUMENT...
# Threads it may have.
import ctypes
import os
import platform
import struct
import sys

ENOMEM = 12
CLONE_THREAD = 0x10000
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
CALLS = {"x86_64": (56, 435, (57, 58)), "aarch64": (220, 435, ())}  # clone, clone3, fork and vfork
clone, clone3, forks = CALLS[platform.machine()]
ENOSYS = 38  # of clone3: the C library falls back to clone, whose flags can be looked at


def line(code, yes, no, k):
    return struct.pack("HBBI", code, yes, no, k)


# Jumps count the lines that are left out.
program = [line(LOAD, 0, 0, 0)]
program += [line(EQUAL, 0, 1, clone3), line(RETURN, 0, 0, ERRNO | ENOSYS)]
for call in forks:
    program += [line(EQUAL, 0, 1, call), line(RETURN, 0, 0, ERRNO | ENOMEM)]
program += [line(EQUAL, 0, 3, clone), line(LOAD, 0, 0, 16), line(ANY_BIT, 1, 0, CLONE_THREAD), line(RETURN, 0, 0, ERRNO | ENOMEM)]
program += [line(RETURN, 0, 0, ALLOW)]
code = ctypes.create_string_buffer(b"".join(program))
libc = ctypes.CDLL(None, use_errno=True)


class Program(ctypes.Structure):
    _fields_ = [("count", ctypes.c_ushort), ("lines", ctypes.c_void_p)]


given = Program(len(program), ctypes.addressof(code))
NO_NEW_PRIVS, SECCOMP, FILTER = 38, 22, 2
if libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(SECCOMP, FILTER, ctypes.byref(given), 0, 0):
    sys.exit("no_fork.py: " + os.strerror(ctypes.get_errno()))
os.execv(sys.argv[1], sys.argv[1:])
