"""Passkeys (WebAuthn): signing in with what somebody has and unlocks, without a name or a password.

Side-neutral: each store hands in tables of its own and so makes its own ``Passkeys``. What the database alone tells
is how many passkeys an account has: a credential's id is a keyed digest, and its public key, its counter, its name and
its days are sealed under the account's own key. The user handle that an authenticator keeps is computed under that
key too; it is neither the account nor the pseudonym, and nobody can compute it once the key is destroyed.

A challenge serves once, for five minutes, and for the browser that asked for it. User verification (finger, face or
PIN) is required, since a passkey stands for both factors here. No attestation is asked for: it would tell the make of
somebody's device.
"""

import json
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import webauthn
from sqlalchemy import CursorResult, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from privacy import credentials
from privacy.errors import Conflict, Forbidden, Invalid, NotFound
from privacy.keys import Cipher
from privacy.passkey_columns import ChallengeColumns, PasskeyColumns
from privacy.principals import acting
from privacy.store import keys_of

CHALLENGE_LENGTH = timedelta(minutes=5)
PASSKEYS_MAX = 20
NAME_LENGTH_MAX = 40
RESPONSE_LENGTH_MAX = 20_000
MALFORMED = (WebAuthnException, ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What reading a hostile answer can raise."""


class PasskeyRefused(Forbidden):
    """The passkey does not open an account here: one answer for every cause."""

    def __init__(self) -> None:
        super().__init__("This passkey does not open an account here. Sign in another way.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where browsers find this face: ``rp_id`` is its host name, ``origin`` scheme, host and port."""

    rp_id: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A passkey as its owner sees it."""

    id: UUID
    name: str
    made_on: date
    used_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Options for the browser, as JSON, and the challenge in them, which the browser's session is to keep."""

    options: str
    challenge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """The sealed part."""

    credential: bytes
    public_key: bytes
    count: int
    name: str
    made_on: date
    used_on: date | None

    def to_bytes(self) -> bytes:
        return json.dumps(
            {
                "credential": bytes_to_base64url(self.credential),
                "public_key": bytes_to_base64url(self.public_key),
                "count": self.count,
                "name": self.name,
                "made_on": self.made_on.isoformat(),
                "used_on": self.used_on.isoformat() if self.used_on else None,
            }
        ).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> "_Held":
        read = json.loads(content)
        return cls(
            credential=base64url_to_bytes(read["credential"]),
            public_key=base64url_to_bytes(read["public_key"]),
            count=read["count"],
            name=read["name"],
            made_on=date.fromisoformat(read["made_on"]),
            used_on=date.fromisoformat(read["used_on"]) if read["used_on"] else None,
        )


class Passkeys:
    """The passkeys of one store."""

    def __init__(self, passkey: type[PasskeyColumns], challenge: type[ChallengeColumns]) -> None:
        self._passkey = passkey
        self._challenge = challenge
        self._table: str = cast("Any", passkey).__tablename__

    def begin(self, db: Session, account: UUID, *, site: Site, label: str, now: datetime) -> Asked:
        """What a browser needs to make a passkey for the principal's own account.

        label: what the browser's own list of passkeys calls the account. Raises: NotFound, Conflict (too many).
        """
        self._own(db, account)
        rows = self._rows(db, account)
        if len(rows) >= PASSKEYS_MAX:
            raise Conflict("You have many passkeys already. Remove one first.")
        options = webauthn.generate_registration_options(
            rp_id=site.rp_id,
            rp_name="Vitaal",
            user_name=label,
            user_id=self._handle(db, account),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(self._open(db, row).credential) for row in rows],
        )
        return self._ask(db, account, options.challenge, webauthn.options_to_json(options), now=now)

    def finish(
        self, db: Session, account: UUID, *, site: Site, challenge: str | None, response: str, name: str, now: datetime
    ) -> UUID:
        """Keep the passkey that a browser made for the principal's own account.

        Raises: NotFound, Invalid (its name; an answer that does not fit the question), Conflict (already known).
        """
        self._own(db, account)
        name = _valid_name(name)
        try:
            asked = self._use_challenge(db, account, challenge, now=now)
            made = webauthn.verify_registration_response(
                credential=_read(response),
                expected_challenge=asked,
                expected_rp_id=site.rp_id,
                expected_origin=site.origin,
                require_user_verification=True,
            )
        except (PasskeyRefused, *MALFORMED) as error:
            raise Invalid("Your device's answer could not be used. Please try once more.") from error
        held = _Held(
            credential=made.credential_id,
            public_key=made.credential_public_key,
            count=made.sign_count,
            name=name,
            made_on=now.date(),
            used_on=None,
        )
        passkey_id = uuid4()
        row = self._passkey()
        row.id, row.account = passkey_id, account
        row.credential_digest = self._digest(db, made.credential_id)
        row.sealed = self._seal(db, account, passkey_id, held)
        try:
            with db.begin_nested():
                db.add(row)
        except IntegrityError as error:
            raise Conflict("This passkey is in use already.") from error
        return passkey_id

    def begin_sign_in(self, db: Session, *, site: Site, now: datetime) -> Asked:
        """What a browser needs to let somebody choose a passkey: it names nobody."""
        options = webauthn.generate_authentication_options(
            rp_id=site.rp_id, user_verification=UserVerificationRequirement.REQUIRED
        )
        return self._ask(db, None, options.challenge, webauthn.options_to_json(options), now=now)

    def account_of(self, db: Session, *, site: Site, challenge: str | None, response: str, now: datetime) -> UUID:
        """Whose account a browser's answer opens. Raises PasskeyRefused, the same for every cause.

        A counter that did not go up means that the passkey was copied; it is refused (WebAuthn level 3, 7.2, step 22).
        """
        try:
            asked = self._use_challenge(db, None, challenge, now=now)
            answer = parse_authentication_credential_json(_read(response))
            row = db.scalars(
                select(self._passkey)
                .where(self._passkey.credential_digest == self._digest(db, answer.raw_id))
                .with_for_update()
            ).first()
            if row is None or answer.response.user_handle != self._handle(db, row.account):
                raise PasskeyRefused
            held = self._open(db, row)
            verified = webauthn.verify_authentication_response(
                credential=answer,
                expected_challenge=asked,
                expected_rp_id=site.rp_id,
                expected_origin=site.origin,
                credential_public_key=held.public_key,
                credential_current_sign_count=held.count,
                require_user_verification=True,
            )
        except (*MALFORMED, NotFound) as error:
            raise PasskeyRefused from error
        used = replace(held, count=verified.new_sign_count, used_on=now.date())
        row.sealed = self._seal(db, row.account, row.id, used)
        db.flush()
        return row.account

    def of(self, db: Session, account: UUID) -> list[Passkey]:
        """The principal's own passkeys, the oldest first. Raises NotFound for anybody else's."""
        self._own(db, account)
        found = [(row.id, self._open(db, row)) for row in self._rows(db, account)]
        return sorted(
            (Passkey(id=key, name=held.name, made_on=held.made_on, used_on=held.used_on) for key, held in found),
            key=lambda each: (each.made_on, each.name, each.id),
        )

    def rename(self, db: Session, account: UUID, passkey: UUID, *, name: str) -> None:
        """Call an own passkey otherwise. Raises NotFound, Invalid."""
        row = self._own_row(db, account, passkey)
        row.sealed = self._seal(db, account, passkey, replace(self._open(db, row), name=_valid_name(name)))
        db.flush()

    def remove(self, db: Session, account: UUID, passkey: UUID) -> None:
        """Let an own passkey open the account no more. Raises NotFound."""
        db.delete(self._own_row(db, account, passkey))
        db.flush()

    def count(self, db: Session, account: UUID) -> int:
        """How many passkeys open an account."""
        return db.scalar(select(func.count()).where(self._passkey.account == account)) or 0

    def remove_all(self, db: Session, account: UUID) -> None:
        """For an account that ends."""
        db.execute(delete(self._passkey).where(self._passkey.account == account))

    def _own(self, db: Session, account: UUID) -> None:
        if acting(db).account != account:
            raise NotFound("There is no such account.")

    def _own_row(self, db: Session, account: UUID, passkey: UUID) -> PasskeyColumns:
        self._own(db, account)
        table = self._passkey
        row = db.scalars(select(table).where(table.id == passkey, table.account == account)).first()
        if row is None:
            raise NotFound("There is no such passkey.")
        return row

    def _rows(self, db: Session, account: UUID) -> list[PasskeyColumns]:
        return list(db.scalars(select(self._passkey).where(self._passkey.account == account)))

    def _ask(self, db: Session, account: UUID | None, challenge: bytes, options: str, *, now: datetime) -> Asked:
        db.execute(delete(self._challenge).where(self._challenge.expires_at <= now))
        text = bytes_to_base64url(challenge)
        row = self._challenge()
        row.challenge_digest, row.account = credentials.token_digest(text), account
        row.expires_at = now + CHALLENGE_LENGTH
        db.add(row)
        db.flush()
        return Asked(options=options, challenge=text)

    def _use_challenge(self, db: Session, account: UUID | None, challenge: str | None, *, now: datetime) -> bytes:
        """The challenge as asked, which from now on has been answered. Raises PasskeyRefused."""
        if not challenge:
            raise PasskeyRefused
        table = self._challenge
        whose = table.account.is_(None) if account is None else table.account == account
        done = db.execute(
            delete(table).where(
                table.challenge_digest == credentials.token_digest(challenge), table.expires_at > now, whose
            )
        )
        if cast("CursorResult[Any]", done).rowcount != 1:
            raise PasskeyRefused
        return base64url_to_bytes(challenge)

    def told(self, row: PasskeyColumns, cipher: Cipher) -> dict[str, Any]:
        """Everything that is sealed of a passkey, as JSON has it: for the export of whose it is."""
        found: dict[str, Any] = json.loads(cipher.open(row.sealed, context=self._context(row.id)))
        return found

    def _handle(self, db: Session, account: UUID) -> bytes:
        return keys_of(db).cipher(account).digest("user handle", context=self._table)

    def _digest(self, db: Session, credential: bytes) -> bytes:
        return keys_of(db).lookup_digest(credential.hex(), domain=self._table)

    def _open(self, db: Session, row: PasskeyColumns) -> _Held:
        return _Held.from_bytes(keys_of(db).cipher(row.account).open(row.sealed, context=self._context(row.id)))

    def _seal(self, db: Session, account: UUID, passkey: UUID, held: _Held) -> bytes:
        return keys_of(db).cipher(account).seal(held.to_bytes(), context=self._context(passkey))

    def _context(self, passkey: UUID) -> str:
        return f"{self._table}.sealed:{passkey}"


def _read(response: str) -> dict[str, Any]:
    if len(response) > RESPONSE_LENGTH_MAX:
        raise ValueError("longer than any authenticator answers")
    read = json.loads(response)
    if not isinstance(read, dict):
        raise TypeError("an answer is an object")
    return cast("dict[str, Any]", read)


def _valid_name(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= NAME_LENGTH_MAX or not name.isprintable():
        raise Invalid(f"A name for a passkey has 1 to {NAME_LENGTH_MAX} characters.", field="name")
    return name
