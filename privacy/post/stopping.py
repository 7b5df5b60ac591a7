"""No more letters of a kind, by one click: a sealed token names address and kind, and nobody else can make one."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from privacy.errors import Conflict, NotFound
from privacy.keys import KeyRing
from privacy.post.letters import kind, kinds
from privacy.post.queueing import address_digest, stopped_table
from privacy.store import keys_of

_CONTEXT = "mail.stop"
_DIGEST_BYTES = 32


def stop_token(keys: KeyRing, *, address: str, name: str) -> str:
    """A token that ends letters of this kind to this address; it tells neither. Never the same twice."""
    assert kind(name).can_be_stopped
    plain = address_digest(keys, address) + name.encode()
    return urlsafe_b64encode(keys.operator.seal(plain, context=_CONTEXT)).decode().rstrip("=")


def check_stop_token(db: Session, token: str) -> None:
    """Raise NotFound unless the token is one of ours."""
    _read(keys_of(db), token)


def stop(db: Session, token: str) -> None:
    """No more letters of the token's kind to its address; harmless to repeat. Raises NotFound."""
    digest, name = _read(keys_of(db), token)
    wish = stopped_table(db)()
    wish.address_digest, wish.kind = digest, name
    try:
        with db.begin_nested():
            db.add(wish)
    except IntegrityError:
        return


def _read(keys: KeyRing, token: str) -> tuple[bytes, str]:
    try:
        plain = keys.operator.open(urlsafe_b64decode(token + "=" * (-len(token) % 4)), context=_CONTEXT)
    except (Conflict, ValueError) as error:
        raise NotFound("This link does not work.") from error
    digest, name = plain[:_DIGEST_BYTES], plain[_DIGEST_BYTES:].decode()
    if name not in kinds():
        raise NotFound("This link does not work.")  # a kind that a later version dropped
    return digest, name
