"""Addresses: accepted as people write them, compared in one form, never repeated in an error."""

from email_validator import EmailNotValidError, validate_email

from privacy.errors import Invalid


def plain_address(text: str) -> str:
    """The address as mail goes to it: international domains in Unicode, accents in one form, the name part as written.

    Nothing is guessed or removed: ``anna+work@…`` is not ``anna@…``. Raises Invalid.
    """
    try:
        return validate_email(text.strip(), check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise Invalid("This is not an e-mail address that mail can go to.", field="address") from error


def comparable(address: str) -> str:
    """The form in which two plain addresses are one mailbox: without regard to capitals, the domain as DNS has it."""
    found = validate_email(address, check_deliverability=False)
    return f"{found.local_part.casefold()}@{found.ascii_domain.casefold()}"


def mailed(address: str) -> str:
    """The plain address as mail servers take it: the domain as DNS has it; other letters stay before the @ alone."""
    found = validate_email(address, check_deliverability=False)
    return f"{found.local_part}@{found.ascii_domain}"
