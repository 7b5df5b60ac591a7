"""Forms: what was typed is kept, and the reason for a refusal stands at its field.

A view that is sent a form calls ``read_form``; a view that shows one calls ``form_for``. Between them lies the error
page's part (``refusals.py``): it calls the showing view again, and ``form_for`` then answers with what was typed.
"""

from typing import Any, TypeVar, cast

from flask import g
from flask_babel import gettext
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import HiddenField, validators

from privacy.errors import Invalid, VitaalError

from .sentences import in_reader_language

Form = TypeVar("Form", bound=FlaskForm)


class FormRefused(Invalid):
    """At least one field cannot be accepted; the form says which."""


def read_form(form_class: type[Form]) -> Form:
    """The form as sent. Raises FormRefused."""
    form = form_class()
    g.form = form
    if not form.validate():
        raise FormRefused(gettext("Please look at the marked fields."))
    return form


def form_for(form_class: type[Form], **values: Any) -> Form:
    """The form to show: as sent where it was refused just now, else with these values."""
    sent = g.get("form")
    if isinstance(sent, form_class):
        _mark(sent)
        return sent
    return form_class(formdata=cast("MultiDict[str, str]", None), data=values)


def once_field() -> HiddenField:
    """A hidden id, made when the form was shown, by which sending it twice is recognised."""
    return HiddenField(validators=[validators.InputRequired(), validators.UUID()])


def refusal() -> VitaalError | None:
    """Why the form was refused just now, if it was."""
    return cast("VitaalError | None", g.get("refusal"))


def refusal_text() -> str | None:
    """Why, in the reader's language."""
    refused = refusal()
    return in_reader_language(refused.message) if refused is not None else None


def _mark(form: FlaskForm) -> None:
    """Put the engine's refusal at the field that it names."""
    refused = refusal()
    if refused is None or refused.field is None or refused.field not in form:
        return
    field = form[refused.field]
    if not field.errors:
        field.errors = [in_reader_language(refused.message)]
