"""``vitaal mail``: whether letters go out, and how many are where. Never to whom."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import click

from privacy.errors import Invalid
from privacy.post import sending
from privacy.post.addresses import plain_address
from privacy.principals import Purpose, Side
from privacy.store import transaction

from ..letter_form import Envelope, trial_message
from ..mailing import NO_SERVER, SENDER, Never, NotNow, Post, Unsure, post_of
from ..settings import read_settings
from ..stores import opened
from .common import answer, json_option, note, stores_option


@click.group()
def mail() -> None:
    """Letters that go out."""


@mail.command("test")
@click.argument("address")
@json_option
def send_test(address: str, as_json: bool) -> None:
    """Send a test letter to ADDRESS through the mail server of the settings."""
    to = plain_address(address)
    post = post_of(read_settings(), lambda: datetime.now(UTC))
    if post is None:
        raise Invalid(NO_SERVER)
    _send(post, to)
    answer(as_json, {"accepted": True}, "The mail server took the test letter.")


def _send(post: Post, to: str) -> None:
    envelope = Envelope(to=to, sender=post.sender, message_id=uuid4(), now=datetime.now(UTC))
    with post.line() as line:
        try:
            line.hand_over(to, trial_message(envelope))
        except (NotNow, Never, Unsure) as refusal:
            raise Invalid(f"The mail server did not take the test letter ({refusal}).") from None


@mail.command("list")
@stores_option
@json_option
def list_mail(directory: Path | None, as_json: bool) -> None:
    """How many letters are in each state, per store."""
    if read_settings().mail_url is None:
        note(NO_SERVER)
    found: dict[str, dict[str, int]] = {}
    with opened(directory) as stores:
        for store in (stores.members, stores.employers):
            with transaction(store, SENDER, Purpose.operation, read_only=True) as db:
                found[store.side] = {state.value: number for state, number in sending.counts(db).items()}
    lines = [f"{side:<10} " + "  ".join(f"{name} {number}" for name, number in found[side].items()) for side in Side]
    answer(as_json, {"letters": found}, "\n".join(lines))
