"""Corpora to batches: what a run reads, with exactly the repetition that was asked for.

corpora (TFDS builders) -> store (seqio tasks, packed sequences) -> plan (position -> sequence) ->
stream (batches). Start at `plan.RepeatPlan`, the study's claim in one page; `prepare` makes what
`stream` reads, `audit` and `duplicates` count it.
"""
