"""Pages on which members pause, choose and enter a code: what they say, keep and refuse, in both languages."""

from datetime import timedelta
from uuid import uuid4

import pytest
import yaml

from privacy.principals import Purpose, job
from privacy.store import transaction
from programs.documents import ready_text
from programs.offered import ProgrammeVersionCopy
from tests.platform.town import FIRST, NOW, TODAY, Town, Visitor
from tests.programs.test_confirmations import Company as Where
from tests.programs.test_confirmations import add_service, make
from tests.programs.test_pauses_and_choices import DAYS, GIVE

STEPS = {
    "id": "quit", "kind": "milestones", "title": {"nl": "Gestopt gebleven", "en": "Stayed quit"},
    "proof": "third_party", "steps": [
        {"id": "end", "event": "milestone:end", "coins": 5, "title": {"nl": "na de training", "en": "after training"}},
        {"id": "year", "event": "milestone:12m", "coins": 9, "title": {"nl": "na een jaar", "en": "after a year"}},
    ],
}  # fmt: skip


def offer(town: Town) -> str:
    """A programme with everything to choose and to confirm; its address."""
    document = yaml.safe_load(ready_text("move-and-rest"))
    document |= {"key": "choosing", "goals": [], "rewards": {"rules": [DAYS, GIVE, STEPS]}}
    document["title"] = {"nl": "Kies zelf", "en": "Choose yourself"}
    with transaction(town.stores.members, job("test"), Purpose.copying) as db:
        db.add(
            ProgrammeVersionCopy(
                id=uuid4(), collective=town.world.collective, key="choosing", version=1, effective_from=FIRST,
                published_at=NOW, document=yaml.safe_dump(document),
            )
        )  # fmt: skip
    return f"/me/programmes/{town.world.collective}/choosing"


def taking_part(town: Town, language: str) -> tuple[Visitor, str]:
    where, visitor = offer(town), town.newcomer(language=language)
    assert visitor.send(where).status_code == 303
    return visitor, where


@pytest.mark.parametrize(
    ("language", "kept", "again", "early"),
    [
        ("en", "Your pause is kept", "I start again today", "the day before yesterday"),
        ("nl", "Je pauze is bewaard", "Ik begin vandaag weer", "op zijn vroegst eergisteren"),
    ],
)
def test_a_member_pauses_and_starts_again(town: Town, language: str, kept: str, again: str, early: str) -> None:
    visitor = town.newcomer(language=language)
    yesterday, later = TODAY - timedelta(days=1), TODAY + timedelta(days=6)
    wrong = visitor.send("/me/pause", from_day="2026-11-01", until_day=str(later))
    assert (wrong.status_code, early in wrong.get_data(as_text=True)) == (422, True)
    assert visitor.send("/me/pause", from_day=str(yesterday), until_day=str(later)).status_code == 303
    page = visitor.text("/me/pause")
    assert kept in page
    assert again in page
    assert visitor.send(f"/me/pause/{yesterday}/end", page="/me/pause").status_code == 303
    assert again not in visitor.text("/me/pause")
    assert visitor.send(f"/me/pause/{yesterday}/end", page="/me/pause").status_code == 404
    assert visitor.send("/me/pause/never/end", page="/me/pause").status_code == 404


@pytest.mark.parametrize(
    ("language", "legend", "kept", "cause"),
    [
        ("en", "Which days do you choose?", "Your choice is kept.", "For a good cause"),
        ("nl", "Welke dagen kies je?", "Je keuze is bewaard.", "Voor een goed doel"),
    ],
)
def test_a_member_chooses_days_and_whom_coins_are_for(
    town: Town, language: str, legend: str, kept: str, cause: str
) -> None:
    visitor, where = taking_part(town, language)
    page = visitor.text(where)
    assert legend in page
    assert cause in page
    assert visitor.send(f"{where}/schedule/my_days", page=where, option="late").status_code == 303
    assert kept in visitor.text(where)
    assert 'value="late" required checked' in visitor.get(where).get_data(as_text=True)
    assert visitor.send(f"{where}/purpose", page=where, gives_to="charity").status_code == 303
    assert 'value="charity" checked' in visitor.get(where).get_data(as_text=True)
    assert visitor.send(f"{where}/schedule/my_days", page=where, option="never").status_code == 422
    assert visitor.send(f"{where}/schedule/nothing", page=where, option="late").status_code == 404
    stranger = town.newcomer("Kim")
    assert stranger.send(f"{where}/purpose", page="/me/pause", gives_to="self").status_code == 404


@pytest.mark.parametrize(
    ("language", "done", "refused"),
    [("en", "This step is confirmed", "This code does not count"), ("nl", "stap is bevestigd", "Deze code telt niet")],
)
def test_a_code_from_a_provider_confirms_a_step(town: Town, language: str, done: str, refused: str) -> None:
    visitor, where = taking_part(town, language)
    assert "/me/confirm" in visitor.get(where).get_data(as_text=True)
    collective = Where(holder=uuid4(), collective=town.world.collective, employer=uuid4(), code="")
    (code,) = make(town.stores.members, collective, add_service(town.stores.members), count=1, now=NOW)
    for wrong in ("ABCD-EFGH-JKMN", "?"):
        answer = visitor.send("/me/confirm", code=wrong)
        assert (answer.status_code, refused in answer.get_data(as_text=True)) == (422, True)
    assert visitor.field(f"/me/confirm?code={code}", "code") == code  # filled in, and not used yet
    assert visitor.send("/me/confirm", code=code).status_code == 303
    assert done in visitor.text("/me/confirm")
    again = visitor.send("/me/confirm", code=code)
    assert (again.status_code, refused in again.get_data(as_text=True)) == (422, True)
