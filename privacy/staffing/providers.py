"""Signing in through the own organisation (OpenID Connect): for HR and insurer staff, never for members.

What an organisation's provider says counts for accounts of that organisation alone, and only for those that opened
their one-time link through it: the link binds the verified issuer and subject to the account, once. Addresses and
names in what the provider says bind nothing. Providers are configured by the operator (``vitaal staff provider``): who
could name an issuer could otherwise make this server call any address.

This is the part without a network: the roof's ``platform/oidc.py`` speaks to providers.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from privacy import credentials, staff
from privacy.errors import Conflict, Forbidden, Invalid, NotFound
from privacy.one_time import LinkOver, forget_old_links, use_link
from privacy.principals import Role, acting
from privacy.staffing import links
from privacy.staffing.provider_tables import StaffIdentity, StaffProvider, StaffRound
from privacy.staffing.seats import organisation_name
from privacy.store import keys_of

ROUND_LENGTH = timedelta(minutes=10)
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{1,38}[a-z0-9]")
ISSUER = re.compile(
    r"(https://|http://(localhost|127\.0\.0\.1)(?=[:/]|$))[A-Za-z0-9.\-]*(:[0-9]+)?(/[A-Za-z0-9._~\-/]*)?"
)


class ProviderRefused(Forbidden):
    """Signing in through the organisation did not succeed: one answer for every cause."""

    def __init__(self) -> None:
        super().__init__("Signing in through your organisation did not work. Try again, or ask whoever invited you.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What is needed to speak to a provider."""

    id: UUID
    slug: str
    organisation: str
    issuer: str
    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one trip carries. state: the roof's to hand to the browser; link: a one-time link in use, if any."""

    provider: Provider
    state: str
    nonce: str
    verifier: str
    link: str | None


def add_provider(
    db: Session,
    *,
    slug: str,
    issuer: str,
    client_id: str,
    client_secret: str,
    employer: UUID | None = None,
    holder: UUID | None = None,
    now: datetime,
) -> UUID:
    """Let staff of one organisation sign in through it. Raises Invalid, Conflict, NotFound, Forbidden."""
    if acting(db).role not in (Role.operator, Role.job):
        raise Forbidden("Only an operator may set the sign-in of an organisation.")
    if not SLUG.fullmatch(slug):
        raise Invalid("The name has 3 to 40 small letters, digits and hyphens.", field="slug")
    if not ISSUER.fullmatch(issuer) or len(issuer) > 300:
        raise Invalid("The issuer is an address that begins with https://, without a question mark.", field="issuer")
    if not 1 <= len(client_id) <= 200 or not client_secret:
        raise Invalid("The client's id and secret are needed.", field="client_id")
    if (employer is None) == (holder is None):
        raise Invalid("A sign-in belongs to one organisation.", field="employer")
    seat = staff.Seat(role=Role.hr if employer else Role.insurer, employer=employer, holder=holder)
    if organisation_name(db, seat) is None:
        raise NotFound("There is no such organisation.")
    provider = uuid4()
    row = StaffProvider(
        id=provider,
        slug=slug,
        issuer=issuer,
        client_id=client_id,
        sealed_secret=keys_of(db).operator.seal(client_secret.encode(), context=f"staff_provider.secret:{provider}"),
        employer=employer,
        holder=holder,
        made_at=now,
    )
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError as error:
        raise Conflict("There is a sign-in of this name already.", field="slug") from error
    return provider


def remove_provider(db: Session, slug: str) -> None:
    """Let nobody sign in through it any more; the sessions that began there end. Raises NotFound, Forbidden."""
    if acting(db).role not in (Role.operator, Role.job):
        raise Forbidden("Only an operator may set the sign-in of an organisation.")
    row = _row(db, slug)
    only_so = select(staff.Staff.id).where(
        staff.Staff.password_hash.is_(None),
        staff.Staff.employer == row.employer if row.employer else staff.Staff.holder == row.holder,
    )
    for account in list(db.scalars(only_so)):
        staff.end_sessions(db, account)
    db.delete(row)
    db.flush()


def providers(db: Session) -> list[Provider]:
    """All of them, for the operator. Raises Forbidden."""
    if acting(db).role not in (Role.operator, Role.job):
        raise Forbidden("Only an operator may see the sign-in of every organisation.")
    return [_provider(db, row) for row in db.scalars(select(StaffProvider).order_by(StaffProvider.slug))]


def provider_for_link(db: Session, token: str, *, now: datetime) -> str | None:
    """By which name the organisation of a one-time link has a sign-in of its own, if any. Raises LinkOver."""
    offer = links.open_link(db, token, now=now)
    if offer.employer is None and offer.holder is None:
        return None
    row = select(StaffProvider.slug).where(
        StaffProvider.employer == offer.employer if offer.employer else StaffProvider.holder == offer.holder
    )
    return db.scalars(row.order_by(StaffProvider.made_at)).first()


def begin_round(db: Session, slug: str, *, link: str | None = None, now: datetime) -> Round:
    """Start a trip to the provider of this name. Raises ProviderRefused where there is none."""
    try:
        row = _row(db, slug)
    except NotFound as error:
        raise ProviderRefused from error
    forget_old_links(db, StaffRound, now=now)
    state, nonce, verifier = (credentials.new_token() for _ in range(3))
    content = "\n".join((nonce, verifier, link or ""))
    digest_of_state = credentials.token_digest(state)
    db.add(
        StaffRound(
            token_digest=digest_of_state,
            expires_at=now + ROUND_LENGTH,
            provider=row.id,
            sealed=keys_of(db).operator.seal(content.encode(), context=f"staff_round:{digest_of_state.hex()}"),
        )
    )
    db.flush()
    return Round(provider=_provider(db, row), state=state, nonce=nonce, verifier=verifier, link=link)


def end_round(db: Session, state: str, *, now: datetime) -> Round:
    """The trip that a browser comes back from; it serves once. Raises ProviderRefused."""
    try:
        trip = use_link(db, StaffRound, state, now=now)
    except LinkOver as error:
        raise ProviderRefused from error
    row = db.get(StaffProvider, trip.provider)
    if row is None:
        raise ProviderRefused
    opened = keys_of(db).operator.open(trip.sealed, context=f"staff_round:{trip.token_digest.hex()}").decode()
    nonce, verifier, link = opened.split("\n")
    return Round(provider=_provider(db, row), state=state, nonce=nonce, verifier=verifier, link=link or None)


def enter_verified(db: Session, trip: Round, *, subject: str, name: str, locale: str, now: datetime) -> str:
    """A session's token for whom the provider has verified: bound to an account earlier, or by the link in use now.

    name: what the provider calls the person, for a new account. Raises ProviderRefused.
    """
    provider = db.get(StaffProvider, trip.provider.id)
    if provider is None or provider.issuer != trip.provider.issuer:
        raise ProviderRefused
    identity = _digest(db, provider, subject)
    if trip.link is not None:
        account = _bind(db, provider, identity, trip.link, name=name, locale=locale, now=now)
        return staff.start_session(db, account, now=now)
    bound = db.get(StaffIdentity, identity)
    found = db.get(staff.Staff, bound.account) if bound is not None else None
    if found is None or found.ended_at is not None or not _same_organisation(provider, found.employer, found.holder):
        raise ProviderRefused
    return staff.start_session(db, found.id, now=now)


def forget_identities(db: Session, account: UUID) -> None:
    """For an account that ends."""
    db.execute(delete(StaffIdentity).where(StaffIdentity.account == account))


def _bind(
    db: Session, provider: StaffProvider, identity: bytes, link: str, *, name: str, locale: str, now: datetime
) -> UUID:
    try:
        offer = links.open_link(db, link, now=now)
        if not _same_organisation(provider, offer.employer, offer.holder):
            raise ProviderRefused
        account = links.take_seat(db, link, name=name, secret=None, locale=locale, now=now)
    except (LinkOver, Invalid) as error:
        raise ProviderRefused from error
    try:
        with db.begin_nested():
            db.add(StaffIdentity(identity_digest=identity, account=account))
    except IntegrityError as error:
        keys_of(db).destroy(account)  # no account, no key
        raise ProviderRefused from error
    return account


def _same_organisation(provider: StaffProvider, employer: UUID | None, holder: UUID | None) -> bool:
    return (provider.employer, provider.holder) == (employer, holder)


def _row(db: Session, slug: str) -> StaffProvider:
    row = db.scalars(select(StaffProvider).where(StaffProvider.slug == slug)).first()
    if row is None:
        raise NotFound("There is no sign-in of this name.")
    return row


def _provider(db: Session, row: StaffProvider) -> Provider:
    secret = keys_of(db).operator.open(row.sealed_secret, context=f"staff_provider.secret:{row.id}").decode()
    seat = staff.Seat(role=Role.hr if row.employer else Role.insurer, employer=row.employer, holder=row.holder)
    return Provider(
        id=row.id,
        slug=row.slug,
        organisation=organisation_name(db, seat) or "",
        issuer=row.issuer,
        client_id=row.client_id,
        client_secret=secret,
    )


def _digest(db: Session, provider: StaffProvider, subject: str) -> bytes:
    return keys_of(db).lookup_digest(f"{provider.id}\0{provider.issuer}\0{subject}", domain="staff identity")
