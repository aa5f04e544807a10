"""A study as it is read: its tables (`tables`), and which of its runs belong on one curve (`scans`)."""

from analysis.study.reading import read_table
from analysis.study.tables import Study, make_study, read_study, require_columns

__all__ = ["Study", "make_study", "read_study", "read_table", "require_columns"]
