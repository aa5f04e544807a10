"""What a corpus repeats by itself: whole documents, nearly whole ones, and stretches within them.

`search` reads the corpus once, `counting` and `near` are what it counts with, `report` what it gives.
"""

from data_pipelines.duplicates.report import DuplicateReport, Example
from data_pipelines.duplicates.search import CAPACITY, find_duplicates

__all__ = ["CAPACITY", "DuplicateReport", "Example", "find_duplicates"]
