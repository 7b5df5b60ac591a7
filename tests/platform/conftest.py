"""The town that page tests visit, on both stores."""

import pytest

from privacy.store import Store
from tests.platform.town import Town, Towns


@pytest.fixture(scope="session")
def towns(tmp_path_factory: pytest.TempPathFactory) -> Towns:
    return Towns(tmp_path_factory.mktemp("towns"))


@pytest.fixture
def town(members: Store, employers: Store, towns: Towns) -> Town:
    return towns.build(members, employers)
