"""Our few own scripts: a page that uses one says so in its template, and only then may scripts of our own run on it."""

from flask import g
from markupsafe import Markup, escape


def own_script(address: str) -> Markup:
    """The element that loads one of our static scripts, after the page."""
    g.own_script = True
    return Markup('<script src="{}" defer></script>').format(escape(address))


def script_source() -> str:
    """What the page in view may run."""
    return "'self'" if g.get("own_script") else "'none'"
