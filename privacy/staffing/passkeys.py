"""Passkeys of those who act for an organisation."""

from privacy.passkeys import CHALLENGE_HOLDING, PASSKEY_COLUMNS, ChallengeColumns, PasskeyColumns, Passkeys
from privacy.store.employers import EmployersBase
from privacy.store.holding import AtErasure, Holding, Keeping, Owner

NOT_EXPORTED = "An account at work, which nothing links to a member."


class StaffPasskey(PasskeyColumns, EmployersBase):
    """See ``privacy.passkeys.PasskeyColumns``."""

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
    """See ``privacy.passkeys.ChallengeColumns``."""

    __tablename__ = "staff_passkey_challenge"
    __holding__ = CHALLENGE_HOLDING


PASSKEYS = Passkeys(StaffPasskey, StaffPasskeyChallenge)
