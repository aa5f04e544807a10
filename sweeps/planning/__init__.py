"""What a grid needs on a TPU, found with the real compiler and without a TPU.

Start with `search.plan_shapes`: every distinct shape of a grid is compiled (`compiler`) for an
accelerator (`accelerators`, with its prices), under one layout after the other until one fits.
"""
