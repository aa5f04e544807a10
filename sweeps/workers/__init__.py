"""Workers: the processes of this machine that train a study's runs, and who leads them.

`preparing` (their data, and `ahead` beside it what they compile) -> `local` (hands runs out, from the
`backlog`) -> `worker` (one process: one run, or several of a shape together, after the other).
`execution` is what they are told.
"""
