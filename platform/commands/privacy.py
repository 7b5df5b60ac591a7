"""``vitaal privacy``: a member's own data, who looked at it, help by the member's leave, and whether the log is whole.

Each of these writes its line in the access log first; the member reads it at once on the page "Who looked".
"""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from sqlalchemy.orm import Session

from privacy import access_log, memberships, people, support
from privacy.access_log import Action, Reason, What, look
from privacy.attempts import count_attempt
from privacy.errors import Invalid
from privacy.export import Person, joined_at, person_of, plain
from privacy.principals import OPERATOR, VISITOR, Purpose, Side
from privacy.store import Store, transaction
from privacy.tenants import copies
from programs.exporting import help_with_values

from ..exports import FILES, HELP, write_fhir, write_json
from ..stores import open_side, opened
from .common import answer, json_option, note, stores_option
from .privacy_appeals import appeals, item_document
from .privacy_erase import erase_command


@click.group()
def privacy() -> None:
    """What members have a right to, by hand."""


privacy.add_command(erase_command)
privacy.add_command(appeals)


@privacy.command()
@click.argument("member", type=click.UUID)
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="The folder to write to.")
@stores_option
@json_option
def export(member: UUID, out: Path, directory: Path | None, as_json: bool) -> None:
    """Write everything that is known of a member (an account id) as JSON, and the values as a FHIR Bundle."""
    store, now = open_side(Side.members, directory), datetime.now(UTC)
    parts = [out / f".{name}.part" for name in FILES]
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        with transaction(store, OPERATOR, Purpose.operation) as db:
            person = _look_at(db, member, what=What.everything, action=Action.hand_out, now=now)
            with _private(parts[0]) as file:
                sections = write_json(db, person, file)
            with _private(parts[1]) as file:
                resources = write_fhir(db, person, file)
        files = [part.replace(out / name) for part, name in zip(parts, FILES, strict=True)]  # the line is written
    except OSError as error:
        raise Invalid(f"The folder {out} cannot be written: {error.strerror}.", field="out") from error
    finally:
        with suppress(OSError):  # where the folder is none, there is nothing to take away
            for part in parts:
                part.unlink(missing_ok=True)
        store.close()
    names = [str(each) for each in files]
    document = {"files": names, "sections": sections, "fhir_resources": resources}
    lines = [*names, *(f"{count:8,}  {name}" for name, count in sections.items())]
    answer(as_json, document, "\n".join([*lines, f"{resources:8,}  FHIR resources"]))


@privacy.command()
@click.argument("member", type=click.UUID)
@stores_option
@json_option
def seen(member: UUID, directory: Path | None, as_json: bool) -> None:
    """Who looked at a member's data (an account id), the newest first: what the member reads too."""
    store, now = open_side(Side.members, directory), datetime.now(UTC)
    try:
        with transaction(store, OPERATOR, Purpose.operation) as db:
            person = _look_at(db, member, what=What.seen, action=Action.read, now=now)
            entries = access_log.seen(db, person.subject, cipher=person.cipher)
            counted = access_log.rounds(db, since=joined_at(db, person.subject))
    finally:
        store.close()
    document = {"entries": [_document(each) for each in entries], "rounds": [_document(each) for each in counted]}
    lines = [
        f"{each.at:%Y-%m-%d %H:%M}  {each.role:<9} {each.action:<9} {each.what:<13} {each.reason:<10} {each.outcome}"
        + (f"  “{each.words}”" if each.words else "")
        for each in entries
    ]
    lines += [f"{each.year}-{each.month:02}  {each.job}: {each.what}, {each.times} times" for each in counted]
    answer(as_json, document, "\n".join(lines))


@privacy.command("look")
@click.option("--grant", required=True, help="The code that the member reads out.")
@click.option("--reason", required=True, help="Why you look, in your own words: the member reads it.")
@stores_option
@json_option
def look_command(grant: str, reason: str, directory: Path | None, as_json: bool) -> None:
    """See what a member lets a helper see: a few things about one topic, with a reason that the member reads."""
    store, now = open_side(Side.members, directory), datetime.now(UTC)
    reason = support.check_reason(reason)
    try:
        found = _help(store, grant, reason, now)
    finally:
        store.close()
    lines = [f"{name}: {', '.join(f'{k} {v}' for k, v in row.items())}" for name, rows in found.items() for row in rows]
    answer(as_json, found, "\n".join(lines))


@privacy.command()
@click.option("--head", metavar="NUMBER:DIGEST", help="The members' store's last line as noted earlier.")
@stores_option
@json_option
def verify(head: str | None, directory: Path | None, as_json: bool) -> None:
    """Recompute the access logs of both stores; exit status 1 where a line was altered, dropped or swapped."""
    with opened(directory) as stores:
        verdicts = {
            Side.members: check_log(stores.members, expected=head),
            Side.employers: check_log(stores.employers),
        }
    problems = [problem for each in verdicts.values() for problem in each.problems]
    document = {side.value: {"ok": not each.problems, **asdict(each)} for side, each in verdicts.items()}
    lines = [f"The {side}' store: {each.lines} lines, last {each.head}" for side, each in verdicts.items()]
    answer(as_json, document, "\n".join([*(problems or ["The access logs are whole."]), *lines]))
    if problems:
        note(f"error: The access log is wrong in {len(problems)} places. {problems[0]}")
        sys.exit(1)


def check_log(store: Store, *, expected: str | None = None) -> access_log.Verdict:
    """Whether a store's access log is whole. Raises Invalid (the form of ``expected``)."""
    with transaction(store, OPERATOR, Purpose.operation, read_only=True) as db:
        return access_log.verify(db, expected=expected)


def _look_at(db: Session, member: UUID, *, what: What, action: Action, now: datetime) -> Person:
    """The member, with the operator's line in the access log. Raises NotFound."""
    subject = people.subject_of(db, member)
    look(db, subject=subject, what=what, action=action, reason=Reason.asked, now=now)
    return person_of(db, member, cipher=people.cipher_of(db, member), subject=subject, now=now)


def _help(store: Store, code: str, reason: str, now: datetime) -> Mapping[str, list[dict[str, Any]]]:
    """What a helper may see. Raises GrantRefused, TooMany."""
    count_attempt(store, "support_code", "command line", now)
    with transaction(store, VISITOR, Purpose.authentication, read_only=True) as db:
        grant = support.find_grant(db, code)
    with transaction(store, support.HELPER, Purpose.help) as db:
        helped = support.use_grant(db, grant, code=code, reason=reason, now=now)
        found = {} if helped is None else _shown(db, helped, now)
    if helped is None:  # the line that somebody tried stands
        raise support.GrantRefused
    return found


def _shown(db: Session, helped: support.Helped, now: datetime) -> dict[str, list[dict[str, Any]]]:
    if helped.item is not None:  # leave for one item opens nothing else
        return {"item": [item_document(db, helped)]}
    person = person_of(db, helped.account, cipher=helped.cipher, subject=helped.subject, now=now)
    worked = memberships.memberships(db, person.subject)
    found: dict[str, list[dict[str, Any]]] = {
        "memberships": [
            {
                "employer": copies.employer(db, each.employer).name,
                "from": plain(each.starts_on),
                "until": plain(each.ends_on),
            }
            for each in worked
        ]
    }
    if helped.topic.value in HELP:
        found[helped.topic.value] = list(HELP[helped.topic.value](db, person))
    if helped.health:
        found["values"] = list(help_with_values(db, person))
    return found


def _private(path: Path) -> Any:
    """A new file that its owner alone may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _document(line: access_log.Seen | access_log.Rounds) -> dict[str, Any]:
    return {name: plain(value) for name, value in asdict(line).items()}
