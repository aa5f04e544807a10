"""What a study says: its tables read, its laws fitted, its figures drawn, its report written.

Start at `study.analyse` (a study's directory or tables -> numbers and sentences) and
`report.write_report`; each step is a plain function on DataFrames. This room imports no other.
"""

from analysis.errors import AnalysisError
from analysis.study import Analysis, analyse
from analysis.tables import Study, make_study, read_study

__all__ = ["Analysis", "AnalysisError", "Study", "analyse", "make_study", "read_study"]
