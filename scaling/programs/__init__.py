"""Programs: what a run computes, compiled once for all runs of a shape.

`step` (pure functions of shapes and a mesh) -> `program` (compiled, for one run) -> `lanes` (the same
for one run alone or for many in step). `layout` says how they lie on devices.
"""
