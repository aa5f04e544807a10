"""A run: the model family, its mesh, and the training of one model on one mixture.

config (what a run is) -> model -> program (compiled, shared by all runs of a size) -> train.
Start at `train.train`, which reads top to bottom.
"""
