"""What a study is asked, in the order it is told. A new finding is its module and a line here.

    from analysis.findings import FINDINGS
    FINDINGS.append(Finding("mine", tables={"mine": my_table}, charts=(my_chart,)))

adds one to every analysis and report of a program. A finding may read the tables of those before it.
"""

from __future__ import annotations

from itertools import chain

from analysis.figures.chart import Chart
from analysis.findings.cause import CAUSE
from analysis.findings.claims import CLAIMS
from analysis.findings.descent import DESCENT
from analysis.findings.finding import Analysis, Finding, Listing, Question, draw
from analysis.findings.induction.ablation import ABLATION
from analysis.findings.induction.heads import HEADS, PATTERNS
from analysis.findings.induction.names import NAMES
from analysis.findings.induction.onset import FORMATION
from analysis.findings.induction.training import BUMP, COPYING, IN_CONTEXT
from analysis.findings.induction.trajectories import TRAJECTORIES
from analysis.findings.knowing.calibration import CALIBRATION
from analysis.findings.knowing.capacity import CAPACITY
from analysis.findings.knowing.dose import DOSE
from analysis.findings.knowing.exchange import EXCHANGE
from analysis.findings.knowing.hallucination import HALLUCINATION
from analysis.findings.knowing.lost import LOST
from analysis.findings.knowing.self_knowledge import SELF_KNOWLEDGE
from analysis.findings.knowing.unseen import UNSEEN
from analysis.findings.knowing.wordings import WORDINGS
from analysis.findings.preferences.matched import MATCHED
from analysis.findings.preferences.models import PREFERENCE_MODELS
from analysis.findings.preferences.repetition import REPEATED_PREFERENCES
from analysis.findings.preferences.turning import TURNING
from analysis.findings.preferences.ways import WAYS
from analysis.findings.preferences.worth import PAIRS_WORTH
from analysis.findings.probes import PROBES
from analysis.findings.regularisation import REGULARISATION
from analysis.findings.repeats.band import BAND
from analysis.findings.repeats.controls import CONTROLS
from analysis.findings.repeats.damage_law import HELD_OUT
from analysis.findings.repeats.effective import EFFECTIVE_PARAMS
from analysis.findings.repeats.memorisation import MEMORISATION, POOL
from analysis.findings.repeats.params import SIZES, SLICE
from analysis.findings.repeats.worst import OVER_REPEATS, WORST_MAP, WORST_REPEATS
from analysis.findings.transfer import TRANSFER

__all__ = ["FINDINGS", "Analysis", "Finding", "Question", "galleries", "gallery", "listings"]

FINDINGS: list[Finding] = [
    CONTROLS,
    EFFECTIVE_PARAMS,
    WORST_REPEATS,
    OVER_REPEATS,
    SIZES,
    WORST_MAP,
    POOL,
    DESCENT,
    BAND,
    CAUSE,
    SLICE,
    PROBES,
    REGULARISATION,
    TRANSFER,
    PREFERENCE_MODELS,
    PAIRS_WORTH,
    REPEATED_PREFERENCES,
    WAYS,
    TURNING,
    MATCHED,
    NAMES,
    FORMATION,
    COPYING,
    IN_CONTEXT,
    BUMP,
    HEADS,
    PATTERNS,
    ABLATION,
    TRAJECTORIES,
    EXCHANGE,
    LOST,
    WORDINGS,
    UNSEEN,
    CALIBRATION,
    SELF_KNOWLEDGE,
    HALLUCINATION,
    DOSE,
    CAPACITY,
    MEMORISATION,
    HELD_OUT,
    CLAIMS,
]


def gallery(analysis: Analysis) -> list[Chart]:
    """Every chart that the analysis has the numbers for, in the order in which a reader asks."""
    return list(chain.from_iterable(galleries(analysis).values()))


def galleries(analysis: Analysis) -> dict[Question, list[Chart]]:
    """The same under the questions that they answer."""
    return draw(FINDINGS, analysis)


def listings(analysis: Analysis) -> dict[Question, list[Listing]]:
    """The tables for a reader, under the questions that they answer."""
    found: dict[Question, list[Listing]] = {}
    for finding in FINDINGS:
        if analysis.study.has(finding.needs):
            for listing in finding.listings:
                if (one := listing(analysis)) is not None:
                    found.setdefault(finding.question, []).append(one)
    return found
