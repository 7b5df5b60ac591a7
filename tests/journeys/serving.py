"""A real server on loopback around an app, for a real browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from waitress.server import create_server

CHROMIUM = "/usr/bin/chromium-headless-shell"
CHROMIUM_ARGS = ("--no-sandbox", "--disable-gpu")


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The address at which the app answers."""
    server = create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.close()
        server.task_dispatcher.shutdown()
        thread.join(timeout=5)
