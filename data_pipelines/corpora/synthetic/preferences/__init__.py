"""`preferences`: comparisons of two responses to a prompt, of which it is known which is better.

`comparisons` draws them from the process of `zipf`, `gold` is what is truly preferred, `corpus` the
TFDS builder. A document is a prompt, the better response and the worse one, of `PROMPT` and twice
`RESPONSE` words.
"""
