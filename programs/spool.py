"""An import between its two readings: a little in memory, the rest sealed in a file that vanishes when it is closed."""

import pickle
from collections.abc import Iterator, Sequence
from tempfile import TemporaryFile
from types import TracebackType
from typing import BinaryIO, Self, cast

from privacy.keys import Cipher
from programs.imports.records import Record, Rejected

Chunk = list[Record | Rejected]
CHUNKS_IN_MEMORY_MAX = 4
_CONTEXT = "import.spool"
_LENGTH_BYTES = 8


class Spool:
    """Keeps chunks in the order in which they came. Nothing readable is written: chunks are sealed one by one."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher
        self._kept: list[Chunk] = []
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, chunk: Sequence[Record | Rejected]) -> None:
        """Keep a chunk."""
        if len(self._kept) < CHUNKS_IN_MEMORY_MAX:
            self._kept.append(list(chunk))
            return
        if self._file is None:
            self._file = cast("BinaryIO", TemporaryFile("w+b"))  # noqa: SIM115 - closed at the end of the block
        sealed = self._cipher.seal(pickle.dumps(list(chunk)), context=_CONTEXT)
        self._file.write(len(sealed).to_bytes(_LENGTH_BYTES) + sealed)

    def chunks(self) -> Iterator[Chunk]:
        """All chunks again."""
        yield from self._kept
        if self._file is None:
            return
        self._file.seek(0)
        while length := self._file.read(_LENGTH_BYTES):
            sealed = self._file.read(int.from_bytes(length))
            # Sealed with the person's own key a moment ago: nobody else could have written it.
            yield cast("Chunk", pickle.loads(self._cipher.open(sealed, context=_CONTEXT)))  # noqa: S301
