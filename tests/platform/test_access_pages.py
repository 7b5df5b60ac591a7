"""Who looked at my data, leave for a helper, and a copy of everything: as a member meets them, in both languages."""

import io
import json
import zipfile
from datetime import timedelta

import pytest

from privacy.access_log import Action, Outcome, Reason, What, look
from privacy.people import principal_of
from privacy.principals import OPERATOR, VISITOR, Principal, Purpose, Role
from privacy.store import keys_of, transaction
from privacy.support import HELPER
from tests.platform.town import NOW, Town, Visitor


def who_is(town: Town, visitor: Visitor) -> Principal:
    token = visitor.client.get_cookie("vitaal_member", path="/me")
    assert token is not None
    with transaction(town.stores.members, VISITOR, Purpose.authentication, read_only=True) as db:
        return principal_of(db, token.value, now=NOW)[0]


def look_at(town: Town, visitor: Visitor, *, minutes: int = 0, principal: Principal = OPERATOR, **more) -> None:
    me = who_is(town, visitor)
    assert me.subject is not None
    assert me.account is not None
    purpose = Purpose.help if principal.role is Role.support else Purpose.operation
    with transaction(town.stores.members, principal, purpose) as db:
        cipher = keys_of(db).cipher(me.account) if "words" in more else None
        look(db, subject=me.subject, now=NOW + timedelta(minutes=minutes), cipher=cipher, **more)


def test_before_anybody_looked_the_page_says_so(town: Town) -> None:
    text = town.newcomer().text("/me/access")
    assert "Nobody has looked at your data." in text
    assert "The system" in text


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            (
                "A manager of the system made a copy of all your data for you.",
                "A helper looked at your coins and orders. The coins of May are missing. ",
                "A helper tried a code that was over. The helper saw nothing.",
            ),
        ),
        (
            "nl",
            (
                "Een beheerder van het systeem heeft voor jou een kopie gemaakt van al je gegevens.",
                "Een helper heeft je munten en bestellingen bekeken. The coins of May are missing. ",
                "Een helper probeerde een code die niet meer geldt. De helper heeft niets gezien.",
            ),
        ),
    ],
)
def test_every_look_is_a_sentence_with_its_reason_the_newest_first(town: Town, language: str, said) -> None:
    sam = town.newcomer(language=language)
    look_at(town, sam, what=What.everything, action=Action.hand_out, reason=Reason.asked)
    words = {"reason": Reason.helping, "what": What.coins, "words": "The coins of May are missing."}
    look_at(town, sam, minutes=1, principal=HELPER, **words)
    look_at(town, sam, minutes=2, principal=HELPER, outcome=Outcome.refused, **words)
    text = sam.text("/me/access")
    places = [text.find(each) for each in said]
    assert -1 not in places, text
    assert places == sorted(places, reverse=True)


def test_what_was_written_as_a_reason_is_text_and_never_mark_up(town: Town) -> None:
    sam = town.newcomer()
    look_at(
        town, sam, principal=HELPER, what=What.coins, reason=Reason.helping, words="<script>alert(1)</script> and more"
    )
    body = sam.get("/me/access").get_data(as_text=True)
    assert "<script>" not in body
    assert "&lt;script&gt;" in body


def test_nobody_reads_the_lines_of_somebody_else(town: Town) -> None:
    sam, alex = town.newcomer(), town.newcomer("Alex")
    look_at(town, sam, what=What.everything, action=Action.hand_out, reason=Reason.asked)
    assert "made a copy" in sam.text("/me/access")
    assert "Nobody has looked at your data." in alex.text("/me/access")


def test_a_member_makes_a_code_reads_it_again_and_ends_it(town: Town) -> None:
    sam = town.newcomer()
    answer = sam.send("/me/access", topic="coins", days="3")
    assert answer.status_code == 303
    text = sam.text("/me/access")
    assert "Your code for a helper" in text
    assert "My coins and orders" in text
    assert "The helper may see your figures too." not in text
    body = sam.get("/me/access").get_data(as_text=True)
    address = body.split('action="/me/access/')[1].split('"')[0]
    assert sam.send(f"/me/access/{address}", page="/me/access").status_code == 303
    assert "Your code for a helper" not in sam.text("/me/access")


def test_a_form_that_was_tampered_with_is_shown_again(town: Town) -> None:
    sam = town.newcomer()
    for fields in ({"topic": "everything", "days": "3"}, {"topic": "coins", "days": "99"}, {"days": "3"}):
        assert sam.send("/me/access", **fields).status_code == 422
    assert "Your code for a helper" not in sam.text("/me/access")


def test_another_member_cannot_end_a_code(town: Town) -> None:
    sam, alex = town.newcomer(), town.newcomer("Alex")
    sam.send("/me/access", topic="coins", days="3")
    address = sam.get("/me/access").get_data(as_text=True).split('action="/me/access/')[1].split('"')[0]
    assert alex.send(f"/me/access/{address}", page="/me/access").status_code == 404
    assert "Your code for a helper" in sam.text("/me/access")


def test_the_copy_is_a_zip_of_ones_own_whose_name_says_nobody(town: Town) -> None:
    sam, alex = town.newcomer("Sam-the-first"), town.newcomer("Alex-the-other")
    assert "A copy of my data" in sam.text("/me/data/export")
    answer = sam.send("/me/data/export")
    assert answer.status_code == 200
    assert answer.mimetype == "application/zip"
    assert answer.headers["Content-Disposition"] == "attachment; filename=vitaal-2026-11-18.zip"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers
    with zipfile.ZipFile(io.BytesIO(answer.data)) as packed:
        document = json.loads(packed.read("vitaal.json"))
        assert json.loads(packed.read("fhir.json"))["resourceType"] == "Bundle"
    assert document["sections"]["account"][0]["nickname"] == "Sam-the-first"
    assert "Alex-the-other" not in json.dumps(document)
    assert document["subject"] == str(who_is(town, sam).subject) != str(who_is(town, alex).subject)


def test_taking_along_ones_own_is_no_look_by_somebody_else(town: Town) -> None:
    sam = town.newcomer()
    sam.send("/me/data/export")
    assert "Nobody has looked at your data." in sam.text("/me/access")


def test_the_pages_are_for_members_alone(town: Town) -> None:
    visitor = town.visitor()
    for path in ("/me/access", "/me/data/export"):
        assert visitor.get(path).status_code == 302
        assert town.staff("vandijk").get(path).status_code == 404
