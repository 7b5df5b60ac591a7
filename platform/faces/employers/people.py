"""HR's page of people: units and heads, the code for everybody, and, for who wants it, a list with invitations.

Everything here is what HR itself declared or did. The page knows of nobody whether an invitation was used: it is the
same, byte for byte, whatever people do with it.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, BinaryIO
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from werkzeug.wrappers import Response
from wtforms import DateField, HiddenField, IntegerField, StringField
from wtforms.validators import InputRequired, NumberRange

from privacy.principals import Purpose, Role
from privacy.store import transaction
from privacy.tenants import declared, invitations, roster, roster_draft
from privacy.tenants.declared import Unit
from privacy.tenants.roster import Listed
from privacy.tenants.roster_draft import Plan
from privacy.tenants.roster_file import FILE_BYTES_MAX, Fault, read_people, recognise

from ...web.access import requires, shown_again_by, takes_files
from ...web.desk import now, principal, store, today
from ...web.forms import form_for, read_form
from ...web.language import language
from ...web.language import later as _l
from ...web.sentences import N_

PEOPLE_PER_PAGE = 50
ROWS_AT_ONCE = 5_000
INVITED_AT_ONCE = 500
COLUMNS = {
    "nl": ("naam", "personeelsnummer", "e-mail", "afdeling", "vanaf", "tot en met"),
    "en": ("name", "staff number", "e-mail", "unit", "from", "until"),
}
SAID_BY_THE_ENGINE = (
    N_("Fill in a name."),
    N_("This cell is too long: shorten it."),
    N_("This cell holds a line break or a character that cannot be printed: type it anew."),
    N_("This cell starts with a sign that spreadsheets take for a formula: remove the sign."),
    N_("There is a space before or after it: remove the space."),
    N_("This is not an e-mail address: correct it, or leave the cell empty."),
    N_("Fill in an e-mail address or a staff number: one of the two is needed."),
    N_("There is no department or site of this name yet: add it first, or correct the name."),
    N_("Write the day as 2026-03-31 or 31-03-2026."),
    N_("The last day lies before the first: correct one of the two."),
    N_("This row has fewer cells than there are columns: was the file cut off?"),
    N_("There is something to the right of the last column: remove it."),
    N_("The same e-mail address or staff number stands in an earlier row: keep one of the two."),
    N_("The quotation marks of this row do not match, or the row is far too long: the rest was not read."),
    N_("The first line must hold the names of the columns: name, staff number, e-mail, unit, from, until."),
    N_("This is a spreadsheet. Save it as CSV, and choose that file."),
    N_("This file mixes two ways of writing letters such as é: save it as CSV UTF-8 anew."),
    N_("The list needs a column e-mail or a column staff number."),
    N_("The list has changed since you looked. Look at it once more."),
    N_("The list has no e-mail address for this person. The code for everybody serves too."),
    N_("Choose today or a later day."),
    N_("The number of people must be between 1 and 10,000,000."),
    N_("A unit's name has 1 to 80 characters."),
)
"""What reaches these pages in English and is looked up when it does."""
_NUMBER = NumberRange(1, 10_000_000, _l("Fill in a whole number, 1 or more."))


class UnitForm(FlaskForm):
    """A department or a site."""

    name = StringField(_l("Name"), [InputRequired(_l("Fill in a name."))])
    kind = StringField(_l("Kind"), [InputRequired(_l("Choose a department or a site."))])


class HeadsForm(FlaskForm):
    """How many people work somewhere, from today on; no unit stands for the whole firm."""

    unit = HiddenField()
    heads = IntegerField(_l("People"), [InputRequired(_l("Fill in a whole number, 1 or more.")), _NUMBER])


class ListForm(FlaskForm):
    """A file."""

    file = FileField(_l("File"), [FileRequired(_l("Choose a file first."))])


class EndForm(FlaskForm):
    """Somebody's last working day."""

    ends_on = DateField(_l("Last working day"), [InputRequired(_l("Fill in a day."))])


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePage:
    """Everything on the page."""

    employer: str
    heads: int
    units: list[tuple[Unit, int | None]]
    codes: list[tuple[str, date]]
    listed: int
    listed_units: dict[UUID, int]
    to_invite: int
    total: int
    people: list[Listed]
    words: str
    page: int

    @property
    def pages(self) -> int:
        """How many pages the list has."""
        return max(1, -(-self.total // PEOPLE_PER_PAGE))

    @property
    def unit_names(self) -> dict[UUID, str]:
        """The units by id."""
        return {unit.id: unit.name for unit, _ in self.units}

    @property
    def list_differs(self) -> bool:
        """Whether the list counts other numbers than HR declared."""
        declared_units = {unit.id: heads for unit, heads in self.units if self.listed_units.get(unit.id)}
        return self.listed > 0 and (
            self.listed != self.heads or any(self.listed_units[unit] != heads for unit, heads in declared_units.items())
        )


def people_pages(members_site: str | None) -> Blueprint:
    """The routes. members_site: where people open the members' pages; None for where this request came to."""
    pages = Blueprint("people", __name__)

    def join_url() -> str:
        return f"{members_site or request.host_url.rstrip('/')}/join/"

    show = _overview(pages, join_url)
    _declaring(pages, show)
    _uploading(pages)
    _one_person(pages, show, join_url)
    return pages


def _employer() -> UUID:
    found = principal().employer
    assert found is not None
    return found


def _writing() -> Any:
    return transaction(store(), principal(), Purpose.administration)


def _reading() -> Any:
    return transaction(store(), principal(), Purpose.administration, read_only=True)


def read_people_page(db: Any, *, words: str, page: int) -> PeoplePage:
    """Read the page; the first one is page 1."""
    employer, on = _employer(), today()
    heads, listed = declared.unit_heads(db, employer, on), roster.size(db, employer, today=on)
    first = (max(1, min(page, 1_000_000)) - 1) * PEOPLE_PER_PAGE
    if words:
        total, people = roster.found(db, employer, words=words, today=on, first=first, count=PEOPLE_PER_PAGE)
    else:
        total, people = listed, roster.people(db, employer, today=on, first=first, count=PEOPLE_PER_PAGE)
    return PeoplePage(
        employer=declared.employer(db, employer).name,
        heads=declared.heads_on(db, employer, on),
        units=[(unit, heads.get(unit.id)) for unit in declared.units_of(db, employer)],
        codes=declared.shared_codes(db, employer, on),
        listed=listed,
        listed_units=roster.unit_sizes(db, employer, today=on),
        to_invite=invitations.never_invited(db, employer, today=on),
        total=total,
        people=people,
        words=words,
        page=first // PEOPLE_PER_PAGE + 1,
    )


def _overview(pages: Blueprint, join_url: Any) -> Any:
    @pages.get("/hr/people")
    @requires(Role.hr)
    def people_page() -> Any:
        with _reading() as db:
            page = read_people_page(
                db, words=request.args.get("q", "").strip()[:120], page=request.args.get("page", 1, type=int)
            )
        return render_template(
            "employers/people.html",
            page=page,
            join_url=join_url(),
            unit_form=form_for(UnitForm, kind="department"),
            heads_form=form_for(HeadsForm, heads=page.heads),
        )

    @pages.get("/hr/people/poster")
    @requires(Role.hr)
    def poster_page() -> Any:
        with _reading() as db:
            codes = declared.shared_codes(db, _employer(), today())
            name = declared.employer(db, _employer()).name
        return render_template(
            "employers/poster.html", employer=name, code=codes[-1] if codes else None, join_url=join_url()
        )

    @pages.get("/hr/people/list.csv")
    @requires(Role.hr)
    def download() -> Response:
        answer = Response(_csv_lines(), mimetype="text/csv")
        answer.headers["Content-Disposition"] = 'attachment; filename="list.csv"'
        return answer

    return people_page


def _csv_lines() -> Iterator[bytes]:
    """HR's own list as a spreadsheet opens it; brought in again, it changes nothing."""
    who, where, employer, on, columns = principal(), store(), _employer(), today(), COLUMNS[language()]

    def lines() -> Iterator[bytes]:
        yield b"\xef\xbb\xbf" + _csv_line(columns)
        with transaction(where, who, Purpose.administration, read_only=True) as db:
            units = {unit.id: unit.name for unit in declared.units_of(db, employer)}
            for each in roster.everybody(db, employer, today=on):
                unit, until = units.get(each.unit, "") if each.unit else "", each.ends_on
                yield _csv_line(
                    (each.name, each.number, each.address, unit, str(each.starts_on), str(until) if until else "")
                )

    return lines()


def _csv_line(cells: Iterable[str]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";").writerow(cells)
    return out.getvalue().encode()


def _declaring(pages: Blueprint, show: Any) -> None:
    @pages.post("/hr/people/code")
    @requires(Role.hr)
    @shown_again_by(show)
    def new_code() -> Response:
        with _writing() as db:
            invitations.new_shared_code(db, _employer(), today=today())
        flash(gettext("There is a new code. Hang it up. The old one works for two more weeks."))
        return _back()

    @pages.post("/hr/people/units")
    @requires(Role.hr)
    @shown_again_by(show)
    def add_unit() -> Response:
        form = read_form(UnitForm)
        with _writing() as db:
            declared.add_unit(db, _employer(), name=form.name.data or "", kind=form.kind.data or "")
        flash(gettext("Added."))
        return _back()

    @pages.post("/hr/people/heads")
    @requires(Role.hr)
    @shown_again_by(show)
    def declare_heads() -> Response:
        form = read_form(HeadsForm)
        assert form.heads.data is not None
        unit = _uuid(form.unit.data)
        with _writing() as db:
            declared.declare_heads(db, _employer(), unit=unit, valid_from=today(), heads=form.heads.data)
        flash(gettext("Kept. It counts from today."))
        return _back()

    @pages.post("/hr/people/heads-of-list")
    @requires(Role.hr)
    @shown_again_by(show)
    def take_heads_of_list() -> Response:
        with _writing() as db:
            heads = roster.size(db, _employer(), today=today())
            declared.declare_heads(db, _employer(), valid_from=today(), heads=heads)
            for unit, count in sorted(roster.unit_sizes(db, _employer(), today=today()).items()):
                declared.declare_heads(db, _employer(), unit=unit, valid_from=today(), heads=count)
        flash(gettext("The numbers of your list count from today."))
        return _back()


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return UUID(int=0)  # of nobody: answered like any unit that does not exist


def _back() -> Response:
    return redirect(url_for("people.people_page"), 303)


def _uploading(pages: Blueprint) -> None:
    @pages.get("/hr/people/list")
    @requires(Role.hr)
    def list_page() -> Any:
        return render_template("employers/list.html", form=form_for(ListForm), faults=[], columns=COLUMNS[language()])

    @pages.post("/hr/people/list")
    @requires(Role.hr)
    @takes_files(bytes_max=FILE_BYTES_MAX + 1_000_000)
    @shown_again_by(list_page)
    def check_list() -> Any:
        form = read_form(ListForm)
        draft, faults = check_file(form.file.data.stream)
        if faults:
            page = render_template(
                "employers/list.html", form=form_for(ListForm), faults=faults, columns=COLUMNS[language()]
            )
            return page, 422
        return redirect(url_for("people.plan_page", draft=draft), 303)

    @pages.get("/hr/people/list/<uuid:draft>")
    @requires(Role.hr)
    def plan_page(draft: UUID) -> Any:
        with _reading() as db:
            plan: Plan = roster_draft.plan(db, draft, today=today())
        return render_template("employers/list_plan.html", plan=plan, draft=draft)

    @pages.post("/hr/people/list/<uuid:draft>")
    @requires(Role.hr)
    @shown_again_by(plan_page)
    def take_over(draft: UUID) -> Response:
        with _writing() as db:
            roster_draft.take_over(db, draft, seen=request.form.get("seen", ""), today=today())
        flash(gettext("Your list is kept."))
        return _back()

    @pages.post("/hr/people/list/<uuid:draft>/drop")
    @requires(Role.hr)
    def drop(draft: UUID) -> Response:
        with _writing() as db:
            roster_draft.drop_draft(db, draft)
        flash(gettext("Nothing has changed."))
        return _back()


def check_file(file: BinaryIO) -> tuple[UUID | None, list[Fault]]:
    """Put a file into a draft, a part at a time, or answer what is wrong with it. Raises Invalid."""
    form = recognise(file)
    with _writing() as db:
        draft = roster_draft.new_draft(db, _employer(), now=now())
    people, faults = read_people(file, form), list[Fault]()
    while len(faults) < roster_draft.SHOWN_MAX and (part := list(islice(people, ROWS_AT_ONCE))):
        with _writing() as db:
            faults += roster_draft.add_rows(db, draft, part, form)
    with _writing() as db:
        faults = sorted((*faults, *roster_draft.rows_twice(db, draft, form)), key=lambda each: each.row)
        if faults:
            roster_draft.drop_draft(db, draft)
    return (None if faults else draft), faults[: roster_draft.SHOWN_MAX]


def _one_person(pages: Blueprint, show: Any, join_url: Any) -> None:
    @pages.get("/hr/people/<uuid:person>")
    @requires(Role.hr)
    def person_page(person: UUID) -> Any:
        with _reading() as db:
            found = roster.person(db, person, today=today())
            units = {unit.id: unit.name for unit in declared.units_of(db, _employer())}
        form = form_for(EndForm, ends_on=found.ends_on or today())
        return render_template(
            "employers/person.html", person=found, unit=units.get(found.unit) if found.unit else None, form=form
        )

    @pages.post("/hr/people/<uuid:person>/invite")
    @requires(Role.hr)
    @shown_again_by(person_page)
    def invite(person: UUID) -> Response:
        with _writing() as db:
            invitations.invite_person(db, person, join_url=join_url(), locale=language(), now=now(), today=today())
        flash(gettext("The invitation is on its way."))
        return redirect(url_for("people.person_page", person=person), 303)

    @pages.post("/hr/people/<uuid:person>/end")
    @requires(Role.hr)
    @shown_again_by(person_page)
    def end(person: UUID) -> Response:
        form = read_form(EndForm)
        assert form.ends_on.data is not None
        with _writing() as db:
            roster.end_person(db, person, ends_on=form.ends_on.data, today=today())
        flash(gettext("Kept. The row ends on that day."))
        return _back()

    @pages.post("/hr/people/invite-new")
    @requires(Role.hr)
    @shown_again_by(show)
    def invite_new() -> Response:
        total = 0
        while True:
            with _writing() as db:
                count = invitations.invite_new(
                    db, _employer(), join_url=join_url(), locale=language(), now=now(), today=today(),
                    count=INVITED_AT_ONCE,
                )  # fmt: skip
            total += count
            if count < INVITED_AT_ONCE:
                break
        flash(ngettext("%(num)s invitation is on its way.", "%(num)s invitations are on their way.", total))
        return _back()
