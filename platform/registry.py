"""The modules that declare tables, by store: imported by name, so that neither face drags in the other's."""

import importlib

MEMBERS_TABLES = (
    "privacy.people",
    "privacy.memberships",
    "privacy.tenants.copies",
    "privacy.claims",
    "privacy.post.members",
    "privacy.release.budget",
    "privacy.release.cohorts",
    "privacy.release.outbox",
    "incentives.accounts",
    "incentives.ledger",
    "incentives.holds",
    "incentives.seals",
    "incentives.funds",
    "incentives.purses",
    "incentives.settle",
    "incentives.shop",
    "programs.observations",
    "programs.check_ins",
    "programs.days",
    "programs.enrolment",
    "programs.offered",
)
EMPLOYERS_TABLES = (
    "privacy.staff",
    "privacy.tenants.declared",
    "privacy.post.employers",
    "privacy.release.published",
    "programs.catalogue",
    "admin.payments",
)


def load_tables() -> None:
    """Import every module with tables, so that the metadata of both stores is complete."""
    for name in (*MEMBERS_TABLES, *EMPLOYERS_TABLES):
        importlib.import_module(name)
