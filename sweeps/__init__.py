"""Many runs: grids, the store of their results, the engine that trains them, the command line.

grid (YAML -> runs) -> preparing (their data) -> local (worker processes) -> worker (one run after
the other) -> store (a study's directory). Start at `cli`, whose commands are a few lines each.
"""
