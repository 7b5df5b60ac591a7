"""The town that page tests visit, on both stores."""

import pytest

from privacy.store import Store
from tests.platform.town import Town, build_town


@pytest.fixture
def town(members: Store, employers: Store) -> Town:
    return build_town(members, employers)
