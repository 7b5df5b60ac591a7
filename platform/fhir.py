"""A person's values as FHIR R4 (4.0.1): a Bundle with a nameless Patient and Observations in LOINC and UCUM.

Codes are from LOINC (https://loinc.org, group LG41761-4 "Exercise or activity" and the terms' own pages); 41950-7 and
40443-4 are also those of HL7's Physical Activity guide (http://hl7.org/fhir/us/physical-activity, value set
pa-observation-code-time), 55411-3 of its pa-observation-code-activity, 55423-8, 93818-3 and 29463-7 of the code mapping
in HL7's Personal Health Records guide, 93832-4 of its sleep value set. What has no code of its own there (wheelchair
pushes, running, cycling time, sitting, mindfulness) is in the JSON alone. Units are UCUM's
(https://ucum.org/ucum). Of a record, its newest accepted version is given; what is held back is in the JSON alone.
Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid5

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"


@dataclass(frozen=True, slots=True)
class Coded:
    """One metric: the codes of a whole day's and of any span's value, and its unit in words and in UCUM."""

    text: str
    day: tuple[str, str | None]
    span: tuple[str, str | None]
    unit: str
    ucum: str
    category: str = "activity"


def _same(text: str, code: str, display: str | None, *, unit: str, ucum: str, category: str = "activity") -> Coded:
    return Coded(text, (code, display), (code, display), unit, ucum, category)


CODES: Mapping[str, Coded] = {
    "steps": Coded(
        "Steps",
        ("41950-7", "Number of steps in 24 hour Measured"),
        ("55423-8", "Number of steps in unspecified time Pedometer"),
        "steps",
        "{steps}",
    ),
    "walk_meters": Coded(
        "Walking distance",
        ("41953-1", "Walking distance 24 hour Calculated"),
        ("55430-3", "Walking distance unspecified time Pedometer"),
        "m",
        "m",
    ),
    "cycle_meters": _same("Cycling distance", "93818-3", None, unit="m", ucum="m"),
    "moderate_minutes": _same("Moderate activity", "101689-8", "Duration of moderate activity", unit="min", ucum="min"),
    "vigorous_minutes": _same("Vigorous activity", "101690-6", "Duration of vigorous activity", unit="min", ucum="min"),
    "exercise_minutes": _same("Exercise", "55411-3", "Exercise duration", unit="min", ucum="min"),
    "sleep_minutes": _same("Sleep", "93832-4", "Sleep duration", unit="min", ucum="min"),
    "resting_heart_rate": _same(
        "Resting heart rate", "40443-4", "Heart rate --resting", unit="/min", ucum="/min", category="vital-signs"
    ),
    "weight_kg": _same("Body weight", "29463-7", "Body weight", unit="kg", ucum="kg", category="vital-signs"),
}


def patient(subject: UUID) -> dict[str, Any]:
    """The person, by the pseudonym alone."""
    return {"resourceType": "Patient", "id": str(subject), "active": True}


def of_day(subject: UUID, *, day: date, metric: str, value: float) -> dict[str, Any] | None:
    """What counted on a local day, None where the metric has no code."""
    if metric not in CODES:
        return None
    coded = CODES[metric]
    number = uuid5(subject, f"day|{day}|{metric}")
    return _observation(number, subject, coded, coded.day, value=value) | {"effectiveDateTime": day.isoformat()}


def of_record(
    subject: UUID, *, number: UUID, metric: str, value: float, start_ms: int, end_ms: int, offset_s: int, device: str
) -> dict[str, Any] | None:
    """One source record, None where the metric has no code."""
    if metric not in CODES:
        return None
    coded = CODES[metric]
    found = _observation(number, subject, coded, coded.span, value=value)
    if start_ms == end_ms:
        found["effectiveDateTime"] = _instant(start_ms, offset_s)
    else:
        found["effectivePeriod"] = {"start": _instant(start_ms, offset_s), "end": _instant(end_ms, offset_s)}
    if device:
        found["device"] = {"display": device}
    return found


def entries(resources: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """As entries of a Bundle."""
    for resource in resources:
        yield {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource}


def bundle_head(now: datetime) -> dict[str, Any]:
    """A collection's own fields; its entries follow one at a time."""
    return {"resourceType": "Bundle", "type": "collection", "timestamp": now.astimezone(UTC).isoformat()}


def _observation(
    number: UUID, subject: UUID, coded: Coded, code: tuple[str, str | None], *, value: float
) -> dict[str, Any]:
    coding = {"system": LOINC, "code": code[0]} | ({} if code[1] is None else {"display": code[1]})
    return {
        "resourceType": "Observation",
        "id": str(number),
        "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": coded.category}]}],
        "code": {"coding": [coding], "text": coded.text},
        "subject": {"reference": f"urn:uuid:{subject}"},
        "valueQuantity": {"value": value, "unit": coded.unit, "system": UCUM, "code": coded.ucum},
    }


def _instant(at_ms: int, offset_s: int) -> str:
    """An instant on the local clock of its moment; FHIR's times have offsets of whole minutes."""
    zone = timezone(timedelta(minutes=round(offset_s / 60)))
    return (datetime.fromtimestamp(0, zone) + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds")
