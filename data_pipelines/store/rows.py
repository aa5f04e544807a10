"""Documents to rows: one after the other, each alone, or as many whole ones as go into a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from data_pipelines.system.pace import Pace
from data_pipelines.system.quiet import seqio

_DOCUMENTS_AT_ONCE = 512
_NOTE_SECONDS = 5.0


class Documents:
    """Ragged batches of a task's tokenised documents, counted as they pass."""

    def __init__(
        self,
        task: seqio.Task,
        split: str,
        number: int,
        total: int,
        progress: Callable[[str], None],
    ):
        """Those of shard `number` of `total` of a split."""
        self.count, self._pace = 0, Pace(progress, _NOTE_SECONDS)
        self._pace.begin(f"packing {split} {number + 1}/{total}")
        # Of one shard in several it is not known how many documents it has.
        self._total = task.num_input_examples(split) if total == 1 else None
        shard = seqio.ShardInfo(number, total)
        self._dataset = task.get_dataset(None, split, shuffle=False, shard_info=shard)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (tokens of the documents one after the other, their lengths)."""
        for batch in self._dataset.map(lambda x: x["targets"]).ragged_batch(_DOCUMENTS_AT_ONCE):
            lengths = batch.row_lengths().numpy()
            self.count += len(lengths)
            if self._total:
                self._pace(min(1.0, self.count / self._total))
            yield batch.values.numpy(), lengths


def _packed(documents: Documents, length: int) -> Iterator[np.ndarray]:
    """Documents one after the other, cut into rows; the last, incomplete row is dropped."""
    rest = np.empty(0, np.int32)
    for tokens, _ in documents:
        tokens = np.concatenate([rest, tokens])
        whole = len(tokens) // length * length
        yield tokens[:whole].reshape(-1, length)
        rest = tokens[whole:]


def _padded(documents: Documents, length: int) -> Iterator[np.ndarray]:
    """A row a document: its first tokens, padded with 0 (seqio's padding id)."""
    for tokens, lengths in documents:
        rows = np.zeros((len(lengths), length), np.int32)
        kept = np.minimum(lengths, length)
        starts = np.cumsum(lengths) - lengths
        inside = np.arange(length) < kept[:, None]
        rows[inside] = tokens[(starts[:, None] + np.arange(length))[inside]]
        yield rows


def _whole(documents: Documents, length: int) -> Iterator[np.ndarray]:
    """Rows of as many whole documents as go into one after the end of a document (seqio's 1), padded;
    a document that is longer than a row is cut."""
    row = [np.ones(1, np.int32)]
    for tokens, lengths in documents:
        rows = []
        for document in np.split(tokens, np.cumsum(lengths)[:-1]):
            document = document[: length - 1]
            if sum(map(len, row)) + len(document) > length:
                rows.append(_filled(row, length))
                row = row[:1]
            row.append(document)
        yield np.array(rows, np.int32).reshape(-1, length)
    if len(row) > 1:
        yield _filled(row, length)[None]


def _filled(documents: list[np.ndarray], length: int) -> np.ndarray:
    row = np.concatenate(documents)
    return np.pad(row, (0, length - len(row)))


ROWS = {"sequence": _packed, "document": _padded, "whole": _whole}
"""How documents become rows of a length, by unit."""
