"""The four kinds of refusal that the engine knows; the roof alone turns them into statuses or pages.

Every error is one sentence a person can act on. It never carries a value that identifies anybody.
"""


class VitaalError(Exception):
    """A refusal with a sentence for a person; ``field`` names the input that caused it, where there is one.

    ours_alone: whether every word of its messages is our own, so that they may stand in a log.
    """

    ours_alone = False

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class Invalid(VitaalError):
    """The input cannot be accepted as it is."""


class NotFound(VitaalError):
    """There is no such thing, or the one who asks may not know of it: both answer alike."""


class Forbidden(VitaalError):
    """The one who asks may never do this, whoever it concerns."""


class Conflict(VitaalError):
    """The state of things does not allow it now."""
