"""A process that sends letters without end: made to be killed."""

import time
from datetime import UTC, datetime
from pathlib import Path

from privacy.keys import KeyRing
from privacy.principals import Side
from privacy.store import open_store
from vitaal.mail_server import mail_server
from vitaal.mailing import Post

SITES = {Side.members: "https://vitaal.example.org", Side.employers: "https://staff.example.org"}


def new_post(port: int) -> Post:
    """The way to a server on loopback."""
    server = mail_server(f"smtp://127.0.0.1:{port}?tls=none")
    return Post(server, sender="post@vitaal.example.org", sites=SITES, clock=lambda: datetime.now(UTC))


def work(*, side: Side, url: str, keys: Path, port: int) -> None:
    """Send whatever is due until killed."""
    store, post = open_store(side, url, KeyRing(keys)), new_post(port)
    while True:
        post.send_due(store)
        time.sleep(0.01)
