"""`facts`: biographies of made-up entities, each stated as often as its rung of a ladder says.

`lexicon` has the words, `ladder` how often how many entities are stated, `truth` what holds of whom,
`wording` how it is said and read back, `corpus` the TFDS builder.
"""
