"""A copy of my data: what is in it, and the file. The file's name says the day alone."""

from io import BytesIO
from typing import Any

from flask import Blueprint, render_template, send_file
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from privacy.export import person_of
from privacy.people import cipher_of
from privacy.principals import Role

from ...exports import file_name, write_zip
from ...web.access import requires
from ...web.desk import now
from ...web.forms import form_for, read_form
from .member import account, reading, subject

pages = Blueprint("exporting", __name__)


class CopyForm(FlaskForm):
    """A button alone: a link would let browsers fetch the file ahead."""


@pages.get("/me/data/export")
@requires(Role.member)
def export_page() -> Any:
    """What the copy holds, and a button."""
    return render_template("members/export.html", form=form_for(CopyForm))


@pages.post("/me/data/export")
@requires(Role.member)
def take_copy() -> Response:
    """Everything that is known of the member, packed."""
    read_form(CopyForm)
    at = now()
    file = BytesIO()  # packed, some 80 bytes a record; a file on disk could outlive the answer
    with reading() as db:
        person = person_of(db, account(), cipher=cipher_of(db, account()), subject=subject(), now=at)
        write_zip(db, person, file)
    file.seek(0)
    return send_file(file, mimetype="application/zip", as_attachment=True, download_name=file_name(at), etag=False)
