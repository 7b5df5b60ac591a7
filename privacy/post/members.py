"""Letters of the members' store: to private addresses alone."""

from privacy.post.columns import MailColumns, StoppedMailColumns, mail_holding, stopped_holding
from privacy.store.members import MembersBase


class Mail(MailColumns, MembersBase):
    """See ``columns.MailColumns``."""

    __tablename__ = "mail"
    __holding__ = mail_holding("a member")


class StoppedMail(StoppedMailColumns, MembersBase):
    """See ``columns.StoppedMailColumns``."""

    __tablename__ = "stopped_mail"
    __holding__ = stopped_holding("a member")
