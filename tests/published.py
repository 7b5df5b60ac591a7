"""Published totals of coins, as the release code makes them and leaves them in the employers' store."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from privacy.principals import Purpose
from privacy.release import mechanisms
from privacy.release.document import Document, digest_of, figures_for
from privacy.release.noise import OPENDP
from privacy.release.outbox import ReleaseOutbox
from privacy.release.plan import COINS, Scope, SizeClass
from privacy.release.published import release_of
from privacy.store import Store, transaction
from tests.factories import JOB


def publish_coins(employers: Store, scope: Scope, year: int, cents: int, heads: int) -> UUID:
    """The noisy total of a scope's year, in euro cents; answers its id."""
    rho = COINS.rho_window_micro(scope.kind, SizeClass.of(heads))
    scale = mechanisms.scale_for(COINS.sensitivity_squared, rho)
    document = Document(
        scope=scope, statistic=COINS.name, window=str(year), first_month=f"{year}-01", noisy=(cents,), heads=(heads,),
        scale_grains=int(scale * mechanisms.GRAIN), sensitivity_squared=COINS.sensitivity_squared, rho_micro=rho,
        noise=OPENDP,
    )  # fmt: skip
    content = replace(document, figures=figures_for(document, ())).canonical()
    row = ReleaseOutbox(
        id=document.id, audience_kind=scope.kind, audience=scope.id, statistic=COINS.name, window=str(year),
        content=content, digest=digest_of(content), noise=OPENDP, publishable=True,
        published_at=datetime(year + 1, 1, 5, tzinfo=UTC),
    )  # fmt: skip
    with transaction(employers, JOB, Purpose.publishing) as db:
        db.add(release_of(row))
    return document.id
