"""HR's page of people: what HR declared and did, in both languages, and not a byte of what people do with it."""

import re
from collections.abc import Callable
from io import BytesIO
from uuid import uuid4

import pytest
from sqlalchemy import select

from incentives.leaving import AT_LEAVING
from privacy import memberships, people
from privacy.erasure import erase
from privacy.keys import KeyRing
from privacy.post.employers import Mail
from privacy.post.queueing import unseal
from privacy.principals import Purpose, Side, job
from privacy.store import transaction
from privacy.tenants import roster
from tests.databases import OpenFresh
from tests.factories import JOB
from tests.platform.town import NOW, TODAY, Town, Towns, Visitor, words_of

HEAD = "naam;personeelsnummer;e-mail;afdeling;vanaf;tot en met\r\n"
ANNA = "Anna van der Berg;007;anna@example.org;Magazijn;2026-01-01;\r\n"
BRAM = "Bram O'Brien;008;bram@example.org;Kantoor;2026-01-01;\r\n"


def bring_in(visitor: Visitor, content: str | bytes, *, name: str = "list.csv"):
    data = content.encode() if isinstance(content, str) else content
    return visitor.send("/hr/people/list", file=(BytesIO(data), name))


def take_over(visitor: Visitor, content: str) -> None:
    answer = bring_in(visitor, content)
    assert answer.status_code == 303, words_of(answer)
    assert visitor.send(answer.location, seen=visitor.field(answer.location, "seen")).location == "/hr/people"


def person_of(town: Town, name: str, *, employer: int = 0) -> str:
    with transaction(town.stores.employers, JOB, Purpose.operation, read_only=True) as db:
        found = roster.everybody(db, town.world.employers[employer], today=TODAY)
        return f"/hr/people/{next(each.id for each in found if each.name == name)}"


def codes_sent(town: Town) -> set[str]:
    keys = town.stores.employers.keys
    with transaction(town.stores.employers, JOB, Purpose.operation, read_only=True) as db:
        rows = list(db.scalars(select(Mail).where(Mail.sealed.is_not(None))))
        return {unseal(keys, row.id, row.sealed or b"").letter.values["code"] for row in rows}


def jobs(town: Town) -> None:
    town.copy()
    with transaction(town.stores.members, job("end-memberships"), Purpose.operation) as db:
        memberships.end_due(db, today=TODAY)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ("People and code", "Magazijn 40", "60 people", "You need no list", "Print the poster")),
        ("nl", ("Mensen en code", "Magazijn 40", "60 mensen", "U hebt geen lijst nodig", "Print de poster")),
    ],
)
def test_the_page_has_units_heads_and_the_code_and_needs_no_list(
    town: Town, language: str, expected: tuple[str, ...]
) -> None:
    page = town.staff("vandijk", language=language).text("/hr/people")
    for words in expected:
        assert words in page
    assert "DEMO" in page


def test_a_list_is_checked_then_looked_at_then_taken_over(town: Town) -> None:
    hr = town.staff("vandijk")
    answer = bring_in(hr, HEAD + ANNA + BRAM)
    plan = hr.text(answer.location)
    for words in ("Rows in the file 2", "New on the list 2", "leave today 0", "Nothing has changed yet"):
        assert words in plan
    assert "You need no list" in hr.text("/hr/people")
    hr.send(answer.location, seen=hr.field(answer.location, "seen"))
    page = hr.text("/hr/people")
    for words in ("Anna van der Berg 007", "Bram O'Brien 008", "not invited one by one", "Your list is kept."):
        assert words in page
    page = hr.text(person_of(town, "Anna van der Berg"))
    for words in ("007", "anna@example.org", "Magazijn", "1 January 2026", "Last invited never"):
        assert words in page


def test_who_is_not_in_the_next_file_leaves_only_when_hr_says_yes(town: Town) -> None:
    hr = town.staff("vandijk", language="nl")
    take_over(hr, HEAD + ANNA + BRAM)
    answer = bring_in(hr, HEAD + ANNA)
    assert "1 mens verdwijnt vandaag van uw lijst." in hr.text(answer.location)
    hr.send(f"{answer.location}/drop", page=answer.location)
    assert hr.get(answer.location).status_code == 404
    assert "Bram" in hr.text("/hr/people")
    take_over(hr, HEAD + ANNA)
    assert "tot 18 november 2026" in hr.text("/hr/people")


@pytest.mark.parametrize(
    ("language", "row", "words"),
    [
        ("en", ";1;a@example.org;;;\r\n", "2 naam Fill in a name."),
        ("en", "=CMD();1;a@example.org;;;\r\n", "2 naam This cell starts with a sign"),
        ("nl", "Jan;1;geen adres;;;\r\n", "2 e-mail Dit is geen e-mailadres"),
        ("nl", "Jan;1;a@example.org;Zolder;;\r\n", "2 afdeling Er is nog geen afdeling of vestiging met deze naam"),
        ("en", f"{ANNA}{ANNA}", "3 e-mail The same e-mail address or staff number stands in an earlier row"),
    ],
)
def test_what_is_wrong_is_named_by_row_and_column_and_changes_nothing(
    town: Town, language: str, row: str, words: str
) -> None:
    hr = town.staff("vandijk", language=language)
    answer = bring_in(hr, HEAD + row)
    assert answer.status_code == 422
    assert words in words_of(answer)
    with transaction(town.stores.employers, JOB, Purpose.operation, read_only=True) as db:
        assert roster.size(db, town.world.employers[0], today=TODAY) == 0


@pytest.mark.parametrize(
    ("content", "language", "words"),
    [
        (b"PK\x03\x04", "nl", "Dit is een spreadsheet. Sla het op als CSV"),
        (b"", "en", "The file is empty."),
        (b"a,b\r\n1,2\r\n", "en", "The first line must hold the names of the columns"),
        (b"naam,nummer,bsn\r\nJan,1,1\r\n", "nl", "Kolom 3 gebruiken we niet: haal die weg."),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_what_to_do(
    town: Town, content: bytes, language: str, words: str
) -> None:
    answer = bring_in(town.staff("vandijk", language=language), content, name="list.xlsx")
    assert answer.status_code == 422
    assert words in words_of(answer)


def test_a_download_is_the_list_and_brought_in_again_changes_nothing(town: Town) -> None:
    hr = town.staff("vandijk", language="nl")
    take_over(hr, HEAD + ANNA + BRAM)
    answer = hr.get("/hr/people/list.csv")
    assert answer.mimetype == "text/csv"
    assert answer.get_data().decode("utf-8-sig") == HEAD + ANNA + BRAM
    again = bring_in(hr, answer.get_data())
    assert "Hetzelfde 2" in hr.text(again.location)


def test_people_are_found_and_paged(town: Town) -> None:
    hr = town.staff("vandijk")
    take_over(hr, HEAD + "".join(f"Person {n:03};{n};p{n}@example.org;;;\r\n" for n in range(120)))
    assert "Page 1 of 3" in hr.text("/hr/people")
    page = hr.text("/hr/people?page=3")
    assert "Person 119" in page
    assert "Person 099" not in page
    page = hr.text("/hr/people?q=p77@example")
    assert "Person 077" in page
    assert "Person 078" not in page
    assert "Nobody on your list" in hr.text("/hr/people?q=zzz")
    for odd in ("page=-5", "page=999999999999", "page=x", "q=%00"):
        assert hr.get(f"/hr/people?{odd}").status_code == 200


def test_hr_adds_units_and_numbers_and_takes_those_of_the_list(town: Town) -> None:
    hr = town.staff("vandijk")
    hr.send("/hr/people/units", page="/hr/people", name="Werkplaats", kind="site")
    assert "Werkplaats not filled in" in hr.text("/hr/people")
    hr.send("/hr/people/heads", page="/hr/people", unit="", heads="61")
    assert "61 people" in hr.text("/hr/people")
    assert hr.send("/hr/people/heads", page="/hr/people", unit=str(uuid4()), heads="5").status_code == 404
    assert hr.send("/hr/people/heads", page="/hr/people", unit="x", heads="5").status_code == 404
    assert hr.send("/hr/people/heads", page="/hr/people", unit="", heads="0").status_code == 422
    take_over(hr, HEAD + ANNA + BRAM)
    assert "Your list has 2 people." in hr.text("/hr/people")
    hr.send("/hr/people/heads-of-list", page="/hr/people")
    page = hr.text("/hr/people")
    assert "2 people, as you told us" in page
    assert "Magazijn 1" in page


def test_a_new_code_is_made_in_one_click_and_stands_on_the_poster(town: Town) -> None:
    hr = town.staff("vandijk")
    hr.send("/hr/people/code", page="/hr/people")
    page = hr.text("/hr/people")
    assert "The code before, DEMO, works until 2 December 2026." in page
    code = re.search(r'class="code">([0-9A-Z-]{9})<', hr.get("/hr/people").get_data(as_text=True))
    assert code is not None
    poster = hr.text("/hr/people/poster")
    assert f"localhost/join/{code.group(1)}" in poster
    assert "Valid until 31 December 2026." in poster
    jobs(town)
    assert "Van Dijk Logistiek" in town.visitor().text(f"/join/{code.group(1)}")


def test_invitations_go_out_and_the_code_is_never_shown(town: Town) -> None:
    hr = town.staff("vandijk")
    take_over(hr, HEAD + ANNA + BRAM + "Caro;009;;;;\r\n")
    answer = hr.send("/hr/people/invite-new", page="/hr/people")
    assert "2 invitations are on their way." in hr.text(answer.location)
    sent = codes_sent(town)
    assert len(sent) == 2
    seen = "".join(hr.get(path).get_data(as_text=True) for path in ("/hr/people", person_of(town, "Bram O'Brien")))
    assert not [code for code in sent if code in seen or code.replace("-", "") in seen]
    answer = hr.send(f"{person_of(town, 'Caro')}/invite", page=person_of(town, "Anna van der Berg"))
    assert answer.status_code == 422
    assert "no e-mail address for this person" in words_of(answer)


def test_a_row_is_ended_and_not_before_today(town: Town) -> None:
    hr = town.staff("vandijk")
    take_over(hr, HEAD + ANNA)
    address = person_of(town, "Anna van der Berg")
    assert hr.send(f"{address}/end", page=address, ends_on="2026-11-17").status_code == 422
    assert hr.send(f"{address}/end", page=address, ends_on="2026-11-30").status_code == 303
    assert "until 30 November 2026" in hr.text("/hr/people")


def test_another_employers_people_answer_like_nobody(town: Town) -> None:
    take_over(town.staff("vandijk"), HEAD + ANNA)
    stranger = town.staff("bakkerij")
    there = person_of(town, "Anna van der Berg")
    draft = bring_in(town.staff("vandijk"), HEAD + BRAM).location
    for path, form in ((there, f"{there}/end"), (draft, draft)):
        missing = re.sub(r"[0-9a-f-]{36}", str(uuid4()), path)
        assert stranger.get(path).status_code == stranger.get(missing).status_code == 404
        for address in (form, form.replace(path, missing)):
            assert stranger.send(address, page="/hr/people", ends_on="2026-12-01", seen="1-1-0-0").status_code == 404
    assert "Anna" not in stranger.text("/hr/people")


# --- Enumeration: whatever became of an invitation, HR reads the same bytes

STATES = ("never", "invited", "joined", "left", "erased")
_MOVING = re.compile(r'name="csrf_token"[^>]*>|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')


def _bring_about(town: Town, state: str, code: str) -> None:
    """Let the person behind an invitation do what leads to this state."""
    if state in ("never", "invited"):
        return
    member = town.visitor()
    answer = member.send(f"/join/{code}", nickname="Sam", password="three words together")
    assert answer.status_code == 303, words_of(answer)
    with transaction(town.stores.members, JOB, Purpose.operation) as db:
        row = db.scalars(select(memberships.Membership).where(memberships.Membership.single_use.is_not(None))).one()
        if state == "left":
            memberships.end_membership(db, row.id, ends_on=TODAY)
    if state == "erased":
        with transaction(town.stores.members, JOB, Purpose.operation, read_only=True) as db:
            account = db.scalars(select(people.Member.id)).one()
        assert erase(town.stores.members, account, now=NOW, at_leaving=AT_LEAVING)


def _seen_by_hr(town: Town, state: str) -> dict[str, bytes]:
    """Every answer that HR gets from inviting somebody over and over, with both stores' jobs in between."""
    hr = town.staff("vandijk")
    take_over(hr, HEAD + ANNA + BRAM)
    person = person_of(town, "Anna van der Berg")
    if state != "never":
        hr.send(f"{person}/invite", page=person)
    jobs(town)
    _bring_about(town, state, next(iter(codes_sent(town)), ""))
    jobs(town)
    seen: dict[str, bytes] = {}

    def note(name: str, call: Callable[[], object]) -> None:
        answer = call()
        body = answer.get_data(as_text=True)  # type: ignore[attr-defined]
        headers = sorted(f"{key}: {value}" for key, value in answer.headers if key != "Set-Cookie")  # type: ignore[attr-defined]
        seen[name] = _MOVING.sub("*", f"{answer.status_code}\n{headers}\n{body}").encode()  # type: ignore[attr-defined]

    if state == "never":  # what HR did itself may differ: then it is brought to the same
        hr.send(f"{person}/invite", page=person)
    hr.get("/hr/people")
    for round_ in range(2):
        note(f"list {round_}", lambda: hr.get("/hr/people"))
        note(f"person {round_}", lambda: hr.get(person))
        note(f"invite {round_}", lambda: hr.send(f"{person}/invite", page=person))
        note(f"after {round_}", lambda: hr.get(person))
        note(f"all new {round_}", lambda: hr.send("/hr/people/invite-new", page="/hr/people"))
        answer = bring_in(hr, HEAD + ANNA + BRAM)
        note(f"upload {round_}", lambda: answer)  # noqa: B023
        note(f"plan {round_}", lambda: hr.get(answer.location))  # noqa: B023
        note(f"taken {round_}", lambda: hr.send(answer.location, seen="2-0-0-0"))  # noqa: B023
        note(f"download {round_}", lambda: hr.get("/hr/people/list.csv"))
        note(f"found {round_}", lambda: hr.get("/hr/people?q=anna"))
        jobs(town)
    return seen


def test_hr_reads_the_same_bytes_whatever_became_of_an_invitation(
    dialect: str, open_fresh: OpenFresh, towns: Towns, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Worlds that differ in one person's answer to an invitation are one world to HR."""
    worlds: dict[str, dict[str, bytes]] = {}
    for state in STATES:
        folder = tmp_path_factory.mktemp(state)
        keys = [KeyRing.create(folder / side) for side in (Side.members, Side.employers)]
        with (
            open_fresh(Side.members, dialect, keys[0]) as members,
            open_fresh(Side.employers, dialect, keys[1]) as employers,
        ):
            worlds[state] = _seen_by_hr(towns.build(members, employers), state)
    first = worlds["never"]
    for state, seen in worlds.items():
        assert seen.keys() == first.keys()
        for name, content in seen.items():
            assert content == first[name], (state, name)
