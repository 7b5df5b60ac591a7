"""The one place that decides what is logged: lines of key=value on standard error that carry nobody's values.

Only loggers made by ``logger`` may say words of their own, and those words are constants, names of jobs and periods.
Whatever else writes to a log (the web server, the database's library, a warning) is told by its name and level alone,
for its words can be a path with a code or a row with a person. Of an error its kind and place are told, never its
message.
There is no log of requests at all, and no level that adds one.
"""

import logging
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

from privacy.faults import told

_OURS: set[str] = set()


def logger(name: str) -> logging.Logger:
    """A logger whose words are shown. Log constants, jobs and periods with it: nothing of or about anybody."""
    _OURS.add(f"vitaal.{name}")
    return logging.getLogger(f"vitaal.{name}")


def configure(level: str) -> None:
    """Log to standard error from this level on; harmless to repeat."""
    root = logging.getLogger()
    for known in [handler for handler in root.handlers if isinstance(handler, _StandardError)]:
        root.removeHandler(known)
    handler = _StandardError()
    handler.setFormatter(KeyValue())
    root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(True)


def watch_process() -> None:
    """Tell what ends this process or one of its threads the same way; Python would print the error with its values."""
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


class KeyValue(logging.Formatter):
    """``at=… level=… logger=… event="…" error="…"``."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever was said."""
        parts = [
            f"at={datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%SZ}",
            f"level={record.levelname.lower()}",
            f"logger={record.name}",
        ]
        if record.name in _OURS:
            parts.append(f"event={_quoted(record.getMessage())}")
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            parts.append(f"error={_quoted(told(error))}")
        return " ".join(parts)


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to what is standard error when it writes, not to what was when it was made."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr

    def filter(self, record: logging.LogRecord) -> bool:
        """What a library says for information is nothing without its words, but that something happened just then."""
        return record.name in _OURS or record.levelno >= logging.WARNING

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Stay silent: the library would print the record with all its values."""


def _quoted(text: str) -> str:
    plain = " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'


def _uncaught(kind: type[BaseException], error: BaseException, _traceback: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        _log.critical("stopped by a fault", exc_info=error)


def _uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is not None:
        _log.error("a thread ended by a fault", exc_info=arguments.exc_value)


_log = logger("process")
