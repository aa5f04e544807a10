"""The family's model: its sizes (`config`), the transformer, and attention by platform."""
