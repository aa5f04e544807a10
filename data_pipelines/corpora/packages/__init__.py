"""Text that every installation brings with it: `embedded` names the corpora, `extraction` runs the steps
from `sources` (files, docstrings) through `cleaning` to distinct documents.
"""
