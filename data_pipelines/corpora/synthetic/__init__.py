"""Text drawn from processes that are known: `process` is what they share, `zipf` has an entropy that can
be computed, `markov` little that is learned but by copying, `facts` a truth that can be asked for.
"""
