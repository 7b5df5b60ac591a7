"""Renewing the operator's key while everything runs.

The new key is published first: from then on whatever is made is wrapped by it, in every process. Then each wrapped
key is wrapped anew, one file at a time; the old key goes when nothing names it any more. A rotation that was
stopped anywhere goes on where it stopped, by calling it again. What logins and codes are found by stays the same;
the installation gets one more sealing secret, which the old operator's key never wrapped.
"""

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from privacy.errors import Conflict
from privacy.key_files import locked, locked_or_busy, make_durable, replace, write_once
from privacy.key_folder import KeyFolder, Opened, joined, split
from privacy.operator_keys import KEY_BYTES, new_content, prove, read_key

_DRAFT = ".operator.key.new"


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did: the version that wraps everything now, and how many keys it wrapped anew."""

    version: int
    keys: int
    resumed: bool
    """Whether it went on with one that was stopped."""


def rotate(directory: Path, *, place: str | None = None, progress: Callable[[int], None] | None = None) -> Rotation:
    """Give a folder of keys a new operator's key, or finish what was begun.

    place: as in ``KeyRing.create``. progress: is told how many people's keys are wrapped anew, now and then.
    Raises: KeysMissing, Invalid (place), Conflict (another rotation is under way).
    """
    folder = KeyFolder(directory)
    opened = folder.open()
    with ExitStack() as held:
        try:
            held.enter_context(locked_or_busy(directory))
        except BlockingIOError as error:
            raise Conflict(f"Another process is renewing the keys in {directory}: wait for it.") from error
        opened = folder.open()
        resumed = len(opened.keys) > 1
        if not resumed:
            _publish(folder, opened.newest + 1, place)
            opened = folder.open()
        _renew_secrets(folder, opened)
        _renew_signing(folder, opened)
        done = _renew_people(folder, opened, progress)
        _retire(folder, opened)
    return Rotation(opened.newest, done, resumed)


def _publish(folder: KeyFolder, version: int, place: str | None) -> None:
    """Put the new key beside the old one. Nobody is in the middle of making a key while it appears."""
    draft = folder.directory / _DRAFT
    replace(draft, new_content(place))
    prove(read_key(draft))
    with locked(folder.wrapped, alone=True):
        draft.rename(folder.operator_path(version))
        make_durable(folder.directory)


def _renew_secrets(folder: KeyFolder, opened: Opened) -> None:
    """Write down what was derived from the first key, wrap the rest anew, and add a sealing secret."""
    newest, key = opened.newest, opened.keys[opened.newest]
    if not folder.secret_files():
        # Under another name until all are there: a folder with some of its secrets could not be read.
        draft = folder.directory / ".secrets.new"
        draft.mkdir(mode=0o700, exist_ok=True)
        for name, secret in opened.secrets.items():
            replace(draft / name, joined(newest, key.wrap(secret)))
        make_durable(draft)
        if folder.secrets.is_dir():
            folder.secrets.rmdir()
        draft.rename(folder.secrets)
        make_durable(folder.directory)
    for path in folder.secret_files():
        _renew(folder, path, opened)
    for half_written in folder.secrets.glob(".*"):  # by a rotation that was killed
        half_written.unlink()
    added = folder.secrets / f"seal-{newest}"
    if not added.exists():
        write_once(added, joined(newest, key.wrap(secrets.token_bytes(KEY_BYTES))))
    make_durable(folder.secrets)


def _renew_signing(folder: KeyFolder, opened: Opened) -> None:
    """Wrap the keys that sign anew and add one that the old operator's key never wrapped; none where none is used."""
    newest, key = opened.newest, opened.keys[opened.newest]
    with locked(folder.wrapped, alone=True):  # nobody is in the middle of making the first
        files = folder.signing_files()
        for path in files:
            _renew(folder, path, opened)
        added = folder.signing / str(newest)
        if files and not added.exists():
            write_once(added, joined(newest, key.wrap(secrets.token_bytes(KEY_BYTES))))
        for half_written in folder.signing.glob(".*") if files else ():  # by a process that was killed
            half_written.unlink()


def _renew_people(folder: KeyFolder, opened: Opened, progress: Callable[[int], None] | None) -> int:
    done = 0
    for parent in sorted(folder.wrapped.iterdir()):
        for path in sorted(parent.iterdir()):
            with locked(folder.wrapped, alone=True):  # or a key that is destroyed meanwhile would be put back
                if path.name.startswith("."):
                    path.unlink(missing_ok=True)  # half-written by a process that was killed
                else:
                    done += _renew(folder, path, opened)
            if progress is not None and done and done % 100 == 0:
                progress(done)
        make_durable(parent)
    return done


def _renew(folder: KeyFolder, path: Path, opened: Opened) -> bool:
    """Wrap one key anew where an older version wraps it; whether it did."""
    try:
        version, wrapped = split(path.read_bytes())
    except FileNotFoundError:
        return False
    if version == opened.newest:
        return False
    key = folder.unwrap(opened.keys, version, wrapped)
    replace(path, joined(opened.newest, opened.keys[opened.newest].wrap(key)))
    return True


def _retire(folder: KeyFolder, opened: Opened) -> None:
    """Remove the old keys. Every file names the newest by now: who makes one since looks at what there is."""
    with locked(folder.wrapped, alone=True):
        for version in opened.keys:
            if version != opened.newest:
                folder.operator_path(version).unlink(missing_ok=True)
        make_durable(folder.directory)
