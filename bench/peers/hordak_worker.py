"""Posts with hordak, in hordak's own environment: reads ``single N`` and ``batch N`` line by line, answers ``done``.

hordak's own best way: ``transfer_to`` in a transaction each for single postings, ``bulk_create`` of transactions and
legs for a batch, which its triggers check like any other. Started by ``bench.hordak``.
"""

import itertools
import json
import sys

import django
from django.conf import settings

ACCOUNTS = 500


def main() -> None:
    """Make the tables and accounts, then post as told until standard input ends."""
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", **json.loads(sys.argv[1])}},
        INSTALLED_APPS=["django.contrib.contenttypes", "mptt", "djmoney", "hordak"],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        USE_TZ=True,
        CURRENCIES=["EUR"],
        DEFAULT_CURRENCY="EUR",
        HORDAK_INTERNAL_CURRENCY="EUR",
        DEBUG=False,
    )
    django.setup()
    # Importable only after the settings are there, and only in hordak's own environment.
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import transaction  # noqa: PLC0415
    from djmoney.money import Money  # noqa: PLC0415
    from hordak.models import Account, AccountType, Leg, Transaction  # noqa: PLC0415

    call_command("migrate", verbosity=0, stdout=sys.stderr)
    fund = Account.objects.create(name="fund", type=AccountType.liability, currencies=["EUR"])
    purses = [
        Account.objects.create(name=f"purse {number}", type=AccountType.liability, currencies=["EUR"])
        for number in range(ACCOUNTS)
    ]
    turns = itertools.count()

    def single(count: int) -> None:
        for _ in range(count):
            number = next(turns)
            with transaction.atomic():
                fund.transfer_to(purses[number % ACCOUNTS], Money(1 + number % 5, "EUR"), description="bench")

    def batch(count: int) -> None:
        with transaction.atomic():
            made = Transaction.objects.bulk_create([Transaction(description="bench") for _ in range(count)])
            legs = []
            for number, each in enumerate(made):
                amount = Money(1 + number % 5, "EUR")
                legs.append(Leg(transaction=each, account=fund, credit=amount))
                legs.append(Leg(transaction=each, account=purses[number % ACCOUNTS], debit=amount))
            Leg.objects.bulk_create(legs)

    print("ready", flush=True)
    for line in sys.stdin:
        kind, count = line.split()
        {"single": single, "batch": batch}[kind](int(count))
        print("done", flush=True)


main()
