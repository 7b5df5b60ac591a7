"""Who may open which store for what: every combination, and rows of others that answer like missing ones."""

from itertools import product
from uuid import uuid4

import pytest

from privacy.errors import Forbidden, NotFound
from privacy.principals import MAY, Principal, Purpose, Role, Side, own_employer, own_holder, own_subject
from privacy.store import Store, transaction

# What the design allows, written down a second time: whoever changes MAY changes this table with open eyes.
ALLOWED = {
    (Role.visitor, Side.members): {"authentication"},
    (Role.visitor, Side.employers): {"authentication"},
    (Role.member, Side.members): {"authentication", "own_use", "rewards", "reports"},
    (Role.hr, Side.employers): {"authentication", "administration", "reports"},
    (Role.insurer, Side.employers): {"authentication", "administration", "reports"},
    (Role.payroll, Side.employers): {"authentication", "reports"},
    (Role.provider, Side.members): {"authentication", "rewards"},
    (Role.confirmer, Side.members): {"authentication", "rewards"},
    (Role.support, Side.members): {"authentication", "help"},
    (Role.operator, Side.members): {"authentication", "operation"},
    (Role.operator, Side.employers): {"authentication", "operation", "administration"},
    (Role.job, Side.members): {"operation", "rewards", "publishing", "copying"},
    (Role.job, Side.employers): {"operation", "publishing", "copying"},
}


def _opens(store: Store, role: Role, purpose: Purpose) -> bool:
    try:
        with transaction(store, Principal(role=role), purpose):
            return True
    except Forbidden:
        return False


@pytest.mark.parametrize("side", Side)
def test_each_role_opens_a_store_for_its_own_purposes_and_no_other(
    side: Side, members: Store, employers: Store
) -> None:
    store = members if side is Side.members else employers
    for role, purpose in product(Role, Purpose):
        wanted = purpose in ALLOWED.get((role, side), set())
        assert _opens(store, role, purpose) is wanted, (role, side, purpose)


def test_every_role_has_its_line() -> None:
    assert set(MAY) == set(Role)


def test_nobody_who_sees_reports_of_employers_opens_the_members_store() -> None:
    for role in (Role.hr, Role.insurer, Role.payroll):
        assert Side.members not in MAY[role]
    assert Side.employers not in MAY[Role.member]


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.member, False),
        (Role.visitor, False),
        (Role.provider, False),
        (Role.support, False),
        (Role.operator, False),
        (Role.job, True),
    ],
)
def test_another_members_subject_answers_like_a_missing_one(members: Store, role: Role, may: bool) -> None:
    mine, other = uuid4(), uuid4()
    purpose = Purpose.operation if role in (Role.operator, Role.job) else Purpose.authentication
    with transaction(members, Principal(role=role, subject=mine), purpose) as db:
        if may:
            assert own_subject(db, other) == other
        else:
            with pytest.raises(NotFound):
                own_subject(db, other)


@pytest.mark.parametrize("role", [Role.hr, Role.payroll, Role.insurer, Role.operator, Role.job])
def test_another_organisation_answers_like_a_missing_one(employers: Store, role: Role) -> None:
    mine, other = uuid4(), uuid4()
    principal = Principal(role=role, employer=mine, holder=mine)
    purpose = Purpose.operation if role is Role.job else Purpose.authentication
    with transaction(employers, principal, purpose) as db:
        for own in (own_employer, own_holder):
            assert own(db, mine) == mine
            if role in (Role.operator, Role.job):
                assert own(db, other) == other
            else:
                with pytest.raises(NotFound):
                    own(db, other)
