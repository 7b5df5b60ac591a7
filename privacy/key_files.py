"""Files of keys: written whole or not at all, durable, for their owner alone; and who may change them when.

Whoever makes or destroys a person's key holds the folder's lock together with others; whoever replaces one (rotation)
holds it alone, so that a key that was just destroyed is never put back. The lock is the kernel's: it ends with
its process.
"""

import fcntl
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


def write_once(path: Path, content: bytes) -> None:
    """Write a file that must not exist yet. Raises FileExistsError."""
    temporary = _written_beside(path, content)
    try:
        os.link(temporary, path)  # unlike rename, refuses to replace
    finally:
        temporary.unlink()
    make_durable(path.parent)  # a store that survives a power cut must find its keys


def replace(path: Path, content: bytes) -> None:
    """Write a file anew: whoever reads it meanwhile finds the old or the new content."""
    _written_beside(path, content).replace(path)


def _written_beside(path: Path, content: bytes) -> Path:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink()
        raise
    return temporary


def make_durable(folder: Path) -> None:
    """Let the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(folder: Path, *, alone: bool) -> Generator[None]:
    """Hold a folder's lock, alone or together with others, for the length of a block."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def locked_or_busy(folder: Path) -> Generator[None]:
    """Hold a folder's lock alone. Raises BlockingIOError where somebody else has it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
