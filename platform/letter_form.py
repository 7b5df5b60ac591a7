"""A letter as mail servers carry it: plain text, nothing to follow anybody with, one of few sizes. Pure.

Lines of a header cannot be smuggled in: values are refused where they are queued, and again here.
"""

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from uuid import UUID

from privacy.post.letters import LOCALES, Letter, Written, kind, write

SIZE_BYTES = 4096
"""Every message is filled up to a multiple of this: what travels encrypted does not tell by its length what it is."""
_HEADER_CHARACTERS_MAX = 900
"""Of a header's line: a link that is broken in two is no link."""
_PADDING_LINE = 60
_STOP = {
    "nl": "Wil je deze mail niet meer? Klik dan hier: {link}",
    "en": "Do you not want this mail any more? Then click here: {link}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What a message says besides its letter.

    stop_link: where one click ends this kind of letter, for kinds that can be stopped.
    """

    to: str
    sender: str
    message_id: UUID
    now: datetime
    stop_link: str | None = None


def message(letter: Letter, envelope: Envelope) -> bytes:
    """The message. Raises ValueError for what would break a header."""
    assert kind(letter.kind).can_be_stopped == (envelope.stop_link is not None)
    locale = letter.locale if letter.locale in LOCALES else LOCALES[0]
    written = write(letter)
    text = written.text
    if envelope.stop_link is not None:
        text = f"{text}\n{_STOP[locale].format(link=envelope.stop_link)}\n"
    return _formed(Written(written.subject, text), locale, envelope)


def trial_message(envelope: Envelope) -> bytes:
    """What an operator sends to see whether letters go out."""
    return _formed(Written("Vitaal", "Letters go out. Brieven gaan de deur uit.\n"), "en", envelope)


def _formed(written: Written, locale: str, envelope: Envelope) -> bytes:
    for line in (envelope.to, envelope.sender, written.subject, envelope.stop_link or ""):
        if line and not line.isprintable():
            raise ValueError("this would break a header")
    found = EmailMessage(policy=SMTPUTF8 if needs_utf8(envelope.to) else SMTP)
    found["From"] = _address(envelope.sender, "Vitaal")
    found["To"] = _address(envelope.to)
    found["Subject"] = written.subject
    found["Date"] = envelope.now
    found["Message-ID"] = f"<{envelope.message_id.hex}@{envelope.sender.rpartition('@')[2]}>"
    found["Auto-Submitted"] = "auto-generated"
    if envelope.stop_link is not None:
        found["List-Unsubscribe"] = f"<{envelope.stop_link}>"
        found["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    found.set_content(written.text, charset="utf-8", cte="quoted-printable")
    found["Content-Language"] = locale
    return _padded(found.as_bytes(policy=found.policy.clone(max_line_length=_HEADER_CHARACTERS_MAX)))


def _address(address: str, name: str = "") -> Address:
    mailbox, _, domain = address.rpartition("@")
    return Address(name, username=mailbox, domain=domain)


def needs_utf8(address: str) -> bool:
    """Whether a server must know SMTPUTF8 to carry mail to this address (RFC 6531)."""
    return not address.isascii()


def _padded(plain: bytes) -> bytes:
    """The same message with a header that means nothing, so long that the whole fills a multiple of the size."""
    head, _, body = plain.partition(b"\r\n\r\n")
    filler = b"\r\nX-Padding: "
    missing = -(len(plain) + len(filler) + 1) % SIZE_BYTES + 1
    lines, rest = divmod(missing - 1, _PADDING_LINE + 3)
    filler += (b"0" * _PADDING_LINE + b"\r\n ") * lines + b"0" * (rest + 1)
    return head + filler + b"\r\n\r\n" + body
