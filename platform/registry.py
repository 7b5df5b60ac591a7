"""The modules that declare tables, by store: imported by name, so that neither face drags in the other's."""

import importlib

MEMBERS_TABLES = (
    "privacy.people",
    "privacy.member_passkeys",
    "privacy.addresses",
    "privacy.recovery",
    "privacy.memberships",
    "privacy.codicil",
    "privacy.tenants.copies",
    "privacy.tenants.joining",
    "privacy.claims",
    "privacy.store.erased",
    "privacy.access_members",
    "privacy.support",
    "privacy.post.members",
    "privacy.release.budget",
    "privacy.release.cohorts",
    "privacy.release.groupings",
    "privacy.release.outbox",
    "privacy.release.note_copies",
    "incentives.accounts",
    "incentives.ledger",
    "incentives.lots",
    "incentives.holds",
    "incentives.seals",
    "incentives.payer_terms",
    "incentives.fund_terms",
    "incentives.funds",
    "incentives.purses",
    "incentives.settlements",
    "incentives.limits",
    "incentives.coin_terms",
    "incentives.shelf",
    "incentives.offering",
    "incentives.shop",
    "incentives.partners",
    "programs.duplicates",
    "programs.observations",
    "programs.appeals",
    "programs.referrals",
    "programs.check_ins",
    "programs.days",
    "programs.enrolment",
    "programs.marks",
    "programs.offered",
    "programs.confirmations",
    "programs.pauses",
    "programs.own_choices",
)
EMPLOYERS_TABLES = (
    "privacy.staff",
    "privacy.staffing.links",
    "privacy.staffing.second_step",
    "privacy.staffing.passkeys",
    "privacy.staffing.provider_tables",
    "privacy.tenants.declared",
    "privacy.tenants.roster",
    "privacy.tenants.roster_draft",
    "privacy.store.retained",
    "privacy.access_employers",
    "privacy.post.employers",
    "privacy.release.published",
    "privacy.release.noted",
    "programs.catalogue",
    "programs.reviews",
    "programs.contracted",
    "admin.fund_terms",
    "admin.payments",
    "admin.fund_statements",
    "admin.wkr_statements",
)

USES = {
    "own_use": "programs.days",
    "rewards": "programs.rewarding",
    "employer_report": "privacy.release.publish",
    "insurer_report": "privacy.release.publish",
}
"""The uses of members' data that something makes, and the module that does: no other is shown to members."""
REGIONAL_USE = "policy"
"""Shown to those whom a region's figure is about, and to nobody else."""


def load_tables() -> None:
    """Import every module with tables, so that the metadata of both stores is complete."""
    load_members_tables()
    for name in EMPLOYERS_TABLES:
        importlib.import_module(name)


def load_members_tables() -> None:
    """Import every module with tables of the members' store: for a process that knows that store alone."""
    for name in MEMBERS_TABLES:
        importlib.import_module(name)
