"""Small worlds for tests: a collective with an employer, its invitation, and members.

Declared facts are made by the engine's own functions in the employers' store (``declared_company``), or put straight
into the members' store as the copying job would leave them (``copied_company``).
"""

from base64 import b64encode
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from threading import Barrier
from typing import TypeVar
from uuid import UUID, uuid4

from admin import contracts
from privacy.people import Profile, join
from privacy.principals import OPERATOR, VISITOR, Principal, Purpose, Role, job
from privacy.store import Store, transaction
from privacy.tenants import copies, declared
from privacy.tenants.codes import code_digest

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
"""A Monday."""
TODAY = NOW.date()
YEAR_START = date(2026, 1, 1)
CODE_EXPIRES_ON = date(2027, 12, 31)
PASSWORD = "correct horse battery"
JOB = job("test")

_numbers = count(1)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """An employer in a collective, and the shared code by which its people join."""

    holder: UUID
    collective: UUID
    employer: UUID
    code: str


def declared_company(
    employers: Store, *, heads: int = 12, code: str | None = None, yearly_reward_max_cents: int = 24_000
) -> Company:
    """A holder, its collective and an employer under contract since 1 January, in the employers' store."""
    code = code or f"CODE{next(_numbers)}"
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        holder = contracts.add_holder(db, name="Zonzeker")
        collective = contracts.found_collective(
            db,
            holder.id,
            name="MKB Midden",
            region="Midden",
            starts_on=YEAR_START,
            coin_value_cents=10,
            yearly_reward_max_cents=yearly_reward_max_cents,
        )
        employer = contracts.add_employer(
            db, name="Bakkerij Jansen", sector="C", region="Midden", heads=heads, since=YEAR_START
        )
        contracts.record_consent(db, employer.id, body="works_council", held_on=YEAR_START, now=NOW)
        contracts.join_collective(db, collective, employer.id, starts_on=YEAR_START, prepaid_per_head_cents=6_000)
        declared.invite(db, employer.id, code=code, shared=True, expires_on=CODE_EXPIRES_ON)
    return Company(holder=holder.id, collective=collective.id, employer=employer.id, code=code)


def copied_company(
    members: Store, *, heads: int = 12, code: str | None = None, collective: UUID | None = None
) -> Company:
    """The same, as copied into the members' store; in an existing collective where one is given."""
    company = Company(
        holder=uuid4(), collective=collective or uuid4(), employer=uuid4(), code=code or f"CODE{next(_numbers)}"
    )
    with transaction(members, JOB, Purpose.copying) as db:
        if collective is None:
            db.add(copies.HolderCopy(id=company.holder, kind="insurer", name="Zonzeker"))
            db.add(
                copies.CollectiveCopy(
                    id=company.collective,
                    holder=company.holder,
                    name="MKB Midden",
                    region="Midden",
                    coin_value_cents=10,
                    yearly_reward_max_cents=24_000,
                    starts_on=YEAR_START,
                )
            )
        db.add(copies.EmployerCopy(id=company.employer, name="Bakkerij Jansen", sector="C", region="Midden"))
        db.add(copies.HeadcountCopy(employer=company.employer, valid_from=YEAR_START, heads=heads))
        db.add(
            copies.ContractCopy(
                collective=company.collective,
                employer=company.employer,
                starts_on=YEAR_START,
                heads=heads,
                prepaid_per_head_cents=6_000,
            )
        )
    copied_invitation(members, company, code=company.code, shared=True)
    return company


def copied_invitation(
    members: Store, company: Company, *, code: str, shared: bool, expires_on: date = CODE_EXPIRES_ON
) -> UUID:
    """One more invitation of a company, as copied into the members' store."""
    invitation = uuid4()
    with transaction(members, JOB, Purpose.copying) as db:
        db.add(
            copies.InvitationCopy(
                id=invitation,
                employer=company.employer,
                code_digest=code_digest(code),
                shared=shared,
                expires_on=expires_on,
            )
        )
    return invitation


def new_member(
    members: Store, company: Company, *, nickname: str = "Sam", password: str = PASSWORD, today: date = TODAY
) -> Profile:
    """Somebody who joins by the company's code: account, subject, key and membership."""
    with transaction(members, VISITOR, Purpose.authentication) as db:
        return join(
            db,
            code=company.code,
            nickname=nickname,
            password=password,
            locale="nl",
            today=today,
        )


def as_member(profile: Profile) -> Principal:
    """The principal of a member who is signed in."""
    return Principal(role=Role.member, account=profile.account, subject=profile.subject)


def as_hr(company: Company) -> Principal:
    """Somebody of the company's HR."""
    return Principal(role=Role.hr, account=uuid4(), employer=company.employer)


def as_insurer(company: Company) -> Principal:
    """Somebody of the holder of the company's collective."""
    return Principal(role=Role.insurer, account=uuid4(), holder=company.holder)


def at_once(times: int, call: Callable[[], T]) -> list[T | Exception]:
    """What ``call`` answers or raises in as many threads, all started together."""
    gate = Barrier(times)

    def run(_number: int) -> T | Exception:
        gate.wait()
        try:
            return call()
        except Exception as error:
            return error

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def file_bytes(store: Store) -> bytes:
    """Everything that an SQLite store has on disk: database, write-ahead log, journal."""
    database = store.engine.url.database
    assert database is not None
    return b"".join(path.read_bytes() for path in sorted(Path(database).parent.glob(f"{Path(database).name}*")))


def forms_on_disk(text: str) -> Collection[bytes]:
    """A text as it might be written: plain, UTF-16, base64 at each alignment, hexadecimal."""
    plain = text.encode()
    found = {plain, text.encode("utf-16-le"), text.encode("utf-16-be"), plain.hex().encode()}
    for shift in range(3):
        found.add(b64encode(b"\0" * shift + plain)[4 if shift else 0 : -4])
    return found
