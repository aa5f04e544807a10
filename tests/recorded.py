"""The recorded studies, analysed once a process for all tests that look at them."""

from functools import cache
from pathlib import Path

import analysis
from analysis import Analysis, analyse

HOME = Path(analysis.__file__).parent / "recorded"


@cache
def recorded(study: str) -> Analysis:
    """What the study of that name says; not to be changed."""
    return analyse(HOME / study)
