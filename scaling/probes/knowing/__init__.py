"""What a model knows, and whether it knows that it does (Kadavath et al. 2022).

`reliability` measures stated against realised accuracy of any predictions, `answers` reads a model's
answers to questions of fact; `calibration`, `knowledge` and `hallucination` are the probes.
"""
