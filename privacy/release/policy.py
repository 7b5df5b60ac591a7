"""Audience policies: what the employers, pools, insurer and region of one collective may be told at all. Pure.

A policy is a document that a collective's holder writes. It lists for each audience the statistics that it may get,
and may lower what one of them uses of the privacy budget; it can raise nothing, and what it does not list is never
published. Whatever rests on wearables or questionnaires is off until the policy turns that kind on, and then needs the
staff's consent to this very policy. A policy holds for whole calendar years (``audiences.py`` says which).
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from hashlib import blake2b
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from privacy.errors import Invalid
from privacy.release.plan import PLAN, Audience, Name, SizeClass, Statistic
from privacy.tenants.columns import AudiencePolicyColumns

TEXT_LENGTH_MAX = 20_000
PROBLEMS_MAX = 10
Derived = Literal["wearables", "questionnaires"]
GroupingKind = Literal["department", "site"]
Row = TypeVar("Row", bound=AudiencePolicyColumns)


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Share(_Data):
    """How an audience gets a statistic: with all the budget of the plan, or with less, in micro-rho a year."""

    micro_rho: Annotated[int, Field(ge=1)] | None = None


def _share(given: Any) -> Any:
    return {} if given is None else given


def _day(given: Any) -> Any:
    try:
        return date.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        raise ValueError("write the day as 2027-01-01") from None


Shares = dict[
    Annotated[Name, Field(strict=False)],
    Annotated[Share, BeforeValidator(_share)],
]


class AudiencePolicy(_Data):
    """What each audience of a collective may get. ``version`` counts from 1; ``starts_on`` is its first day.

    grouping: by what staff are grouped where a table by group is allowed. derived: which kinds of derived figures are
    turned on; a statistic that rests on them must be listed too.
    """

    version: Annotated[int, Field(ge=1)] = 1
    starts_on: Annotated[date, BeforeValidator(_day)] = date(2020, 1, 1)
    grouping: GroupingKind = "department"
    derived: tuple[Derived, ...] = Field(default=(), strict=False)
    audiences: dict[Annotated[Audience, Field(strict=False)], Shares]

    def model_post_init(self, context: Any, /) -> None:
        """Refuse what the plan does not allow, with the figure that it does."""
        for kind, shares in self.audiences.items():
            for name, share in shares.items():
                _check(kind, name, share, self.derived)

    @property
    def needs_consent(self) -> bool:
        """Whether the staff must agree to it: something in it rests on wearables or questionnaires."""
        return bool(self.derived)

    def rho_year_micro(self, statistic: Statistic, kind: Audience, size: SizeClass) -> int:
        """What all windows of a year together may use; 0 where this audience does not get the statistic."""
        share = self.audiences.get(kind, {}).get(statistic.name)
        planned = statistic.rho_year_micro.get((kind, size), 0)
        if share is None:
            return 0
        return planned if share.micro_rho is None else min(planned, share.micro_rho)

    def rho_window_micro(self, statistic: Statistic, kind: Audience, size: SizeClass) -> int:
        """What one window may use. Not for reach, whose windows differ."""
        return self.rho_year_micro(statistic, kind, size) // statistic.windows

    def allows(self, name: Name, kind: Audience) -> bool:
        """Whether an audience may get a statistic at all."""
        return name in self.audiences.get(kind, {})

    def without_derived(self) -> "AudiencePolicy":
        """The same with nothing from wearables or questionnaires: where the staff have not agreed."""
        audiences = {
            kind: {name: share for name, share in shares.items() if not _lines(kind, name)[0].derived}
            for kind, shares in self.audiences.items()
        }
        return self.model_copy(update={"derived": (), "audiences": audiences})

    def canonical(self) -> str:
        """The document as it is kept: JSON with sorted keys and no spaces."""
        found = self.model_dump(mode="json", exclude_none=True)
        return json.dumps(found, sort_keys=True, separators=(",", ":"))

    @property
    def digest(self) -> str:
        """What the staff agree to: BLAKE2b with 32 bytes of the document, in hexadecimal."""
        return blake2b(self.canonical().encode(), digest_size=32).hexdigest()


def _lines(kind: Audience, name: Name) -> list[Statistic]:
    return [each for each in PLAN if each.name is name and any(of == kind for of, _ in each.rho_year_micro)]


def _check(kind: Audience, name: Name, share: Share, derived: tuple[Derived, ...]) -> None:
    path = f"audiences.{kind}.{name}"
    lines = _lines(kind, name)
    if not lines:
        raise ValueError(f"{path}: no plan gives this statistic to this audience: remove it")
    most = min(micro for each in lines for (of, _), micro in each.rho_year_micro.items() if of == kind)
    if share.micro_rho is not None and share.micro_rho > most:
        raise ValueError(
            f"{path}.micro_rho: {share.micro_rho} is more than the plan allows: write {most} or less, or leave it out"
        )
    if any(each.derived for each in lines) and not derived:
        raise ValueError(
            f"{path}: this rests on wearables or questionnaires: name the kinds under derived, which needs the staff's"
            " consent, or remove it"
        )


def standard_policy(heads: int | None = None) -> AudiencePolicy:
    """What holds where nothing else is recorded: the whole plan, nothing derived, no region.

    heads: of one employer, for what is listed for its own reports only.
    """
    kinds = (Audience.employer,) if heads is not None else (Audience.employer, Audience.pool, Audience.collective)
    sizes = set(SizeClass) if heads is None else {SizeClass.of(heads)}
    audiences = {
        kind: {
            each.name: Share()
            for each in PLAN
            if not each.derived and any((kind, size) in each.rho_year_micro for size in sizes)
        }
        for kind in kinds
    }
    return AudiencePolicy(audiences=audiences)


def strictest(policies: Iterable[AudiencePolicy]) -> AudiencePolicy:
    """What every one of these policies allows: for a group with employers of several collectives.

    By groups only where all group by the same. Raises Invalid where there is none.
    """
    found = sorted({each.canonical(): each for each in policies}.items())
    if not found:
        raise Invalid("No policy was given.")
    policy = found[0][1]
    for _, other in found[1:]:
        policy = _meet(policy, other)
    return policy


def _meet(one: AudiencePolicy, other: AudiencePolicy) -> AudiencePolicy:
    audiences = {
        kind: {
            name: _lower(share, other.audiences[kind][name])
            for name, share in shares.items()
            if other.allows(name, kind) and (name is not Name.grouping or one.grouping == other.grouping)
        }
        for kind, shares in one.audiences.items()
        if kind in other.audiences
    }
    met = one.model_copy(
        update={"audiences": audiences, "derived": tuple(each for each in one.derived if each in other.derived)}
    )
    return met if met.derived else met.without_derived()


def _lower(one: Share, other: Share) -> Share:
    given = [each.micro_rho for each in (one, other) if each.micro_rho is not None]
    return Share(micro_rho=min(given, default=None))


def in_year(versions: Iterable[Row], year: int) -> Row | None:
    """The version that holds for a calendar year: the newest that has begun by its end, None for the standard.

    A version begins with a year, or before anybody is under contract, so that no year has two.
    """
    return max((each for each in versions if each.starts_on.year <= year), key=lambda each: each.version, default=None)


def read_policy(text: str, file: str) -> AudiencePolicy:
    """A policy from YAML or JSON. Raises Invalid with up to ten problems, each by path and with what to do."""
    if len(text) > TEXT_LENGTH_MAX:
        raise Invalid(f"{file}: a policy has at most {TEXT_LENGTH_MAX:,} characters.", field="policy")
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise Invalid(f"{file}: {where}this is neither YAML nor JSON.", field="policy") from None
    if not isinstance(data, Mapping):
        raise Invalid(f"{file}: a policy is a list of keys with values, such as 'version: 1'.", field="policy")
    try:
        return AudiencePolicy.model_validate(data)
    except ValidationError as error:
        lines = [_problem(each) for each in error.errors()]
        if len(lines) > PROBLEMS_MAX:
            lines[PROBLEMS_MAX:] = [f"and {len(lines) - PROBLEMS_MAX} more"]
        raise Invalid(f"{file}: {'; '.join(lines)}", field="policy") from None


def _problem(error: Any) -> str:
    place = [str(each) for each in error["loc"] if each != "[key]"]
    what = error["msg"][:1].lower() + error["msg"][1:]
    match error["type"]:
        case "value_error":
            what = str(error["ctx"]["error"])
        case "missing":
            what = "is missing: add it"
        case "extra_forbidden":
            what = "there is no such key: remove it"
        case "enum":
            known = Name if len(place) > 2 else Audience
            what = f"there is none of this name: use one of {', '.join(known)}"
        case "dict_type" | "model_type":
            what = "write keys with values below it, or {}"
        case _:
            pass
    return ": ".join((".".join(place), what)) if place else what
