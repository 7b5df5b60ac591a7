"""The way out for letters: a real SMTP client, the only code that speaks to a mail server.

Each letter is claimed and committed as ``sending`` before the dialogue and recorded after it, so that no letter goes
twice, whoever dies when (``privacy.post.sending``). What is said of a failure is its kind: never an address, never what
a server answered.
"""

import logging
import smtplib
import ssl
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from privacy.errors import Invalid
from privacy.post import sending
from privacy.post.columns import MailState
from privacy.post.letters import kind
from privacy.post.sending import Parcel
from privacy.post.stopping import stop_token
from privacy.principals import Purpose, Side, job
from privacy.store import Store, transaction

from .letter_form import Envelope, message, needs_utf8
from .mail_server import MailServer, Tls, mail_server
from .settings import Settings

SENDER = job("mail")
TIMEOUT_S = 30
STOP_PATHS: Mapping[Side, str] = {Side.members: "/mail/stop", Side.employers: "/staff/mail/stop"}
PAUSE_FIRST, PAUSE_MAX = timedelta(seconds=5), timedelta(minutes=5)
NO_SERVER = "No mail server is set (VITAAL_MAIL_URL): letters wait until they expire."
log = logging.getLogger("vitaal.mail")


class Unreachable(Invalid):
    """The mail server does not take our letters at all; says why, without what it answered."""


class NotNow(Exception):
    """This letter has certainly not gone, and may go later."""


class Never(Exception):
    """This letter has not gone and will not; says the kind of refusal."""


class Unsure(Exception):
    """The way broke while the letter was under way: it may have gone."""


class Line:
    """An open dialogue with the mail server."""

    def __init__(self, smtp: smtplib.SMTP, sender: str) -> None:
        self._smtp = smtp
        self._sender = sender

    def hand_over(self, to: str, content: bytes) -> None:
        """Hand one message over. Raises: NotNow, Never, Unsure."""
        options = ("SMTPUTF8", "BODY=8BITMIME") if needs_utf8(to) else ()
        try:
            code, _ = self._smtp.mail(self._sender, options)
            if code != 250:  # about us, not about this letter: somebody has to look after the settings
                raise NotNow("sender_refused")
            code, _ = self._smtp.rcpt(to)
        except smtplib.SMTPNotSupportedError as error:
            raise Never("address_unsupported") from error
        except (OSError, smtplib.SMTPException) as error:
            raise NotNow("line_broke") from error
        _judge(code, "address_refused")
        try:
            code, _ = self._smtp.data(content)
        except smtplib.SMTPDataError as error:  # refused before the letter was sent
            code = error.smtp_code
        except (OSError, smtplib.SMTPException) as error:
            raise Unsure("line_broke") from error
        _judge(code, "letter_refused")

    def pass_by(self) -> None:
        """Do as if a letter were handed over, where there is nobody to hand it to. Raises NotNow."""
        try:
            self._smtp.noop()
        except (OSError, smtplib.SMTPException) as error:
            raise NotNow("line_broke") from error

    def start_anew(self) -> bool:
        """Forget a dialogue that was broken off; False where the line is dead."""
        try:
            return self._smtp.rset()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False


def _judge(code: int, refusal: str) -> None:
    if 200 <= code < 300:
        return
    if 400 <= code < 500:
        raise NotNow("server_asks_to_wait")
    if 500 <= code < 600:
        raise Never(refusal)
    raise Unsure("answer_unclear")


class Post:
    """Sends what is due in a store, through one mail server; rests for a while where the server is out of reach."""

    def __init__(
        self, server: MailServer, *, sender: str, sites: Mapping[Side, str], clock: Callable[[], datetime]
    ) -> None:
        self.server = server
        self.sender = sender
        self._sites = sites
        self._clock = clock
        self._failures = 0
        self._rests_until: datetime | None = None

    def send_due(self, store: Store) -> None:
        """Hand over everything that is due in this store."""
        now = self._clock()
        if self._rests_until is not None and now < self._rests_until:
            return
        with transaction(store, SENDER, Purpose.operation, read_only=True) as db:
            if not sending.is_due(db, now=now):
                return
        try:
            with self.line() as line:
                self._failures, self._rests_until = 0, None
                owner = uuid4()
                while self._send_one(store, line, owner):
                    pass
        except Unreachable as error:
            self._rests_until = now + min(PAUSE_FIRST * 2 ** min(self._failures, 10), PAUSE_MAX)
            self._failures += 1
            log.warning("mail waits: %s", error.message)

    def _send_one(self, store: Store, line: Line, owner: UUID) -> bool:
        """Claim one letter, hand it over, record it; False where none is due or the line is dead."""
        with transaction(store, SENDER, Purpose.operation) as db:
            parcel = sending.take(db, owner=owner, now=self._clock())
        if parcel is None:
            return False
        state, reason = self._hand_over(store, line, parcel)
        with transaction(store, SENDER, Purpose.operation) as db:
            if state is MailState.waiting:
                sending.put_back(db, parcel.reference, owner=owner, now=self._clock())
            else:
                sending.finish(db, parcel.reference, owner=owner, state=state, reason=reason, now=self._clock())
        return state is MailState.done or line.start_anew()

    def _hand_over(self, store: Store, line: Line, parcel: Parcel) -> tuple[MailState, str | None]:
        try:
            if parcel.to is None:
                line.pass_by()
            else:
                line.hand_over(parcel.to, self._message(store, parcel, parcel.to))
        except NotNow as refusal:
            log.warning("a letter waits: %s", refusal)
            return MailState.waiting, None
        except Never as refusal:
            return MailState.failed, str(refusal)
        except Unsure as refusal:
            return MailState.unknown, str(refusal)
        return MailState.done, None

    def _message(self, store: Store, parcel: Parcel, to: str) -> bytes:
        stop_link = None
        if kind(parcel.letter.kind).can_be_stopped:
            token = stop_token(store.keys, address=to, name=parcel.letter.kind)
            stop_link = f"{self._sites[store.side]}{STOP_PATHS[store.side]}/{token}"
        envelope = Envelope(to=to, sender=self.sender, message_id=uuid4(), now=self._clock(), stop_link=stop_link)
        try:
            return message(parcel.letter, envelope)
        except ValueError as error:
            raise Never("letter_unwritable") from error

    @contextmanager
    def line(self) -> Generator[Line]:
        """A dialogue with the server. Raises Unreachable."""
        smtp = self._connected()
        try:
            yield Line(smtp, self.sender)
        finally:
            with suppress(OSError, smtplib.SMTPException):
                smtp.quit()
            smtp.close()

    def _connected(self) -> smtplib.SMTP:
        server, smtp = self.server, None
        us = self.sender.rpartition("@")[2]  # or the name of this machine would be told
        try:
            context = ssl.create_default_context(cafile=server.ca)
            if server.tls is Tls.implicit:
                smtp = smtplib.SMTP_SSL(server.host, server.port, us, timeout=TIMEOUT_S, context=context)
            else:
                smtp = smtplib.SMTP(server.host, server.port, us, timeout=TIMEOUT_S)
            if server.tls is Tls.starttls:
                smtp.starttls(context=context)
            smtp.ehlo_or_helo_if_needed()
            if server.user is not None and server.password is not None:
                smtp.login(server.user, server.password)
        except (OSError, smtplib.SMTPException) as error:
            if smtp is not None:
                smtp.close()
            raise Unreachable(_why(error)) from None  # the cause may carry what the server answered
        return smtp


def _why(error: Exception) -> str:
    match error:
        case smtplib.SMTPAuthenticationError():
            return "The mail server refuses our name and password."
        case smtplib.SMTPNotSupportedError():
            return "The mail server does not offer STARTTLS, or signing in: see VITAAL_MAIL_URL."
        case ssl.SSLCertVerificationError():
            return "The mail server's certificate cannot be trusted."
        case TimeoutError():
            return "The mail server did not answer in time."
        case _:
            return "The mail server cannot be reached."


def post_of(settings: Settings, clock: Callable[[], datetime]) -> Post | None:
    """The way out that the settings describe; None where no server is set. Raises Invalid where a part is missing."""
    if settings.mail_url is None:
        return None
    needed = {
        "VITAAL_MAIL_FROM": settings.mail_from,
        "VITAAL_MEMBERS_SITE": settings.members_site,
        "VITAAL_EMPLOYERS_SITE": settings.employers_site,
    }
    missing = [name for name, value in needed.items() if value is None]
    if missing:
        raise Invalid(f"Sending letters also needs {' and '.join(missing)}.")
    return Post(
        mail_server(settings.mail_url.get_secret_value()),
        sender=settings.mail_from or "",
        sites={Side.members: settings.members_site or "", Side.employers: settings.employers_site or ""},
        clock=clock,
    )


def tidy(store: Store, now: datetime) -> None:
    """End what expired or lost its sender; forget what went long ago."""
    with transaction(store, SENDER, Purpose.operation) as db:
        sending.tidy(db, now=now)
