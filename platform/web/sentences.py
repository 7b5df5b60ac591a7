"""The engine's own sentences in the reader's language.

The engine refuses in English sentences and knows no languages. Those that can reach a page are listed here: whole
ones are looked up as they are, those with figures in them by their pattern. What is not listed is shown in English.
"""

import re

from flask_babel import gettext


def N_(sentence: str) -> str:  # noqa: N802  the customary name by which translations are collected
    """Mark a sentence for translation."""
    return sentence


WHOLE = (
    N_("This code is not valid. Check it, or ask for a new one."),
    N_("A nickname has 1 to 40 characters."),
    N_("A login name has 3 to 120 characters."),
    N_("This login name is taken: choose another one."),
    N_("Choose a password of 10 to 256 characters."),
    N_("Choose a PIN of at least 6 digits, or a password of 10 to 256 characters."),
    N_("Others would try this PIN first. Choose another one, and no date."),
    N_("No login name could be made. Try again with another nickname."),
    N_("The login name and the recovery code do not belong together."),
    N_("This is not an e-mail address that mail can go to."),
    N_("This code does not fit or is too old. Look at the newest mail."),
    N_("The name and the password do not belong together."),
    N_("This goal is not possible in a day: choose a smaller number above 0."),
    N_("This act was recorded as something else: try again."),
    N_("This import's number is in use: start the import again."),
    N_("This is sold out."),
    N_("This is not on sale."),
    N_("This was given back already."),
    N_("A gift is not taken back."),
    N_("You have seen the code, so you cannot give it back yourself. Ask for help."),
    N_("The days in which you could give this back are over."),
    N_("The partner was paid for this already, so the coins cannot come back."),
    N_("This order has no code to read."),
    N_("First add a private e-mail address to your account."),
    N_("This reference was already used for something else."),
    N_("A new version starts today or later, so that nobody's past changes."),
    N_("A programme starts today or later."),
    N_("Choose one of the programmes."),
    N_("There is no such statement."),
    N_("Say who reviewed the rewards, in 2 to 200 characters."),
    N_("A review is independent: by somebody else than who publishes the programme."),
    N_("A review is put on record after it was done."),
    N_("Somebody else has just published this programme: look at their version first."),
    N_("The file is empty."),
    N_("The file, line 1: this is not a line of column names."),
    N_("The file, line 1: a column name stands there twice."),
    N_("The file: its columns are of no format that we read (fitbit)."),
    N_("This file holds the data of more than one person. Bring in your own only."),
    N_("Fill in your own number."),
    N_("Choose one of the goals."),
    N_("Choose one of the schedules."),
    N_("Choose yourself or a good cause."),
    N_("A pause begins the day before yesterday at the earliest."),
    N_("The last day is before the first."),
    N_("Choose a last day within a year."),
    N_("You have a pause on some of these days already."),
    N_("You can pause 4 times in a calendar year."),
    N_("You can pause 60 days in a calendar year."),
    N_(
        "This code does not count. Check it, or ask for a new one where you got it: each code works once, until"
        " its last day, and for one programme."
    ),
    N_("This step was confirmed already. Keep the code for whoever gave it to you."),
    N_("This was recorded today already."),
    N_("This text has changed. Read it again before you choose."),
    N_("This choice was changed at the same moment. Look at it again."),
    N_("The quotation marks of this line do not match."),
    N_("The line contains a NUL byte."),
    N_("This link has been used or is too old. Ask for a new one."),
    N_("A name has 1 to 80 characters."),
    N_("A name for a passkey has 1 to 40 characters."),
    N_("Your device's answer could not be used. Please try once more."),
    N_("This passkey does not open an account here. Sign in another way."),
    N_("This passkey is in use already."),
    N_("You have many passkeys already. Remove one first."),
    N_("This code does not fit. Check it, or sign in again for a new one."),
    N_("Nobody else has this role here. Confirm that you want this."),
    N_("This account cannot have that role."),
    N_("This account signs in through your organisation."),
    N_("Signing in through your organisation did not work. Try again, or ask whoever invited you."),
)
PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), sentence)
    for pattern, sentence in (
        (
            r"Column (?P<column>\d+) is none that we use: remove it\..*",
            N_("Column %(column)s is none that we use: remove it. The right column names stand below."),
        ),
        (
            r"Column (?P<column>\d+) stands there twice: remove one of the two\.",
            N_("Column %(column)s stands there twice: remove one of the two."),
        ),
        (
            r"Line (?P<line>\d+) is no readable text: save the file as CSV UTF-8 anew\.",
            N_("Line %(line)s is no readable text: save the file as CSV UTF-8 anew."),
        ),
        (r"A list has at most (?P<rows>[\d,]+) rows\.", N_("A list has at most %(rows)s rows.")),
        (r"The file is larger than (?P<size>\d+) MB\.", N_("The file is larger than %(size)s MB.")),
        (
            r"This was tried too often\. Wait (?P<number>\d+) minutes, then try again\.",
            N_("This was tried too often. Wait %(number)s minutes, then try again."),
        ),
        (
            r"This was tried too often\. Wait (?P<number>\d+) hours, then try again\.",
            N_("This was tried too often. Wait %(number)s hours, then try again."),
        ),
        (
            r"This was tried too often\. Wait (?P<number>\d+) days, then try again\.",
            N_("This was tried too often. Wait %(number)s days, then try again."),
        ),
        (
            r"There are no tax figures for (?P<year>-?\d+): the engine has those of (?P<first>\d+) to (?P<last>\d+),.*",
            N_("There are no tax figures for %(year)s yet. We know those of %(first)s to %(last)s."),
        ),
        (
            r"The (?:whole programme|wage bill|other use of the free space|amount per person) "
            r"is an amount from 0 to (?P<most>\d+) euro\.",
            N_("This is too much: the most is %(most)s euros."),
        ),
        (
            r"This costs (?P<price>\d+) coins?: you need (?P<missing>\d+) coins? more\.",
            N_("This costs %(price)s coins: you need %(missing)s more."),
        ),
        (
            r"You have (?P<limit>\d+) of these already, and that is the most for one person\.",
            N_("You have %(limit)s of these already, and that is the most for one person."),
        ),
        (r"The file, line (?P<line>\d+): this is not UTF-8 text\.", N_("Line %(line)s of the file is not UTF-8 text.")),
        (
            r"This version may lower what members earn \(at .*\): they get (?P<days>\d+) days' notice, so it starts on"
            r" (?P<day>[\d-]+) at the earliest\.",
            N_(
                "This version may lower what members earn: they get %(days)s days' notice, so it starts on %(day)s at"
                " the earliest."
            ),
        ),
        (
            r"A new version of this programme starts on a Monday, .* on (?P<day>[\d-]+) at the earliest\.",
            N_(
                "A new version of this programme starts on a Monday, so that no week has two versions: on %(day)s at"
                " the earliest."
            ),
        ),
        (
            r"These rewards need an independent review before they are published.*",
            N_("These rewards need an independent review before they are published: have it put on record first."),
        ),
        (
            r"Together the programmes could pay one member (?P<most>[\d.]+) euro a year; "
            r"the contract allows (?P<allowed>[\d.]+)\..*",
            N_(
                "Together the programmes could pay one member %(most)s euros a year. The contract allows %(allowed)s. "
                "Choose a lower amount."
            ),
        ),
        (
            r"For .* could have to pay (?P<most>[\d.]+) euro a year and has contracted (?P<allowed>[\d.]+)\..*",
            N_(
                "This programme could cost one of its payers %(most)s euros a year, and %(allowed)s is contracted. "
                "Contract more, choose a lower amount, or set a yearly limit."
            ),
        ),
        (
            r".*: (?P<coins>\d+) coins could never be paid in full: .* caps per_\w+ at (?P<cap>\d+).*",
            N_("%(coins)s coins could never be paid in full: the programme pays at most %(cap)s."),
        ),
        (
            r".*: two bands give (?P<coins>\d+) coins.*",
            N_("Another step of this reward gives %(coins)s coins already: choose another amount."),
        ),
        (
            r"The line has (?P<found>\d+) of the (?P<all>\d+) columns: was the file cut off\?",
            N_("The line has %(found)s of the %(all)s columns: was the file cut off?"),
        ),
        (
            r"(?P<column>\w+) must be a whole number from 0 to 999,999,999\.",
            N_("%(column)s must be a whole number, 0 or more."),
        ),
        (
            r"(?P<column>\w+) must be a number of 0 or more with a point as decimal sign\.",
            N_("%(column)s must be a number of 0 or more with a point as decimal sign."),
        ),
        (
            r"(?P<column>\w+) must be a US date such as 4/28/2016, with or without a time\.",
            N_("%(column)s must be a US date such as 4/28/2016."),
        ),
    )
)


def in_reader_language(sentence: str) -> str:
    """The sentence in the language of this request."""
    for pattern, words in PATTERNS:
        found = pattern.fullmatch(sentence)
        if found is not None:
            return gettext(words, **found.groupdict())
    return gettext(sentence)
