"""A user's own directory as documents, as they are: nothing is cleaned or deduplicated, as what its
duplicates cost may be the question. No TensorFlow in here: it would take longer than the reading.

Start with `listing.TextDirectory`. `reader` opens a file as what its name says, `lines` (JSON) and
`tables` (CSV, Parquet) make records of it, `records` says which of those are documents.
"""

from data_pipelines.corpora.directory.listing import TextDirectory, text_files
from data_pipelines.corpora.directory.reader import SUFFIXES, read_records
from data_pipelines.corpora.directory.records import Bad

__all__ = ["SUFFIXES", "Bad", "TextDirectory", "read_records", "text_files"]
