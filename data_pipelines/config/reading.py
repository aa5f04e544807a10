"""How a user's own files are read: which field is the text, and what becomes of bad records."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, dataclass
from typing import Literal


@dataclass(frozen=True)
class Reading:
    """What holds for every record of a directory; other corpora have their text in one place."""

    text_field: str = "text"
    """Field of a JSON record, or column of a table; dotted where nested (`document.text`)."""
    on_bad_record: Literal["refuse", "skip"] = "refuse"
    """Whether a record that holds no text is an error, or left out and counted by its cause."""
    join_lists: str | None = None
    """What the strings of a list are joined with; None refuses lists."""

    @property
    def suffix(self) -> str:
        """What it adds to the name of a corpus that is read so: nothing where nothing is special."""
        if self == AS_THEY_ARE:
            return ""
        return "-" + hashlib.sha256(json.dumps(astuple(self)).encode()).hexdigest()[:8]


AS_THEY_ARE = Reading()
"""The field `text`, and nothing that is no text."""
