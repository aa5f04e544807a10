"""What a run reads: T tokens of a corpus, part of them a small pool seen again and again.

The other rooms add their fields by inheritance (`scaling.config.RunConfig`), so that one flat
namespace serves the grid file, the tables' columns and the run's identity.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from data_pipelines.config.facts import SHORTEST_CONTEXT, FactsConfig
from data_pipelines.config.fields import Config, Count, parse_count
from data_pipelines.config.reading import Reading
from data_pipelines.config.vocabulary_file import digest_in, identified, size_in
from data_pipelines.errors import OstinatoError
from data_pipelines.identity import Added, Whereabouts


class PoolShare(Config):
    """One pool of several: its share of the budget and how often each of its sequences is seen."""

    fraction: float = Field(gt=0, le=1, description="Share of T drawn from this pool.")
    repeats: Count = Field(description="Times each of its sequences is seen.")


class MixtureConfig(FactsConfig):
    """T tokens of a corpus, of which a share f is a small pool seen E times; statements of facts take
    their places first, where there are any.

    `tokens` is rounded to whole batches, and a run without repetition has `repeats` 0 and the
    default `order`, so that equal runs have equal configs.
    """

    corpus: str = Field(
        "pydocs",
        description="Corpus to train on: pydocs, pycode, zipf, markov, echo, c4/en, text_files:DIR.",
    )
    text_field: Annotated[str, Added("text")] = Field(
        "text",
        min_length=1,
        description="Field or column of text_files:DIR that holds the text; dotted where nested, such as document.text.",
    )
    on_bad_record: Annotated[Literal["refuse", "skip"], Added("refuse")] = Field(
        "refuse",
        description="What becomes of records of text_files:DIR that hold no text (broken JSON, null): refused with file and line, or left out and counted.",
    )
    join_lists: Annotated[str | None, Added(None)] = Field(
        None,
        description="What text_files:DIR joins a list of strings with, such as a space; null refuses lists.",
    )
    vocabulary: str = Field(
        "bytes",
        pattern=r"^(bytes|(sentencepiece|words):[1-9]\d*|file:.+)$",
        description="bytes, sentencepiece:SIZE trained on the corpus, words:SIZE (those of facts and the corpus's commonest, which facts need), or file:PATH: a SentencePiece model or a Hugging Face tokenizer.json.",
    )
    vocabulary_of: Annotated[str | None, Added(None)] = Field(
        None,
        description="Corpus that sentencepiece:SIZE is trained on or words:SIZE counted in, if another than this one.",
    )
    vocabulary_file: Annotated[str | None, Whereabouts()] = Field(
        None, description="Where the file of file:PATH lies; filled in."
    )
    context: Count = Field(128, description="Tokens that the model sees at once, L.")
    batch_size: Count = Field(64, description="Sequences in a training step, B.")
    tokens: Count = Field(
        description="Budget T: training tokens of the run, rounded to whole batches."
    )
    repeated_fraction: float = Field(
        0.0, ge=0, le=1, description="Share f of T drawn from the pool."
    )
    repeats: Annotated[int, BeforeValidator(parse_count), Field(ge=0)] = Field(
        0, description="Times E each pooled sequence is seen; 0 where nothing is repeated."
    )
    pools: tuple[PoolShare, ...] = Field(
        (),
        description="Several pools at once, in place of one: a list of fraction and repeats, or a table from `ostinato duplicates`.",
    )
    unit: Literal["sequence", "document", "whole"] = Field(
        "sequence",
        description="What is repeated: a packed sequence, a document alone in its sequence (cut or padded), or a sequence of whole documents (padded).",
    )
    order: Literal["uniform", "epochs", "even", "start", "end"] = Field(
        "uniform",
        description="When: anywhere in the run; epoch by epoch, reshuffled; evenly spaced; clustered at an end.",
    )
    seed: int = Field(
        0, ge=0, lt=2**31, description="Seed of data order, pool and initial weights."
    )

    @model_validator(mode="before")
    @classmethod
    def _resolve_mixture(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        values = _with_vocabulary(dict(values))
        trained = str(values.get("vocabulary")).startswith(("sentencepiece:", "words:"))
        if not trained or values.get("vocabulary_of") == values.get("corpus"):
            values["vocabulary_of"] = None
        try:
            context = parse_count(values.get("context", cls.model_fields["context"].default))
            batch = parse_count(values.get("batch_size", cls.model_fields["batch_size"].default))
            step = int(context) * int(batch)
            tokens = parse_count(values["tokens"])
            if tokens > 0:
                values["tokens"] = max(1, round(tokens / step)) * step
            if values.get("pools"):
                values |= _summarised([PoolShare.model_validate(p) for p in values["pools"]])
            if float(values.get("repeated_fraction", 0)) == 0:
                values |= {"repeats": 0, "order": "uniform", "pools": ()}
        except (KeyError, TypeError, ValueError, ZeroDivisionError):
            pass  # the fields' own checks say what is wrong
        return values

    @model_validator(mode="after")
    def _pool_exists(self):
        whole = sum(pool.fraction for pool in self.pools)
        if whole > 1 + 1e-9:
            raise ValueError(f"pools: their fractions add up to {whole:g}, over 1")
        if self.repeated_fraction > 0:
            if self.repeats < 1:
                raise ValueError(
                    f"repeats: {self.repeats} with repeated_fraction {self.repeated_fraction}; "
                    "give at least 1, or repeated_fraction 0"
                )
            if self.pool_size < 1:
                slots = self.repeated_fraction * self.total_sequences
                raise ValueError(
                    f"repeats: {self.repeats} leaves a pool smaller than one sequence; at most "
                    f"{int(slots)} at {self.tokens} tokens and repeated_fraction {self.repeated_fraction}"
                )
        return self

    @model_validator(mode="after")
    def _facts_are_words_that_fit(self):
        if self.exposures and self.context < SHORTEST_CONTEXT:
            raise ValueError(
                f"context: {self.context} is too short for a statement of the facts that exposures ask "
                f"for; give {SHORTEST_CONTEXT} or more"
            )
        if self.exposures and not self.vocabulary.startswith("words:"):
            raise ValueError(
                f"vocabulary: {self.vocabulary} has no token for each word of the facts that exposures "
                "ask for; give words:SIZE"
            )
        return self

    @property
    def vocabulary_corpus(self) -> str:
        """The corpus whose vocabulary it is read in."""
        return self.vocabulary_of or self.corpus

    @property
    def vocabulary_size(self) -> int:
        """Tokens of the vocabulary, padding and end of document among them, by its name.

        Raises OstinatoError on a name that is none.
        """
        kind, _, size = self.vocabulary.partition(":")
        if self.vocabulary == "bytes":
            return 256 + 3
        if kind == "file":
            return size_in(self.vocabulary)
        if kind not in ("sentencepiece", "words") or not size.isdigit():
            raise OstinatoError(
                f"vocabulary: {self.vocabulary} is none; write bytes, sentencepiece:SIZE, words:SIZE "
                "or file:PATH"
            )
        return int(size)

    @property
    def reading(self) -> Reading:
        """How a directory of the user's is read."""
        return Reading(self.text_field, self.on_bad_record, self.join_lists)

    @property
    def facts(self) -> MixtureConfig:
        """The statements of its facts, as a corpus of whole documents is packed."""
        return self.model_copy(update={"unit": "whole"})

    @property
    def steps(self) -> int:
        """Training steps: batches in the budget."""
        return self.tokens // (self.batch_size * self.context)

    @property
    def total_sequences(self) -> int:
        """Sequences in the budget, repeats counted."""
        return self.tokens // self.context

    @property
    def pool_shapes(self) -> tuple[tuple[int, int], ...]:
        """(sequences, repeats) of each pool that has a sequence: f*T/E by Hamilton rounding.

        Every pool gets the whole part of its f*T/E sequences; then those with the largest remainders
        get one more, as long as that brings the share of repeats nearer to the one asked for.
        """
        shares = [(pool.fraction, pool.repeats) for pool in self.pools]
        if not shares and self.repeated_fraction > 0:
            shares = [(self.repeated_fraction, self.repeats)]
        exact = [fraction * self.total_sequences / repeats for fraction, repeats in shares]
        sizes = [int(size) for size in exact]
        if not self.pools and sizes == [0]:
            return ()
        missing = sum(f for f, _ in shares) * self.total_sequences
        missing -= sum(size * repeats for size, (_, repeats) in zip(sizes, shares, strict=True))
        for i in sorted(range(len(exact)), key=lambda i: int(exact[i]) - exact[i]):
            repeats = shares[i][1]
            whole = sum(size * r for size, (_, r) in zip(sizes, shares, strict=True)) + repeats
            over = exact[i] - int(exact[i]) > 1e-9
            if over and repeats / 2 <= missing and whole <= self.total_sequences:
                sizes[i] += 1
                missing -= repeats
        return tuple((size, r) for size, (_, r) in zip(sizes, shares, strict=True) if size)

    @property
    def pool_size(self) -> int:
        """Distinct sequences that are repeated."""
        return sum(size for size, _ in self.pool_shapes)

    @property
    def pool_tokens(self) -> int:
        """Tokens in the pool (one pass)."""
        return self.pool_size * self.context

    @property
    def realised_fraction(self) -> float:
        """Share of T that is in fact drawn from the pool, after rounding to whole sequences."""
        return sum(size * repeats for size, repeats in self.pool_shapes) / self.total_sequences


def _with_vocabulary(values: dict[str, Any]) -> dict[str, Any]:
    """A vocabulary's file known by its content, and where it lies beside that."""
    name = values.get("vocabulary")
    if not isinstance(name, str) or not name.startswith("file:"):
        return values | {"vocabulary_file": None}
    if digest_in(name) and "vocabulary_file" in values:  # a record that is read again
        return values
    path = Path(name.removeprefix("file:")).expanduser().absolute()
    return values | {"vocabulary": identified(path), "vocabulary_file": str(path)}


def _summarised(pools: list[PoolShare]) -> dict[str, Any]:
    """Several pools as one fraction and mean repeats; a single one is nothing but that."""
    fraction = min(1.0, round(sum(pool.fraction for pool in pools), 12))
    distinct = sum(pool.fraction / pool.repeats for pool in pools)
    summary = {"repeated_fraction": fraction, "repeats": max(1, round(fraction / distinct))}
    return summary | ({"pools": ()} if len(pools) == 1 else {})
