"""Text drawn from processes that are known: `process` is what they share, `zipf` has an entropy that can
be computed, `markov` little that is learned but by copying, `echo` the same alike at every position,
`facts` a truth that can be asked for, `preferences` comparisons by a preference that is known.
"""
