"""Anybody's table as numbers: `read` it (formats, numbers), `find` its columns (names, losses), and
leave out what cannot be used (`sound`)."""

from analysis.study.reading.faults import sound
from analysis.study.reading.losses import UNITS, in_nats
from analysis.study.reading.names import Named, find, given
from analysis.study.reading.numbers import MARKS, number
from analysis.study.reading.table import Reading, Source, read, read_table

__all__ = [
    "MARKS",
    "UNITS",
    "Named",
    "Reading",
    "Source",
    "find",
    "given",
    "in_nats",
    "number",
    "read",
    "read_table",
    "sound",
]
