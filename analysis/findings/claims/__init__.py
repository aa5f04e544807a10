"""Claim by claim: what was published, what this study measures of it, and whether they agree.

A new claim is an object in one of the lists (`damage`, `circuits`, `remedies`, `knowledge`) and its
measure. What no study's runs tell (the refit of Chinchilla's table, the linear model) is tested with its
own code.
"""

from __future__ import annotations

from math import isfinite

import pandas as pd

from analysis.findings.claims.circuits import CIRCUITS
from analysis.findings.claims.claim import AGREE, CANNOT_TELL, DIFFER, Claim, verdict
from analysis.findings.claims.damage import DAMAGE
from analysis.findings.claims.knowledge import KNOWLEDGE
from analysis.findings.claims.remedies import REMEDIES
from analysis.findings.finding import Analysis, Finding, Listing, Question
from analysis.rows import rows_of
from analysis.words import plural, share

CLAIMED: list[Claim] = sorted(
    [*DAMAGE, *CIRCUITS, *REMEDIES, *KNOWLEDGE], key=lambda claim: claim.number
)


def claim_table(analysis: Analysis) -> pd.DataFrame:
    """One row a claim: `number`, `claim`, `claimed`, `published`, `source`; ours as `value`, `low`, `high`
    (95 %), `how`, `seeds` (0 where it is not measured); `verdict` and `why`."""
    rows = []
    for claim in CLAIMED:
        ours = claim.measure(analysis)
        row = {"number": claim.number, "claim": claim.name, "claimed": claim.claimed}
        row |= {"published": claim.published, "source": claim.source}
        measured = dict.fromkeys(("value", "low", "high"), float("nan")) | {"how": "", "seeds": 0}
        row |= measured if ours is None else ours._asdict()
        row["verdict"], row["why"] = verdict(claim, ours)
        rows.append(row)
    return pd.DataFrame(rows)


def claim_sentences(analysis: Analysis) -> list[str]:
    """How many agree, and which differ."""
    told = analysis.claims[analysis.claims.seeds > 0]
    if told.empty:
        return []
    names = {way: told.claim[told.verdict == way].to_list() for way in (AGREE, DIFFER, CANNOT_TELL)}
    parts = []
    if names[AGREE]:
        parts.append(f"{len(names[AGREE])} agree{'s' * (len(names[AGREE]) == 1)}")
    if differ := names[DIFFER]:
        parts.append(f"{len(differ)} differ{'s' * (len(differ) == 1)} ({'; '.join(differ)})")
    if names[CANNOT_TELL]:
        parts.append(f"of {len(names[CANNOT_TELL])} it cannot tell")
    claims = plural(len(told), "published claim")
    return [f"Of {claims} that this study measures, {' and '.join(parts)}."]


def unmeasured(analysis: Analysis) -> list[str]:
    """The claims that this study says nothing of, in one line."""
    names = analysis.claims.claim[analysis.claims.seeds == 0]
    if names.empty or len(names) == len(analysis.claims):
        return []
    return [f"Published, and not measured in this study: {'; '.join(names)}."]


def claim_listing(analysis: Analysis) -> Listing | None:
    """What is measured, in words: published beside ours with its interval, and the verdict."""
    told = analysis.claims[analysis.claims.seeds > 0]
    if told.empty:
        return None
    rows = [
        {
            "claim": f"{row.claim}: {row.claimed}",
            "published": f"{row.published} ({row.source})",
            "ours": f"{_interval(row)}, {row.how}, {_behind(row)}",
            "verdict": row.verdict,
            "why": row.why,
        }
        for row in rows_of(told)
    ]
    return Listing(
        "claims",
        "Claim by claim",
        "Ours with its interval of 95 %, beside what was published. They agree where the intervals overlap "
        "or, where a direction is claimed, where ours lies wholly on that side; they differ where ours "
        "excludes it. No interval, or one that holds no effect as well, cannot tell.",
        pd.DataFrame(rows),
    )


def _interval(row) -> str:
    ends = f" ({share(row.low)} to {share(row.high)})" if isfinite(row.low + row.high) else ""
    return f"{share(row.value)}{ends}"


def _behind(row) -> str:
    through = "point" if row.how.startswith("one slope") else "seed"
    return plural(row.seeds, through)


CLAIMS = Finding(
    "claims",
    question=Question.PUBLISHED,
    tables={"claims": claim_table},
    sentences=claim_sentences,
    notes=unmeasured,
    listings=(claim_listing,),
)
