"""Many runs: grids, the store of their results, the engine that trains them, the command line.

`grids` (YAML -> runs), `planning` (what they need) -> `workers` (processes that train them) and
`engines` (the same elsewhere) -> `study` (the directory of what they found). Start at `cli`, whose
`commands` are a few lines each.
"""
