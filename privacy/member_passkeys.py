"""Passkeys of members."""

from privacy.passkey_columns import CHALLENGE_HOLDING, PASSKEY_COLUMNS, ChallengeColumns, PasskeyColumns
from privacy.passkeys import Passkeys
from privacy.store.holding import AtErasure, Holding, Keeping, Owner
from privacy.store.members import MembersBase


class MemberPasskey(PasskeyColumns, MembersBase):
    """See ``passkey_columns.PasskeyColumns``."""

    __tablename__ = "member_passkey"
    __holding__ = Holding(
        about="One passkey of a member.",
        owner=Owner.account,
        columns=PASSKEY_COLUMNS,
        at_erasure=AtErasure.delete,
        keeping=Keeping.account,
        export="passkeys",
    )


class MemberPasskeyChallenge(ChallengeColumns, MembersBase):
    """See ``passkey_columns.ChallengeColumns``."""

    __tablename__ = "member_passkey_challenge"
    __holding__ = CHALLENGE_HOLDING


PASSKEYS = Passkeys(MemberPasskey, MemberPasskeyChallenge)
