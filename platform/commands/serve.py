"""``vitaal serve``: the pages, by waitress, of one face or of both in one process."""

from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from waitress.server import create_server

from privacy.errors import Invalid
from privacy.principals import Side

from .. import logs
from ..app import FaceName, create, create_employers, create_members
from ..settings import Settings, read_settings
from ..stores import OpenStores, open_side, opened
from .common import note, stores_option

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

THREADS = 8


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8000, show_default=True, help="Port to listen on.")
@click.option(
    "--face",
    type=click.Choice(["members", "employers", "both"]),
    default="both",
    show_default=True,
    help="Whose pages.",
)
@click.option("--worker", "with_worker", is_flag=True, help="Run due jobs in this process too (with both faces).")
@stores_option
def serve(host: str, port: int, face: FaceName, with_worker: bool, directory: Path | None) -> None:
    """Serve the pages until Ctrl-C."""
    if with_worker and face != "both":
        raise click.UsageError("--worker needs both stores, and so --face both.")
    with application(face, directory, with_worker=with_worker) as app:
        serve_app(app, host=host, port=port)


def serve_app(app: "WSGIApplication", *, host: str, port: int) -> None:
    """Serve an app until Ctrl-C. Raises Invalid where nothing can listen there."""
    try:
        server = create_server(app, host=host, port=port, threads=THREADS)
    except OSError as error:
        raise Invalid(f"Nothing can listen on {host}:{port}: {error.strerror}. Try another --port.") from error
    note(f"Serving on http://{host}:{getattr(server, 'effective_port', port)}  (Ctrl-C stops)")
    server.run()  # returns at Ctrl-C
    server.close()


@contextmanager
def application(face: FaceName, directory: Path | None, *, with_worker: bool = False) -> "Generator[WSGIApplication]":
    """The WSGI app of a face; only the stores that it serves are opened."""
    settings = read_settings()
    logs.configure(settings.log_level)
    logs.watch_process()
    if face == "both":
        with opened(directory) as stores, _working(stores, settings) if with_worker else nullcontext():
            yield create(settings, stores, face=face, clock=utc_now)
        return
    make = create_members if face == "members" else create_employers
    store = open_side(Side.members if face == "members" else Side.employers, directory)
    try:
        yield make(settings, store, utc_now)
    finally:
        store.close()


@contextmanager
def _working(stores: OpenStores, settings: Settings) -> Generator[None]:
    from ..mailing import post_of  # noqa: PLC0415 - like the worker
    from ..worker import work_beside  # noqa: PLC0415 - the worker knows both stores: not in a process of one face

    scheduler = work_beside(stores, post_of(settings, utc_now))
    try:
        yield
    finally:
        scheduler.shutdown(wait=True)


def utc_now() -> datetime:
    """The clock of a served installation."""
    return datetime.now(UTC)
