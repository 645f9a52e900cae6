"""What becomes of memory that a process frees.

glibc gives large blocks back to the kernel at once, which zeroes them page by page when they are asked for again: a framework that takes
memory for its activations anew in every step then spends a third of its time there (docs/benchmarks/tuned.md).
"""

import ctypes
import os

# mallopt(3): never map a block of its own, and give nothing back until two gigabytes lie idle at the end of the heap.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
LARGEST_INT = 2**31 - 1

_kept = False


def keep_freed_memory() -> None:
    """Let this process keep what it frees, for its next step. Where malloc is not glibc's it stays as it is."""
    global _kept  # noqa: PLW0603 - the allocator is the process's
    if has_glibc() and not _kept:
        malloc = ctypes.CDLL(None)
        _kept = bool(malloc.mallopt(M_MMAP_MAX, 0) and malloc.mallopt(M_TRIM_THRESHOLD, LARGEST_INT))


def freed_memory() -> str:
    """What becomes of it, in words."""
    return "kept for the next step" if _kept else "as the C library does it"


def has_glibc() -> bool:
    """Whether the C library is glibc, and its malloc has not been replaced by a library that was loaded before it."""
    try:
        return "glibc" in (os.confstr("CS_GNU_LIBC_VERSION") or "") and "malloc" not in os.environ.get("LD_PRELOAD", "")
    except (ValueError, OSError):  # another C library knows no such name
        return False
