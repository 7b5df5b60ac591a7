"""Passkeys of those who act for an organisation."""

from privacy.passkey_columns import CHALLENGE_HOLDING, PASSKEY_COLUMNS, ChallengeColumns, PasskeyColumns
from privacy.passkeys import Passkeys
from privacy.store.employers import EmployersBase
from privacy.store.holding import AtErasure, Holding, Keeping, Owner

NOT_EXPORTED = "An account at work, which nothing links to a member."


class StaffPasskey(PasskeyColumns, EmployersBase):
    """See ``passkey_columns.PasskeyColumns``."""

    __tablename__ = "staff_passkey"
    __holding__ = Holding(
        about="One passkey of an account at work.",
        owner=Owner.account,
        columns=PASSKEY_COLUMNS,
        at_erasure=AtErasure.delete,
        keeping=Keeping.organisation,
        not_exported=NOT_EXPORTED,
    )


class StaffPasskeyChallenge(ChallengeColumns, EmployersBase):
    """See ``passkey_columns.ChallengeColumns``."""

    __tablename__ = "staff_passkey_challenge"
    __holding__ = CHALLENGE_HOLDING


PASSKEYS = Passkeys(StaffPasskey, StaffPasskeyChallenge)
