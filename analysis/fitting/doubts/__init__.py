"""What to distrust: tables that no law can be fitted to (`check`), constants and rows that stand out in
a fit (`diagnose`)."""
