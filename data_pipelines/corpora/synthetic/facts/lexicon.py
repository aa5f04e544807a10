"""The words of facts, the same whatever the seed: names, attributes, values, and what joins them.

A vocabulary of words has them first, so that a word's token is known without it (`TOKENS`).
"""

from __future__ import annotations

from itertools import permutations

import numpy as np

from data_pipelines.config.vocabulary_file import SPECIAL

NAME_TOKENS = 3
"""Words of a name, each of its place: no word of the first stands in the second."""
NAMES_A_PLACE = 32
VALUES = 64
"""Of every attribute; a fact is log2(64) = 6 bits."""

ATTRIBUTES = ("born", "works", "speaks", "keeps")
OPENINGS = ("", "indeed")
"""What may stand between a name and its first attribute."""
JOINTS = ("", "and")
"""What may stand before the last attribute."""

ORDERS = np.array([*permutations(range(len(ATTRIBUTES)))])
"""Of the attributes in a statement."""
WORDINGS = len(OPENINGS) * len(JOINTS) * len(ORDERS)

# Closed syllables, which no word of zipf has; 127 is prime to their number.
_ONSETS, _VOWELS, _CODAS = "bdfgklmnprstvz", "aeiou", "bdfgklmnprstvz"
_SYLLABLES = [a + v + b for a in _ONSETS for v in _VOWELS for b in _CODAS]
_SPREAD = [_SYLLABLES[127 * i % len(_SYLLABLES)] for i in range(VALUES + 3 * NAMES_A_PLACE)]

NAMES = tuple(word.capitalize() for word in _SPREAD[VALUES:])
"""Those of the first place, of the second, of the third."""

WORDS = (*NAMES, *ATTRIBUTES, *_SPREAD[:VALUES], *OPENINGS[1:], *JOINTS[1:])
"""All of them; others are told by their place here."""

FIRST_ATTRIBUTE = len(NAMES)
FIRST_VALUE = FIRST_ATTRIBUTE + len(ATTRIBUTES)
FIRST_OTHER = FIRST_VALUE + VALUES

TOKENS = SPECIAL + np.arange(len(WORDS))
"""Token of each word."""

VALUE_TOKENS = TOKENS[FIRST_VALUE:FIRST_OTHER]
ENTITIES = NAMES_A_PLACE**NAME_TOKENS
"""Names that there are."""
