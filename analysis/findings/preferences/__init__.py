"""What learns a preference: how well, from how many pairs (`models`), and where its choices turn
against gold (`turning`)."""
