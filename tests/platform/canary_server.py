"""``vitaal`` with faults built in, each of which carries a canary: pages, jobs, threads and libraries that tell all.

Run as a process; the arguments are those of the command line. CANARY in the environment is what the faults say.
"""

import logging
import os
import threading
import warnings
from datetime import timedelta
from typing import Any, NoReturn

from flask import current_app
from sqlalchemy.exc import IntegrityError

from privacy.errors import Conflict
from privacy.jobs import Every, Job, JobContext, Period
from vitaal import mailing, scheduled
from vitaal.faces.members import today
from vitaal.web.access import public

CANARY = os.environ["CANARY"]


@today.pages.get("/fault/<kind>/<value>")
@public
def fault(kind: str, value: str) -> Any:
    """Fail, or let others tell."""
    if kind == "database":
        raise IntegrityError("INSERT INTO x VALUES (%(v)s)", {"v": value}, Exception(f"Key (v)=({value}) exists"))
    if kind == "library":
        for name in ("sqlalchemy.engine.Engine", "werkzeug", "waitress", "apscheduler", "urllib3", current_app.name):
            logging.getLogger(name).error("said %s", value, extra={"also": value})
        warnings.warn(f"warned of {value}", RuntimeWarning, stacklevel=1)
        threading.Thread(target=_fail, args=(value,), name=value).start()
        logging.getLogger("sqlalchemy.pool").error("said %s %s", value)  # noqa: PLE1206 - one value too few
        return "ok"
    return _fail(value)


def _fail(value: str) -> NoReturn:
    told = {"value": value}
    raise RuntimeError(f"failed on {told}")


def _faulty(_context: JobContext, _period: Period) -> str:
    _fail(CANARY)


def _refusing(_context: JobContext, _period: Period) -> str:
    raise Conflict(f"This does not go for {CANARY}.")


scheduled.JOBS = (
    *scheduled.JOBS,
    Job("faulty", every=Every.hour, run=_faulty, grace=timedelta(hours=1)),
    Job("refusing", every=Every.hour, run=_refusing, grace=timedelta(hours=1)),
)


def _fail_while_tidying(*_arguments: object) -> NoReturn:
    _fail(CANARY)


if os.environ.get("BROKEN_CLOCK"):
    mailing.tidy = _fail_while_tidying

if __name__ == "__main__":
    from vitaal.cli import main

    main()
