"""``vitaal release policy``: what each audience of a collective may be told."""

from datetime import UTC, datetime
from pathlib import Path

import click

from admin.audience_policies import agreed_to, policy_of, publish_policy
from admin.contracts import CONSENT_BODIES, consent_to_policy
from privacy.principals import OPERATOR, Purpose, Side
from privacy.release.plan import Audience
from privacy.release.policy import AudiencePolicy, read_policy
from privacy.release.published import find_scope
from privacy.store import transaction

from ..stores import open_side
from .common import answer, json_option, stores_option
from .files import input_file, read_text

collective_option = click.option("--collective", required=True, help="The collective's name or id.")


@click.group()
def policy() -> None:
    """What the employers, pools, insurer and region of a collective may be told at all."""


@policy.command()
@collective_option
@click.option("--year", type=click.IntRange(2020, 2100), help="For which year; this one if not given.")
@stores_option
@json_option
def show(collective: str, year: int | None, directory: Path | None, as_json: bool) -> None:
    """Print what holds for a year: as recorded, or the standard."""
    store = open_side(Side.employers, directory)
    year = year or datetime.now(UTC).year
    try:
        with transaction(store, OPERATOR, Purpose.administration, read_only=True) as db:
            found = find_scope(db, f"{Audience.collective}:{collective}").id
            policy = policy_of(db, found, year)
            agreed = agreed_to(db, found, policy) if policy.needs_consent else None
    finally:
        store.close()
    document = policy.model_dump(mode="json", exclude_none=True) | {"digest": policy.digest}
    lines = [f"Version {policy.version} for {year}; digest {policy.digest}.", *_lines(policy)]
    if agreed is not None:
        lines.append(f"The staff of {agreed} employers have agreed to it.")
    answer(as_json, document if agreed is None else document | {"agreed": agreed}, "\n".join(lines))


def _lines(policy: AudiencePolicy) -> list[str]:
    return [f"{kind}: {', '.join(shares) or 'nothing'}" for kind, shares in policy.audiences.items()]


@policy.command()
@input_file("file")
@collective_option
@stores_option
@json_option
def publish(file: str, collective: str, directory: Path | None, as_json: bool) -> None:
    """Record the next version from a file (YAML or JSON); recording it again changes nothing."""
    policy = read_policy(*read_text(file))
    store = open_side(Side.employers, directory)
    try:
        with transaction(store, OPERATOR, Purpose.administration) as db:
            found = find_scope(db, f"{Audience.collective}:{collective}").id
            publish_policy(db, found, policy, now=datetime.now(UTC))
    finally:
        store.close()
    said = f"Version {policy.version} holds from {policy.starts_on}; digest {policy.digest}."
    if policy.needs_consent:
        said += (
            " What rests on wearables or questionnaires waits for the staff's consent: vitaal release policy consent."
        )
    answer(as_json, {"version": policy.version, "starts_on": str(policy.starts_on), "digest": policy.digest}, said)


@policy.command()
@click.option("--employer", required=True, help="The employer's name or id.")
@click.option("--digest", required=True, help="Which policy: `vitaal release policy show` tells its digest.")
@click.option("--body", required=True, type=click.Choice(CONSENT_BODIES), help="Who agreed for the staff.")
@click.option("--held-on", required=True, type=click.DateTime(["%Y-%m-%d"]), help="On which day.")
@stores_option
@json_option
def consent(employer: str, digest: str, body: str, held_on: datetime, directory: Path | None, as_json: bool) -> None:
    """Record that the staff of an employer agreed to a policy. It never asks who agreed."""
    store = open_side(Side.employers, directory)
    try:
        with transaction(store, OPERATOR, Purpose.administration) as db:
            found = find_scope(db, f"{Audience.employer}:{employer}").id
            day = held_on.date()
            row = consent_to_policy(db, found, policy=digest, body=body, held_on=day, now=datetime.now(UTC))
            recorded = {"employer": str(found), "policy": row.policy, "body": row.body, "held_on": str(row.held_on)}
    finally:
        store.close()
    answer(as_json, recorded, f"Recorded: {recorded['body']}, {recorded['held_on']}.")
