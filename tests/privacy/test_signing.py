"""Signing keys: made once, kept with the keys, checked by any tool, carried over renewals of the operator's key."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.errors import Invalid
from privacy.key_rotation import rotate
from privacy.keys import KeyRing, KeysMissing
from privacy.signing import SignatureWrong, check_signature, public_keys, public_pem, signing_key

TEXT = '{"naam":"Bäckerij"}'.encode()


def test_a_signature_belongs_to_its_content_and_its_key(keys: KeyRing, tmp_path: Path) -> None:
    key, other = signing_key(keys), signing_key(KeyRing.create(tmp_path / "other"))
    signature = key.sign(TEXT)
    check_signature(TEXT, signature=signature, public_key=key.public)
    for content, sign, public in (
        (TEXT + b" ", signature, key.public),
        (TEXT, other.sign(TEXT), key.public),
        (TEXT, signature, other.public),
        (TEXT, signature[:-2] + "00", key.public),
    ):
        with pytest.raises(SignatureWrong):
            check_signature(content, signature=sign, public_key=public)


@pytest.mark.parametrize("text", ["", "zz", "00" * 31, "00" * 65, "não"])
def test_what_is_no_signature_or_key_is_refused_by_field(keys: KeyRing, text: str) -> None:
    key = signing_key(keys)
    with pytest.raises(Invalid) as caught:
        check_signature(TEXT, signature=text, public_key=key.public)
    assert caught.value.field == "signature"
    with pytest.raises(Invalid) as caught:
        check_signature(TEXT, signature=key.sign(TEXT), public_key=text)
    assert caught.value.field == "public_key"


@given(content=st.binary(max_size=200), place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_flipped_bit_passes(keys_once: KeyRing, content: bytes, place: int, bit: int) -> None:
    key = signing_key(keys_once)
    signature = bytearray.fromhex(key.sign(content))
    signature[place % 64] ^= 1 << bit
    with pytest.raises(SignatureWrong):
        check_signature(content, signature=signature.hex(), public_key=key.public)


@pytest.fixture(scope="module")
def keys_once(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing.create(tmp_path_factory.mktemp("keys") / "keys")


def test_the_key_is_the_same_for_every_process_and_readable_by_nobody_else(keys: KeyRing) -> None:
    first = signing_key(keys)
    assert signing_key(KeyRing(keys.directory)).public == first.public
    assert public_keys(keys) == {1: first.public}
    path = keys.directory / "signing" / "1"
    assert path.stat().st_mode & 0o077 == 0
    assert bytes.fromhex(first.public) not in path.read_bytes()


def test_reading_public_keys_makes_none(keys: KeyRing) -> None:
    assert public_keys(keys) == {}
    assert not (keys.directory / "signing").exists()


def test_renewing_the_operators_key_brings_another_key_and_keeps_the_old_ones_recognised(keys: KeyRing) -> None:
    before = signing_key(keys)
    signature = before.sign(TEXT)
    for times in (2, 3):
        rotate(keys.directory)
        assert len(public_keys(keys)) == times
    after = signing_key(keys)
    assert (after.number, after.public != before.public) == (3, True)
    assert public_keys(keys)[1] == before.public
    check_signature(TEXT, signature=signature, public_key=public_keys(keys)[1])
    assert signing_key(KeyRing(keys.directory)).public == after.public


def test_a_renewal_that_stopped_before_the_new_key_makes_it_when_it_goes_on(keys: KeyRing) -> None:
    signing_key(keys)
    rotate(keys.directory)
    (keys.directory / "signing" / "2").unlink()
    (keys.directory / "signing" / ".2.half").write_bytes(b"")
    rotate(keys.directory)
    assert sorted(public_keys(keys)) == [1, 3]
    assert sorted(path.name for path in (keys.directory / "signing").iterdir()) == ["1", "3"]


def test_a_renewal_makes_no_key_where_nothing_was_ever_signed(keys: KeyRing) -> None:
    rotate(keys.directory)
    assert public_keys(keys) == {}


def test_without_its_operators_key_nothing_is_signed(keys: KeyRing, tmp_path: Path) -> None:
    signing_key(keys)
    stolen = tmp_path / "stolen"
    shutil.copytree(keys.directory, stolen)
    (stolen / "operator.key").write_bytes((KeyRing.create(tmp_path / "x").directory / "operator.key").read_bytes())
    with pytest.raises(KeysMissing):
        KeyRing(stolen)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_standard_tool_checks_it_with_the_public_key_alone(keys: KeyRing, tmp_path: Path) -> None:
    key = signing_key(keys)
    for name, content in (
        ("text", TEXT), ("sig", bytes.fromhex(key.sign(TEXT))), ("key.pem", public_pem(key.public).encode())
    ):  # fmt: skip
        (tmp_path / name).write_bytes(content)

    def checked() -> int:
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", "text"]
        return subprocess.run([*command, "-sigfile", "sig"], cwd=tmp_path, capture_output=True, check=False).returncode

    assert checked() == 0
    (tmp_path / "text").write_bytes(TEXT + b"x")
    assert checked() != 0
