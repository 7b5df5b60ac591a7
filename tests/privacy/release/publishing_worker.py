"""A process that publishes a month by the very job and exports all tables: made to be killed."""

from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from privacy.jobs import JobContext, Period
from privacy.keys import KeyRing
from privacy.principals import Purpose, Side, job
from privacy.release.noise import OpenDpNoise
from privacy.store import open_store, transaction
from programs.registry import JOBS
from vitaal.release_files import export_all

PUBLISHING = next(each for each in JOBS if each.name == "publish-releases")


def publish_and_export(
    said: Connection, month: str, *, urls: dict[Side, str], keys: dict[Side, Path], out: Path
) -> None:
    """Say when it begins; who is not killed before has published the month, carried it across and written the files."""
    members, employers = (open_store(side, urls[side], KeyRing(keys[side])) for side in (Side.members, Side.employers))
    period = Period.parse(month)
    now = period.end + timedelta(hours=3)
    context = JobContext(members=members, employers=employers, now=now, noise=OpenDpNoise(), mirrors=())
    said.send("begun")
    PUBLISHING.run(context, period)
    with transaction(employers, job("export"), Purpose.operation, read_only=True) as db:
        export_all(db, out)
    members.close()
    employers.close()
