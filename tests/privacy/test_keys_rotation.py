"""Renewing the operator's key: nobody is locked out, nothing stops, and a kill anywhere is repaired by trying again."""

import base64
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from types import FrameType
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from privacy import key_rotation
from privacy.errors import Conflict, Invalid
from privacy.key_files import locked_or_busy
from privacy.key_rotation import rotate
from privacy.keys import KeyDestroyed, KeyRing, KeysMissing


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where there is such a place: thousands of files are made durable here, and kills need no disk."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as made:
        yield Path(made) / "keys"


def first_kind(folder: Path) -> KeyRing:
    """A folder as Vitaal 0.1 made it: the operator's key, and bare wrapped keys."""
    (folder / "wrapped").mkdir(parents=True)
    (folder / "operator.key").write_bytes(base64.b64encode(secrets.token_bytes(32)))
    return KeyRing(folder)


class Known:
    """What a ring seals and finds, to be held to later."""

    def __init__(self, ring: KeyRing, people: int = 3) -> None:
        self.owners = [uuid4() for _ in range(people)]
        self.sealed = {owner: ring.new_key(owner).seal(b"mine", context="row") for owner in self.owners}
        self.voucher = ring.operator.seal(b"voucher", context="code")
        self.voucher_digest = ring.operator.digest("voucher", context="code")
        self.lookup = ring.lookup_digest("sam", domain="login")

    def check(self, ring: KeyRing) -> None:
        for owner, sealed in self.sealed.items():
            assert ring.cipher(owner).open(sealed, context="row") == b"mine"
        assert ring.operator.open(self.voucher, context="code") == b"voucher"
        assert ring.operator.digest("voucher", context="code") == self.voucher_digest
        assert ring.lookup_digest("sam", domain="login") == self.lookup


def wrapped_by(folder: Path) -> set[bytes]:
    """The first lines of all wrapped keys and secrets."""
    paths = [path for part in ("wrapped", "secrets") for path in (folder / part).rglob("*") if path.is_file()]
    return {path.read_bytes().split(b"\n")[0] for path in paths}


@pytest.mark.parametrize("make", [first_kind, KeyRing.create])
def test_everything_opens_and_is_found_as_before(folder: Path, make: Callable[[Path], KeyRing]) -> None:
    running = make(folder)
    known = Known(running)
    for version in (2, 3):
        done = rotate(folder)
        assert (done.version, done.keys, done.resumed) == (version, 3, False)
        for ring in (running, KeyRing(folder)):
            known.check(ring)
    assert wrapped_by(folder) == {b"vitaal-key 3"}
    assert [path.name for path in folder.glob("operator*")] == ["operator.3.key"]


def test_a_folder_of_the_first_kind_takes_new_people_as_it_did(folder: Path) -> None:
    ring = first_kind(folder)
    known = Known(ring)
    assert {path.stat().st_size for path in folder.rglob("wrapped/*/*")} == {40}
    known.check(KeyRing(folder))


def test_the_old_operators_key_opens_nothing_after_a_rotation(folder: Path) -> None:
    ring = KeyRing.create(folder)
    known = Known(ring)
    old = base64.b64decode((folder / "operator.key").read_bytes())
    rotate(folder)
    for path in [*(folder / "wrapped").rglob("*"), *(folder / "secrets").rglob("*")]:
        if path.is_file():
            with pytest.raises(InvalidUnwrap):
                aes_key_unwrap(old, path.read_bytes().split(b"\n", 1)[1])
    known.check(KeyRing(folder))


def test_what_is_sealed_after_a_rotation_needs_the_new_secret(folder: Path) -> None:
    running = KeyRing.create(folder)
    first = running.own_secrets()
    rotate(folder)
    later = KeyRing(folder)
    assert later.own_secrets()[1:] == first
    sealed = later.operator.seal(b"new voucher", context="code")
    assert running.operator.open(sealed, context="code") == b"new voucher", "a running process looks again"
    with pytest.raises(Conflict):
        running.operator.open(sealed, context="elsewhere")


def test_processes_that_run_and_that_start_meanwhile_keep_working(folder: Path) -> None:
    running = KeyRing.create(folder)
    known, made, wrong = Known(running, people=40), {}, []
    stop = Event()

    def work(ring: Callable[[], KeyRing]) -> None:
        while not stop.is_set():
            try:
                owner, mine = uuid4(), ring()
                made[owner] = mine.new_key(owner).seal(b"new", context="row")
                known.check(ring())
            except Exception as error:
                wrong.append(error)
                return

    threads = [Thread(target=work, args=(ring,)) for ring in (lambda: running, lambda: KeyRing(folder))]
    for thread in threads:
        thread.start()
    for _ in range(5):
        rotate(folder)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(made) > 5
    assert {line.split()[0] for line in wrapped_by(folder)} == {b"vitaal-key"}
    last = KeyRing(folder)
    known.check(last)
    assert all(last.cipher(owner).open(sealed, context="row") == b"new" for owner, sealed in made.items())


def test_a_key_that_is_destroyed_while_keys_are_renewed_stays_destroyed(folder: Path) -> None:
    ring = KeyRing.create(folder)
    known = Known(ring, people=300)
    destroyed: list[UUID] = []

    def destroy() -> None:
        for owner in known.owners[::2]:
            ring.destroy(owner)
            destroyed.append(owner)

    thread = Thread(target=destroy)
    thread.start()
    rotate(folder)
    rotate(folder)
    thread.join()
    assert len(destroyed) == 150
    for owner in destroyed:
        with pytest.raises(KeyDestroyed):
            KeyRing(folder).cipher(owner)
    assert not [
        path for path in folder.rglob("wrapped/*/*") if path.name.lstrip(".")[:32] in {o.hex for o in destroyed}
    ]


def test_a_key_destroyed_between_reading_and_replacing_is_not_put_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = KeyRing.create(folder)
    owner = uuid4()
    ring.new_key(owner)
    destroying = Thread(target=lambda: ring.destroy(owner))
    replace = key_rotation.replace

    def slowly(path: Path, content: bytes) -> None:
        if path.name == owner.hex:
            destroying.start()
            destroying.join(0.3)  # it waits for us, unless nothing keeps it
        replace(path, content)

    monkeypatch.setattr(key_rotation, "replace", slowly)
    rotate(folder)
    destroying.join()
    with pytest.raises(KeyDestroyed):
        KeyRing(folder).cipher(owner)


def test_what_a_killed_process_left_half_written_goes_with_the_key(folder: Path) -> None:
    ring = KeyRing.create(folder)
    owner = uuid4()
    ring.new_key(owner)
    path = folder / "wrapped" / owner.hex[:2] / owner.hex
    shutil.copy(path, path.with_name(f".{path.name}.0123456789abcdef"))
    ring.destroy(owner)
    assert list(path.parent.iterdir()) == []


def _killed_at(line: int, folder: Path) -> bool:
    """Rotate in a process that is killed at the n-th line it runs; whether it got to its end before that."""
    child = os.fork()
    if child == 0:
        left = line

        def trace(frame: FrameType, event: str, _argument: object) -> object:
            nonlocal left
            if not frame.f_code.co_filename.endswith(("key_rotation.py", "key_files.py")):
                return None
            left -= event == "line"
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)  # type: ignore[arg-type]
        rotate(folder)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("make", [first_kind, KeyRing.create])
def test_killed_at_any_line_it_goes_on_by_calling_it_again(
    folder: Path, tmp_path: Path, make: Callable[[Path], KeyRing]
) -> None:
    ring = make(folder)
    known = Known(ring, people=2)
    line, kept = 0, tmp_path / "kept"
    shutil.copytree(folder, kept)
    while True:
        line += 1
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(kept, folder)
        finished = _killed_at(line, folder)
        running = KeyRing(folder)
        known.check(running)
        late = Known(running, people=1)
        if finished:
            break
        begun = len(list(folder.glob("operator*.key"))) > 1
        assert rotate(folder).resumed == begun
        for opened in (running, KeyRing(folder)):
            known.check(opened)
            late.check(opened)
        assert len(wrapped_by(folder)) == 1
        assert len(list(folder.glob("operator*.key"))) == 1
        assert not [path for path in folder.rglob(".*") if path.is_file() and path.parent != folder]
    assert line > 150, "every line was tried"


def test_two_rotations_at_once_are_one(folder: Path) -> None:
    KeyRing.create(folder)
    with locked_or_busy(folder), pytest.raises(Conflict, match="Another process is renewing the keys"):
        rotate(folder)


@pytest.mark.parametrize("name", ["lookup", "seal-1"])
def test_a_lost_secret_is_named_at_once(folder: Path, name: str) -> None:
    KeyRing.create(folder)
    (folder / "secrets" / name).unlink()
    with pytest.raises(KeysMissing, match=r"Files of the folder .*secrets are missing: restore it from its backup"):
        KeyRing(folder)


def test_a_lost_folder_of_secrets_or_of_peoples_keys_is_named_at_once(folder: Path) -> None:
    KeyRing.create(folder).new_key(uuid4())
    (folder / "secrets").rename(folder / "elsewhere")
    with pytest.raises(KeysMissing, match=r"Files of the folder .*secrets are missing"):
        KeyRing(folder)
    (folder / "elsewhere").rename(folder / "secrets")
    shutil.rmtree(folder / "wrapped")
    with pytest.raises(KeysMissing, match=r"The folder .*wrapped of people's keys is missing: restore it"):
        KeyRing(folder)


def test_an_operators_key_that_is_a_folder_or_of_another_version_is_named_and_never_shown(folder: Path) -> None:
    KeyRing.create(folder)
    content = (folder / "operator.key").read_text()
    (folder / "operator.key").rename(folder / "operator.7.key")
    with pytest.raises(KeysMissing, match="restore it") as refusal:
        KeyRing(folder)
    assert content.strip() not in refusal.value.message
    (folder / "operator.7.key").unlink()
    (folder / "operator.key").mkdir()
    with pytest.raises(KeysMissing, match=r"The operator's key .*operator\.key is missing or unreadable"):
        KeyRing(folder)


def test_keys_whose_operators_key_is_lost_are_not_made_anew(folder: Path) -> None:
    KeyRing.create(folder).new_key(uuid4())
    (folder / "operator.key").unlink()
    with pytest.raises(Conflict, match="their operator's key is lost: restore it"):
        KeyRing.create(folder)


@contextmanager
def key_service(path: Path, name: str = "vitaal") -> Iterator[str]:
    """A service in a process of its own; answers the place to give to the ring."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.privacy.key_service", str(path), name], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield f"unix:{path}#{name}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_key_service_serves_a_ring_whose_operators_key_never_comes_here(folder: Path, tmp_path: Path) -> None:
    with key_service(tmp_path / "kms") as place:
        ring = KeyRing.create(folder, place=place)
        known = Known(ring)
        known.check(KeyRing(folder))
        assert (folder / "operator.key").read_text() == place
    with pytest.raises(KeysMissing, match=r"The key service at .*kms does not answer: start it"):
        KeyRing(folder)


def test_the_operators_key_moves_to_a_key_service_and_back(folder: Path, tmp_path: Path) -> None:
    ring = first_kind(folder)
    known = Known(ring)
    with key_service(tmp_path / "kms") as place:
        rotate(folder, place=place)
        assert (folder / "operator.2.key").read_text() == place
        for opened in (ring, KeyRing(folder)):
            known.check(opened)
        late = Known(ring)
        rotate(folder)
    for opened in (ring, KeyRing(folder)):
        known.check(opened)
        late.check(opened)


def test_a_place_that_does_not_serve_changes_nothing(folder: Path, tmp_path: Path) -> None:
    known = Known(KeyRing.create(folder))
    for place, refusal, sentence in (
        ("/run/kms", Invalid, "A key service is written as"),
        (f"unix:{tmp_path}/nobody#key", KeysMissing, "does not answer: start it"),
    ):
        with pytest.raises(refusal, match=sentence):
            rotate(folder, place=place)
    with key_service(tmp_path / "kms") as right, pytest.raises(KeysMissing, match="refuses the key"):
        rotate(folder, place=right.replace("#vitaal", "#other"))
    assert sorted(path.name for path in folder.glob("operator*")) == ["operator.key"]
    known.check(KeyRing(folder))


def test_another_service_behind_the_same_name_is_noticed_at_once(folder: Path, tmp_path: Path) -> None:
    with key_service(tmp_path / "kms") as place:
        Known(KeyRing.create(folder, place=place))
    (tmp_path / "kms").unlink()
    with key_service(tmp_path / "kms"), pytest.raises(KeysMissing, match="is not the one that wrapped the keys"):
        KeyRing(folder)


def test_a_damaged_file_of_a_person_is_told_and_names_nobody(folder: Path) -> None:
    ring = KeyRing.create(folder)
    owner = uuid4()
    ring.new_key(owner)
    path = folder / "wrapped" / owner.hex[:2] / owner.hex
    for content in (b"", b"vitaal-key 1\n", b"vitaal-key 9\n" + aes_key_wrap(b"k" * 32, b"k" * 32), b"x" * 39):
        path.write_bytes(content)
        with pytest.raises(KeysMissing) as refusal:
            KeyRing(folder).cipher(owner)
        assert owner.hex not in refusal.value.message
