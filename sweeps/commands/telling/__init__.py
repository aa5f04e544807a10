"""What commands print: numbers as people read them (`words`), plans and states (`tables`), a sweep
under way (`display`), fitted laws (`fits`)."""
