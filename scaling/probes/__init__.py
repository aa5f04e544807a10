"""Probes: what a model has learned besides its loss, measured at each evaluation while it trains.

Start at `battery.Battery`, which measures all that a run's config names. A module a probe:
`copying` (tiled paragraphs), `passages` (a name that comes back), `in_context` (loss by token
index), `heads` (one pass for `prefix_matching`, `previous_token` and `head_copying`), `ablation`,
and `vectors` (per-token losses).
"""
