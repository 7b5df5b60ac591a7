"""Keys: bound to their row, destroyed for good, kept outside the database."""

import base64
import os
import stat
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.errors import Conflict
from privacy.keys import Cipher, KeyDestroyed, KeyRing, KeysMissing
from privacy.people import sign_in
from privacy.principals import VISITOR, Purpose
from privacy.store import Store, transaction
from tests.factories import NOW, PASSWORD, at_once, copied_company, file_bytes, forms_on_disk, new_member


@settings(max_examples=50)
@given(plaintext=st.binary(max_size=200), context=st.text(max_size=40))
def test_what_is_sealed_opens_again_and_never_looks_the_same_twice(plaintext: bytes, context: str) -> None:
    cipher = Cipher(b"k" * 32)
    first, second = cipher.seal(plaintext, context=context), cipher.seal(plaintext, context=context)
    assert cipher.open(first, context=context) == cipher.open(second, context=context) == plaintext
    assert first != second


def test_a_sealed_value_moved_to_another_row_is_refused(keys: KeyRing) -> None:
    cipher = keys.new_key(uuid4())
    sealed = cipher.seal(b"secret", context="member.sealed:1")
    with pytest.raises(Conflict, match="does not fit its row"):
        cipher.open(sealed, context="member.sealed:2")


@pytest.mark.parametrize("position", [0, 11, 12, -1])
def test_a_flipped_bit_is_noticed(keys: KeyRing, position: int) -> None:
    cipher = keys.new_key(uuid4())
    sealed = bytearray(cipher.seal(b"secret", context="here"))
    sealed[position] ^= 1
    with pytest.raises(Conflict, match="altered"):
        cipher.open(bytes(sealed), context="here")


def test_a_truncated_value_is_refused(keys: KeyRing) -> None:
    cipher = keys.new_key(uuid4())
    sealed = cipher.seal(b"secret", context="here")
    for length in (0, 11, 12, len(sealed) - 1):
        with pytest.raises(Conflict):
            cipher.open(sealed[:length], context="here")


def test_one_persons_key_opens_nothing_of_another(keys: KeyRing) -> None:
    sealed = keys.new_key(uuid4()).seal(b"secret", context="here")
    with pytest.raises(Conflict):
        keys.new_key(uuid4()).open(sealed, context="here")


def test_digests_are_equal_for_equal_texts_of_one_person_and_context_only(keys: KeyRing) -> None:
    mine, other = keys.new_key(uuid4()), keys.new_key(uuid4())
    digest = mine.digest("text", context="a")
    assert digest == mine.digest("text", context="a")
    assert len(digest) == 16
    assert len({digest, mine.digest("text", context="b"), mine.digest("Text", context="a")}) == 3
    assert digest != other.digest("text", context="a")


def test_lookup_digests_depend_on_the_domain_and_the_installation(keys: KeyRing, tmp_path: Path) -> None:
    digest = keys.lookup_digest("sam", domain="login")
    assert digest == KeyRing(tmp_path / "keys").lookup_digest("sam", domain="login")
    assert digest != keys.lookup_digest("sam", domain="code")
    assert digest != KeyRing.create(tmp_path / "elsewhere").lookup_digest("sam", domain="login")


def test_a_key_lives_on_in_a_ring_opened_later(keys: KeyRing, tmp_path: Path) -> None:
    owner = uuid4()
    sealed = keys.new_key(owner).seal(b"secret", context="here")
    assert KeyRing(tmp_path / "keys").cipher(owner).open(sealed, context="here") == b"secret"


def test_a_destroyed_key_opens_nothing_even_where_another_ring_has_it_in_memory(keys: KeyRing, tmp_path: Path) -> None:
    owner = uuid4()
    keys.new_key(owner)
    other_process = KeyRing(tmp_path / "keys")
    other_process.cipher(owner)
    keys.destroy(owner)
    for ring in (keys, other_process, KeyRing(tmp_path / "keys")):
        with pytest.raises(KeyDestroyed, match="no such person"):
            ring.cipher(owner)
    assert not [path for path in (tmp_path / "keys" / "wrapped").rglob("*") if path.is_file()]


def test_destroying_twice_or_what_never_was_is_harmless(keys: KeyRing) -> None:
    owner = uuid4()
    keys.new_key(owner)
    keys.destroy(owner)
    keys.destroy(owner)
    keys.destroy(uuid4())


def test_a_missing_operators_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeysMissing, match=r"The operator's key .*operator\.key is missing or unreadable: restore it"):
        KeyRing(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not base64!", base64.b64encode(b"short"), b"\xff\xfe"])
def test_a_damaged_operators_key_is_refused_with_its_path(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "operator.key").write_bytes(content)
    with pytest.raises(KeysMissing, match=r"The operator's key .*operator\.key .*restore it from its backup\."):
        KeyRing(tmp_path)


def test_an_operators_key_restored_with_a_line_end_is_the_same_key(keys: KeyRing, tmp_path: Path) -> None:
    path = tmp_path / "keys" / "operator.key"
    path.write_bytes(path.read_bytes() + b"\n")
    assert KeyRing(tmp_path / "keys").lookup_digest("sam", domain="x") == keys.lookup_digest("sam", domain="x")


def test_another_operators_key_is_noticed_at_once(keys: KeyRing, tmp_path: Path) -> None:
    owner = uuid4()
    keys.new_key(owner)
    KeyRing.create(tmp_path / "other")
    os.replace(tmp_path / "other" / "operator.key", tmp_path / "keys" / "operator.key")
    with pytest.raises(KeysMissing, match=r"operator\.key is not the one that wrapped the keys beside it: restore"):
        KeyRing(tmp_path / "keys")


def test_an_existing_operators_key_is_never_replaced(keys: KeyRing, tmp_path: Path) -> None:
    before = (tmp_path / "keys" / "operator.key").read_bytes()
    with pytest.raises(Conflict, match="already is an operator's key"):
        KeyRing.create(tmp_path / "keys")
    assert (tmp_path / "keys" / "operator.key").read_bytes() == before


def test_key_files_are_for_their_owner_alone(keys: KeyRing, tmp_path: Path) -> None:
    keys.new_key(uuid4())
    paths = [tmp_path / "keys", *(tmp_path / "keys").rglob("*")]
    assert len(paths) == 8  # the folder, the operator's key, two secrets, a person's key and three folders
    for path in paths:
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


def test_keys_made_by_many_at_once_are_made_once(tmp_path: Path) -> None:
    answers = at_once(8, lambda: KeyRing.create(tmp_path / "new"))
    assert sorted(type(answer).__name__ for answer in answers) == ["Conflict"] * 7 + ["KeyRing"]
    assert [path.name for path in (tmp_path / "new").iterdir() if path.is_file()] == ["operator.key"]


def test_a_persons_key_made_by_many_at_once_is_made_once(keys: KeyRing, tmp_path: Path) -> None:
    owner = uuid4()
    answers = at_once(8, lambda: keys.new_key(owner))
    (cipher,) = [answer for answer in answers if isinstance(answer, Cipher)]
    assert sum(isinstance(answer, Conflict) for answer in answers) == 7
    sealed = cipher.seal(b"secret", context="here")
    assert KeyRing(tmp_path / "keys").cipher(owner).open(sealed, context="here") == b"secret"


def test_nothing_that_names_a_member_is_readable_in_the_database(members: Store) -> None:
    profile = new_member(members, copied_company(members), nickname="Canarybird")
    with transaction(members, VISITOR, Purpose.authentication) as db:
        token = sign_in(db, login=profile.login, password=PASSWORD, now=NOW)
    content = file_bytes(members) if members.dialect == "sqlite" else _everything_in_postgresql(members)
    assert profile.account.hex.encode() in content, "what is looked through holds the account's row"
    for text in (profile.login, "Canarybird", PASSWORD, token):
        for form in forms_on_disk(text):
            assert form not in content, (text, form)


def test_account_and_subject_stand_in_no_common_row(members: Store) -> None:
    profile = new_member(members, copied_company(members))
    tables = _rows_by_table(members)
    with_account = {name for name, rows in tables.items() if any(profile.account.hex in row for row in rows)}
    with_subject = {name for name, rows in tables.items() if any(profile.subject.hex in row for row in rows)}
    assert with_account == {"member"}
    assert with_subject == {"membership"}


def _rows_by_table(members: Store) -> dict[str, list[str]]:
    tables: dict[str, list[str]] = {}
    with members.engine.connect() as connection:
        listed = (
            "SELECT name FROM sqlite_master WHERE type = 'table'"
            if members.dialect == "sqlite"
            else "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        )
        for name in connection.exec_driver_sql(listed).scalars().all():
            rows = connection.exec_driver_sql(f'SELECT * FROM "{name}"').all()
            tables[name] = [" ".join(_text(value) for value in row) for row in rows]
    return tables


def _text(value: object) -> str:
    return value.hex() if isinstance(value, bytes | memoryview) else str(value).replace("-", "")


def _everything_in_postgresql(members: Store) -> bytes:
    rows = [row for rows in _rows_by_table(members).values() for row in rows]
    return "\n".join(rows).encode()
