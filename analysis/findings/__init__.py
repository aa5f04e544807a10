"""What a study is asked, in the order it is told. A new finding is its module and a line here.

    from analysis.findings import FINDINGS
    FINDINGS.append(Finding("mine", tables={"mine": my_table}, charts=(my_chart,)))

adds one to every analysis and report of a program. A finding may read the tables of those before it.
"""

from __future__ import annotations

from analysis.figures.chart import Chart
from analysis.findings.cause import CAUSE
from analysis.findings.descent import DESCENT
from analysis.findings.finding import Analysis, Finding, draw
from analysis.findings.induction.ablation import ABLATION
from analysis.findings.induction.heads import HEADS, PATTERNS
from analysis.findings.induction.names import NAMES
from analysis.findings.induction.onset import FORMATION
from analysis.findings.induction.training import BUMP, COPYING, IN_CONTEXT
from analysis.findings.induction.trajectories import TRAJECTORIES
from analysis.findings.probes import PROBES
from analysis.findings.regularisation import REGULARISATION
from analysis.findings.repeats.band import BAND
from analysis.findings.repeats.controls import CONTROLS
from analysis.findings.repeats.damage_law import HELD_OUT
from analysis.findings.repeats.effective import EFFECTIVE_PARAMS
from analysis.findings.repeats.memorisation import MEMORISATION, POOL
from analysis.findings.repeats.params import SLICE
from analysis.findings.repeats.worst import WORST_REPEATS
from analysis.findings.transfer import TRANSFER

__all__ = ["FINDINGS", "Analysis", "Finding", "gallery"]

FINDINGS: list[Finding] = [
    CONTROLS,
    EFFECTIVE_PARAMS,
    WORST_REPEATS,
    POOL,
    DESCENT,
    BAND,
    CAUSE,
    SLICE,
    PROBES,
    REGULARISATION,
    TRANSFER,
    NAMES,
    FORMATION,
    COPYING,
    IN_CONTEXT,
    BUMP,
    HEADS,
    PATTERNS,
    ABLATION,
    TRAJECTORIES,
    MEMORISATION,
    HELD_OUT,
]


def gallery(analysis: Analysis) -> list[Chart]:
    """Every chart that the analysis has the numbers for, in the order of `FINDINGS`."""
    return draw(FINDINGS, analysis)
