"""Letters of the employers' store: to staff and to work addresses."""

from privacy.post.columns import MailColumns, StoppedMailColumns, mail_holding, stopped_holding
from privacy.store.employers import EmployersBase


class Mail(MailColumns, EmployersBase):
    """See ``columns.MailColumns``."""

    __tablename__ = "mail"
    __holding__ = mail_holding("staff, or an employee's address at work")


class StoppedMail(StoppedMailColumns, EmployersBase):
    """See ``columns.StoppedMailColumns``."""

    __tablename__ = "stopped_mail"
    __holding__ = stopped_holding("staff or employees")
