"""What is told of a corpus's duplicates: histograms, examples, and the pools that imitate them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from data_pipelines.errors import OstinatoError
from data_pipelines.system.atomic import replacing


class Example(NamedTuple):
    """Something that is repeated."""

    kind: str
    """'document', 'near document' or 'span'."""
    repeats: int
    sources: tuple[str, ...]
    """Where it is found: at most three places, for spans the first alone."""
    text: str
    """How it begins."""


@dataclass(frozen=True)
class DuplicateReport:
    """What a corpus, or a split of it, repeats.

    Each table has a row for each number of `repeats` and the `tokens` of what comes up so often,
    all its occurrences counted, with their `token_share` of it all; 1 is what is not repeated.
    """

    corpus: str
    split: str
    """'all' where it is the whole corpus."""
    left_out: dict[str, int]
    """Records that are no documents, by cause."""
    vocabulary: str
    context: int
    documents: int
    tokens: int
    exact: pd.DataFrame
    """Same documents: repeats, documents (distinct ones), tokens, token_share."""
    near: pd.DataFrame
    """Documents nearly alike, chained in clusters of `repeats`: the same columns."""
    spans: pd.DataFrame
    """Stretches of `context` tokens by how often the same one comes up, wherever in a document it
    starts: repeats, sequences (tokens / context / repeats), tokens, token_share. A share is of
    the places where a stretch can start, so it is what a packed sequence meets."""
    sampled: float
    """Share of the distinct stretches that `spans` rests on; 1 where all were counted."""
    examples: tuple[Example, ...]

    def pools(self) -> pd.DataFrame:
        """`spans` in steps of a factor of two: the columns of `spans`, a row a pool.

        `repeats` is the mean over the sequences of a row: repeats * sequences * context are its
        tokens, but for rounding.
        """
        spans = self.spans.assign(step=np.log2(self.spans["repeats"]).astype(int))
        rows = spans.groupby("step")[["sequences", "tokens", "token_share"]].sum()
        repeats = (rows["tokens"] / self.context / rows["sequences"]).round()
        rows.insert(0, "repeats", repeats.astype(int))
        rows["sequences"] = rows["sequences"].round().clip(lower=1).astype(int)
        return rows.reset_index(drop=True)

    def write(self, path: Path) -> None:
        """Write `pools()` as CSV or Parquet, by the name; raises OstinatoError on another."""
        if path.suffix not in (".csv", ".parquet"):
            raise OstinatoError(f"{path}: write to a .csv or .parquet file")
        with replacing(path) as temporary:
            if path.suffix == ".csv":
                self.pools().to_csv(temporary, index=False)
            else:
                self.pools().to_parquet(temporary, index=False)
