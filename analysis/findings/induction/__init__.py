"""Whether, when and why a model copies from its context, and what repetition does to that."""
