"""What a study says: its tables read, its laws fitted, its figures drawn, its report written.

Start at `analysis.analyse` (a study's directory or tables -> numbers and sentences) and
`report.write_report`; what is told of a study stands in `findings`, one object a phenomenon. Each
step is a plain function on DataFrames. This room imports no other.
What stands here is loaded when it is asked for: a fit needs a fraction of what a study does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.analysis import Analysis, analyse
    from analysis.errors import AnalysisError
    from analysis.study import Study, make_study, read_study

__all__ = ["Analysis", "AnalysisError", "Study", "analyse", "make_study", "read_study"]

_MODULES = {"AnalysisError": "errors", "Analysis": "analysis", "analyse": "analysis"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'study')}"), name)
