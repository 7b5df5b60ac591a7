"""What may be told of an error outside the page or command that caused it: its kind and its place. Pure.

An error's message can carry values (a database repeats the row that it refuses), its frames carry all of them. Kind
and place are words of our own code.
"""

from types import FrameType

from privacy.errors import VitaalError

FLOORS = ("privacy", "incentives", "programs", "admin", "vitaal")


def told(error: BaseException) -> str:
    """The error's kind, what that kind means where it is one of ours, and the last line of our code that it passed."""
    kind = type(error).__name__
    meaning = _meaning(error) if isinstance(error, VitaalError) else ""
    place = _place(error)
    return kind + (f" ({meaning})" if meaning else "") + (f" at {place}" if place else "")


def _meaning(error: VitaalError) -> str:
    return error.message if error.ours_alone else (type(error).__doc__ or "").partition("\n")[0].strip()


def _place(error: BaseException) -> str:
    found, step = "", error.__traceback__
    while step is not None:
        if (module := _module(step.tb_frame)).partition(".")[0] in FLOORS:
            found = f"{module}:{step.tb_lineno}"
        step = step.tb_next
    return found


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
