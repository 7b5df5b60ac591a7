"""What each floor registers, concatenated: modules with tables, jobs, and tables to copy."""

import importlib
from collections.abc import Sequence

from privacy.jobs import Job
from privacy.tenants.copying import Mirror

MEMBERS_TABLES = (
    "privacy.people",
    "privacy.tenants.copies",
    "privacy.claims",
    "privacy.release.budget",
    "privacy.release.cohorts",
    "privacy.release.outbox",
    "incentives.ledger",
    "incentives.seals",
    "incentives.funds",
    "incentives.purses",
    "incentives.settle",
    "incentives.shop",
    "programs.observations",
    "programs.days",
    "programs.enrolment",
    "programs.offered",
)
EMPLOYERS_TABLES = (
    "privacy.staff",
    "privacy.tenants.declared",
    "privacy.release.published",
    "programs.catalogue",
    "admin.payments",
)


def load_tables() -> None:
    """Import every module with tables, so that the metadata of both stores is complete."""
    for name in (*MEMBERS_TABLES, *EMPLOYERS_TABLES):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise


def jobs() -> Sequence[Job]:
    """The jobs of all floors, in the order in which they run when several are due."""
    from admin.registry import JOBS as ADMIN
    from privacy.tenants.registry import JOBS as PRIVACY
    from programs.registry import JOBS as PROGRAMS

    return (*PRIVACY, *ADMIN, *PROGRAMS)


def mirrors() -> Sequence[Mirror]:
    """The tables that are copied from the employers' into the members' store."""
    from privacy.tenants.copying import MIRRORS as PRIVACY
    from programs.registry import MIRRORS as PROGRAMS

    return (*PRIVACY, *PROGRAMS)
