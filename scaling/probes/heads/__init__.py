"""What every attention head does: one pass over the model (`looking`), and what is read off it."""
