"""What is asked of fitted laws: which of them a table speaks for (`compare`), whether two recipes
share one (`groups`), what to train next (`outlook`), how well one fits at a glance (`chart`)."""
