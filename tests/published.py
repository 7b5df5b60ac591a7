"""Published totals of coins, as the release code leaves them in the employers' store."""

import json
from datetime import UTC, datetime
from uuid import UUID

from privacy.principals import Purpose
from privacy.release.document import digest_of, release_id
from privacy.release.noise import OPENDP
from privacy.release.plan import Scope
from privacy.release.published import Release
from privacy.store import Store, transaction
from tests.factories import JOB


def publish_coins(employers: Store, scope: Scope, year: int, cents: int, heads: int) -> UUID:
    """The noisy total of a scope's year, in euro cents; answers its id."""
    content = json.dumps({"noisy": [cents], "heads": [heads]})
    row = Release(
        id=release_id(scope, "coins", str(year)), audience_kind=scope.kind, audience=scope.id, statistic="coins",  # pyright: ignore[reportArgumentType]
        window=str(year), content=content, digest=digest_of(content), noise=OPENDP, publishable=True,
        published_at=datetime(year + 1, 1, 5, tzinfo=UTC),
    )  # fmt: skip
    with transaction(employers, JOB, Purpose.publishing) as db:
        db.add(row)
        return row.id
