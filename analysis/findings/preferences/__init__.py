"""What learns a preference: how well and from how many pairs (`models`), what a beginning is worth in them
(`worth`), what seeing them again does (`repetition`), imitation and preferences before (`ways`), and where
its choices turn against gold (`turning`), at equal held-out loss too (`matched`)."""
