"""Random acts done to the ledger and to a plain model of it, with every answer and every coin compared."""

import copy
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from random import Random
from uuid import UUID

from books import rewards
from ledger_model import AMOUNT_MAX, LedgerModel, Move, Refused
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from incentives.accounts import Account, AccountKind, open_accounts
from incentives.coin_terms import CoinTerm
from incentives.expiry import expire
from incentives.holds import Hold, hold, post_hold, void_expired, void_hold
from incentives.ledger import NewTransfer, Transfer, TransferCode, book_many
from incentives.lots import give_back, pair, remaining, room
from incentives.purses import Purse, PurseKind
from incentives.references import reference
from privacy.errors import VitaalError
from privacy.store import Store

LAST_TOLD = 12
LOOKED_AT_EVERY = 20
"""Transactions between two looks at everything; the last one is looked at anyway."""


class Taken(Exception):
    """The transaction is given up."""


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def _transfer(move: Move) -> NewTransfer:
    return NewTransfer(
        reference=UUID(int=move.reference),
        debit=UUID(int=move.debit),
        credit=UUID(int=move.credit),
        amount_coins=move.coins,
        code=TransferCode(move.code),
        cause=move.cause,
        group=None if move.group is None else UUID(int=move.group),
    )


class Play:
    """One seed: the store, the model and what was done last."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store, self.seed, self.chance, self.model = store, seed, Random(seed), LedgerModel()
        self.today, self.number = date(2020, 1, 1), 0
        self.told: deque[str] = deque(maxlen=LAST_TOLD)
        self.done: deque[tuple[str, tuple[Move, ...], int]] = deque(maxlen=300)
        self.outcomes: Counter[str] = Counter()
        self.db: Session

    # choosing

    def an_id(self) -> int:
        return UUID(int=self.chance.getrandbits(128), version=4).int

    def a_reference(self, on: date | None = None) -> int:
        """The id of an event: mostly of a day, sometimes one that tells no time, rarely one that is taken."""
        if self.chance.random() < 0.02 and self.done:
            return self.chance.choice(self.done)[1][0].reference
        if self.chance.random() < 0.15:
            return self.an_id()
        return reference(b"model", at=on or self.today, key=f"{self.seed}/{self.chance.random()}").int

    def an_account(self, *kinds: str, known: bool = False, pays: bool = False) -> int:
        """Mostly a young one, rarely one that does not exist. pays: mostly one that can."""
        if not known and self.chance.random() < 0.01:
            return self.an_id()
        fit = [account for account, kind in self.model.kinds.items() if kind in kinds]
        if pays and self.chance.random() < 0.9:
            fit = [account for account in fit if self.model.available(account) > 0] or fit
        return self.chance.choice(fit[-8:] if self.chance.random() < 0.7 else fit)

    def coins_of(self, account: int) -> int:
        """Mostly what the account can pay, sometimes all or one too many, rarely no amount at all."""
        has = self.model.available(account) if account in self.model.kinds else 0
        dice = self.chance.random()
        if dice < 0.015:
            return self.chance.choice([0, -1, AMOUNT_MAX + 1])
        if dice < 0.2 and has > 0:
            return has + (dice < 0.1)
        return self.chance.randint(1, max(1, has // 3 if dice < 0.95 else 2 * has))

    def a_move(self, debit: int, credit: int, code: str, *, on: date | None = None) -> Move:
        group = self.an_id() if self.chance.random() < 0.2 else None
        return Move(self.a_reference(on), debit, credit, self.coins_of(debit), code, f"p/r/{self.number}", group)

    # acting

    def both(self, name: str, ours: Callable[[], object], models: Callable[[], object], *, about: object) -> None:
        """Do it to both: the same answer, or an error that fits."""
        self.told.append(f"{self.number} {self.today} {name} {about}")
        wanted, names = None, set[str]()
        try:
            wanted = models()
        except Refused as refused:
            names = refused.names
        answer, refusal = None, ""
        try:
            answer = ours()
        except VitaalError as error:
            refusal = type(error).__name__
        fits = refusal in names if names else (refusal, answer) == ("", wanted)
        assert fits, f"{refusal or repr(answer)} where the model says {names or repr(wanted)}{self.story()}"
        self.outcomes[refusal or name] += 1

    def story(self) -> str:
        return f"\nseed {self.seed}, operation {self.number}; the last ones:\n" + "\n".join(self.told)

    def open(self) -> None:
        account, kind = self.an_id(), self.chance.choice(["purse", "purse", "purse", "partner", "fund"])
        purse, owned = self.chance.choice(list(PurseKind)), self.chance.random() < 0.6
        if kind != "purse" or not owned:
            purse = PurseKind.free
        owner = None if kind == "purse" else UUID(int=self.an_id())
        open_accounts(self.db, [UUID(int=account)], kind=AccountKind(kind), owner=owner, now=noon(self.today))
        self.model.open(account, kind, purse=purse.value if kind == "purse" else None)
        if kind == "purse" and owned:
            self.db.add(Purse(subject=UUID(int=self.an_id()), account=UUID(int=account), kind=purse))
            self.db.flush()
            self.model.owned.add(account)
        if kind == "fund":
            for each in PurseKind:
                if self.chance.random() < 0.5:
                    months = self.model.terms[account, each.value] = self.chance.choice([1, 3, 12, 30, None])
                    self.db.add(CoinTerm(fund=UUID(int=account), kind=each, since=date(2015, 1, 1), months=months))
            self.db.flush()
        self.told.append(f"{self.number} {self.today} open {kind} {purse.value} {account:x}")

    def book(self, moves: list[Move]) -> None:
        self.done.append(("book", tuple(moves), 0))
        self.both(
            "book",
            lambda: book_many(self.db, list(map(_transfer, moves)), booked_at=noon(self.today)),
            lambda: self.model.book(moves, self.today),
            about=moves,
        )

    def move(self) -> None:
        """Payments into funds, payouts, and whatever partners pay each other: one or many."""
        moves: list[Move] = []
        for _ in range(self.chance.choice([1, 1, 2, 5])):
            debit, credit = self.chance.choice([("outside", "fund"), ("outside", "fund"), ("partner", "outside")])
            if self.chance.random() < 0.3:
                debit = credit = "partner"
            made = self.a_move(self.an_account(debit, pays=True), self.an_account(credit), "payment")
            moves.append(made._replace(coins=self.chance.randint(1, 3000)) if debit == "outside" else made)
        self.book(moves)

    def award(self) -> None:
        """Coins for events of today or of before, some told twice."""
        moves: list[Move] = []
        for _ in range(self.chance.choice([1, 2, 6, 15])):
            on, purse = self.today - timedelta(days=self.chance.choice([0, 0, 3, 40])), self.an_account("purse")
            code = "payment" if purse in self.model.owned else "award"
            made = self.a_move(self.an_account("fund", pays=True), purse, code, on=on)
            moves.append(made._replace(coins=self.chance.randint(1, 40)) if made.coins > 40 else made)
        moves += self.chance.sample(moves, len(moves) // 3)
        self.chance.shuffle(moves)
        self.book(moves)

    def spend(self, moves: list[Move] | None = None) -> None:
        purse = self.an_account("purse", known=True, pays=True)
        if moves is None:
            number = self.chance.choice([1, 1, 1, 3])
            moves = [self.a_move(purse, self.an_account("partner"), "donation") for _ in range(number)]
            moves += moves[: self.chance.random() < 0.1]
        self.done.append(("spend", tuple(moves), 0))
        transfers = list(map(_transfer, moves))

        def ours() -> None:
            with self.db.begin_nested():
                book_many(self.db, transfers, booked_at=noon(self.today))
                pair(self.db, transfers, booked_at=noon(self.today))

        self.both("spend", ours, lambda: self.model.spend(moves, self.today) and None, about=moves)

    def correct(self) -> None:
        """Take back what a fund's coins in a nameless purse allow, and never more."""
        nameless = [purse for purse in self.model.purses if purse not in self.model.owned]
        if not nameless:
            return
        purse = self.chance.choice(nameless)
        rooms = Counter[int]()
        for (_, fund), coins in self.model.free_lots(purse):
            rooms[fund] += coins
        found = {fund.int: coins for (_, fund), coins in room(self.db, [UUID(int=purse)]).items()}
        assert found == rooms, f"room of {purse:x}: {found} where the model says {rooms}{self.story()}"
        if rooms:
            fund = self.chance.choice(sorted(rooms))
            cause, coins = f"p/r/{self.number}", self.chance.randint(1, rooms[fund])
            self.spend([Move(self.a_reference(), purse, fund, coins, "correction", cause)])

    def refund(self, again: tuple[Move, int] | None = None) -> None:
        """Of a spend to a partner: a part, the rest, or too much."""
        if again is None:
            if not self.model.spent:
                return
            spend = self.chance.choice(self.model.spent[-30:])
            paid = self.model.booked[spend]
            left = sum(self.model.taken[spend].values())
            coins = self.chance.choice([max(left, 1), left + 1, self.chance.randint(1, max(left, 1))])
            cause = f"refund/{self.number}"
            again = (Move(self.a_reference(), paid.credit, paid.debit, coins, "refund", cause), spend)
        refund, spend = again
        self.done.append(("refund", (refund,), spend))

        def ours() -> None:
            with self.db.begin_nested():
                book_many(self.db, [_transfer(refund)], booked_at=noon(self.today))
                give_back(self.db, spend=UUID(int=spend), refund=UUID(int=refund.reference), booked_at=noon(self.today))

        self.both("refund", ours, lambda: self.model.refund(spend, refund, self.today), about=again)

    def repeat(self) -> None:
        """Say something again, as it was or changed, alone or among new things."""
        if not self.done:
            return
        kind, moves, spend = self.chance.choice(self.done)
        if moves[0].code == "correction" and moves[0].reference not in self.model.booked:
            return  # it was given up: a new one asks for its room first
        dice, told = self.chance.random(), list(moves)
        if dice < 0.4:
            place = self.chance.randrange(len(told))
            changed = {"coins": told[place].coins + 1} if dice < 0.2 else {"cause": f"p/other/{self.number}"}
            told[place] = told[place]._replace(**changed)
        if kind == "refund":
            if spend in self.model.taken:
                self.refund((told[0], spend))
        elif kind == "spend":
            self.spend(told)
        else:
            self.book(
                told if dice < 0.7 else [*told, self.a_move(self.an_account("fund"), self.model.outside, "payment")]
            )

    def hold(self) -> None:
        taken = list(self.model.holds)[-20:]
        name = self.chance.choice(taken) if taken and self.chance.random() < 0.1 else self.a_reference()
        known = self.model.holds.get(name)
        account = self.an_account("purse", "partner", pays=True)
        coins, until = self.coins_of(account), self.today + timedelta(days=self.chance.randint(0, 20))
        if known is not None and self.chance.random() < 0.5:
            account, coins = known.account, known.coins
        self.both(
            "hold",
            lambda: (
                hold(
                    self.db,
                    reference=UUID(int=name),
                    account=UUID(int=account),
                    amount_coins=coins,
                    expires_at=noon(until),
                    now=noon(self.today),
                )
                and None
            ),
            lambda: self.model.hold(name, account, coins, until, self.today),
            about=(name, account, coins, until),
        )

    def a_hold(self) -> int:
        known = list(self.model.holds)[-20:]
        return self.chance.choice(known) if known and self.chance.random() < 0.97 else self.an_id()

    def post(self) -> None:
        name, credit = self.a_hold(), self.an_account("partner")
        cause = f"order/{name % 997}"
        earlier = self.model.booked.get(name)
        if earlier is not None and self.chance.random() < 0.7:
            credit = earlier.credit
        self.both(
            "post",
            lambda: (
                post_hold(
                    self.db,
                    reference=UUID(int=name),
                    credit=UUID(int=credit),
                    code=TransferCode.spend,
                    cause=cause,
                    booked_at=noon(self.today),
                )
                and None
            ),
            lambda: self.model.post(name, credit, "spend", cause, self.today),
            about=(name, credit),
        )

    def void(self) -> None:
        name = self.a_hold()
        self.both(
            "void", lambda: void_hold(self.db, reference=UUID(int=name)), lambda: self.model.void(name), about=name
        )

    def void_old(self) -> None:
        ours: Callable[[], object] = lambda: void_expired(self.db, noon(self.today))  # noqa: E731
        self.both("void_expired", ours, lambda: self.model.void_expired(self.today), about="")

    def expire(self) -> None:
        def ours() -> int:
            coins, after = 0, None
            while True:
                done = expire(self.db, today=self.today, now=noon(self.today), after=after)
                coins, after = coins + done.coins, done.last
                if after is None:
                    return coins

        self.both("expire", ours, lambda: self.model.expire(self.today), about="")

    def go_on(self) -> None:
        self.today += timedelta(days=self.chance.randint(1, 20))

    # looking

    def look(self) -> None:
        """Every balance, hold and lot; each difference by name."""
        model, wrong = self.model, list[str]()
        with rewards(self.store) as db:
            rows = db.execute(select(Account.id, Account.balance_coins, Account.held_coins))
            accounts = {row.id.int: (row.balance_coins, row.held_coins) for row in rows}
            holds = {row.id.int: row.state.value for row in db.execute(select(Hold.id, Hold.state))}
            transfers = db.scalar(select(func.count()).select_from(Transfer))
            lots = {
                (purse.int, lot.month, lot.fund.int): lot.coins
                for purse, found in remaining(db, [UUID(int=each) for each in model.purses]).items()
                for lot in found
            }
        wanted = {each: (coins, model.held_coins(each)) for each, coins in model.balances.items()}
        left = {(each, *key): lot.coins for each in model.lots for key, lot in model.lots[each].items() if lot.coins}
        states = {each: held.state for each, held in model.holds.items()}
        number = {"all": len(model.booked) + model.expired_moves}
        compared = {
            "account (balance, held)": (accounts, wanted),
            "lot": (lots, left),
            "hold": (holds, states),
            "transfers": ({"all": transfers}, number),
        }
        for name, (ours, models) in compared.items():
            differ = [key for key in ours.keys() | models.keys() if ours.get(key) != models.get(key)]
            wrong += [f"{name} {key}: {ours.get(key)} where the model says {models.get(key)}" for key in differ]
        assert not wrong, f"{len(wrong)} differences:\n" + "\n".join(wrong[:20]) + self.story()

    def run(self, operations: int) -> None:
        """Some operations to a transaction, of which some are given up."""
        acts = {
            self.open: 5, self.move: 12, self.award: 20, self.spend: 16, self.correct: 6, self.hold: 12, self.post: 8,
            self.void: 4, self.void_old: 1, self.refund: 8, self.repeat: 8, self.expire: 2, self.go_on: 8,
        }  # fmt: skip
        with rewards(self.store) as self.db:
            outside = self.model.outside = self.an_id()
            open_accounts(
                self.db, [UUID(int=outside)], kind=AccountKind.outside, floor_coins=None, now=noon(self.today)
            )
            self.model.open(outside, "outside")
            while {*self.model.kinds.values()} != {"outside", "fund", "purse", "partner"}:
                self.open()
        transactions = 0
        while self.number < operations:
            gives_up = self.chance.random() < 0.06
            before = copy.deepcopy(self.model) if gives_up else self.model
            with suppress(Taken), rewards(self.store) as self.db:
                for _ in range(self.chance.choice([1, 1, 2, 4, 8])):
                    self.number += 1
                    self.chance.choices(list(acts), list(acts.values()))[0]()
                if gives_up:
                    self.told.append("given up")
                    raise Taken
            self.model = before
            transactions += 1
            if transactions % LOOKED_AT_EVERY == 0:
                self.look()
        self.look()
