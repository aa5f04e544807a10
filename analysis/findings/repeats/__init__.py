"""What repetition does to the loss: against controls, in params, at its worst, and foreseen.

`controls`, `effective` and `worst` (of each `peak`) make the tables that the other findings read; the rest are views
of them (`curves`, `map`, `params`) and what follows (`band`, `memorisation`, `damage_law`).
"""
