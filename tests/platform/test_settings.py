"""Settings: read from the environment, refused by name, and every one of them documented."""

from pathlib import Path

import pytest

from privacy.errors import Invalid
from privacy.principals import Side
from vitaal.settings import Settings, read_settings
from vitaal.stores import keys_folder, open_side, urls

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"VITAAL_{name.upper()}", raising=False)


def test_every_setting_is_in_the_docs_and_nothing_else() -> None:
    rows = [line for line in (ROOT / "docs" / "settings.md").read_text("utf-8").splitlines() if line.startswith("| `")]
    documented = [row.split("`")[1] for row in rows]
    assert documented == [f"VITAAL_{name.upper()}" for name in Settings.model_fields]


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITAAL_MEMBERS_URL", "sqlite:////m.sqlite")
    monkeypatch.setenv("VITAAL_EMPLOYERS_URL", "postgresql://e")
    monkeypatch.setenv("VITAAL_KEYS_DIR", "/keys")
    settings = read_settings()
    assert urls(None, settings) == {Side.members: "sqlite:////m.sqlite", Side.employers: "postgresql://e"}
    assert keys_folder(None, settings, Side.members) == Path("/keys/members")
    assert urls(Path("/d"), settings)[Side.members] == "sqlite:////d/members.sqlite", "--dir comes first"
    assert keys_folder(Path("/d"), settings, Side.employers) == Path("/d/keys/employers")


@pytest.mark.parametrize(
    ("variable", "value"), [("VITAAL_SECURE_COOKIES", "perhaps"), ("VITAAL_SECRET_KEY", "too-short-a-secret")]
)
def test_a_setting_that_cannot_be_read_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(Invalid, match=f"The setting {variable} cannot be read") as refusal:
        read_settings()
    assert value not in refusal.value.message


def test_without_settings_or_a_folder_the_way_out_is_told() -> None:
    with pytest.raises(Invalid, match="give --dir DIR, or set VITAAL_MEMBERS_URL"):
        open_side(Side.members, None)
    with pytest.raises(Invalid, match="give --dir DIR, or set VITAAL_KEYS_DIR"):
        keys_folder(None, read_settings(), Side.members)


def test_a_secret_is_not_shown_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITAAL_SECRET_KEY", "s" * 40)
    assert "s" * 40 not in repr(read_settings())
