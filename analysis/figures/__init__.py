"""How any chart is drawn: what a `chart` is, which panels it has (`choice`), and `in_print`.

What charts a study has is told by its findings (`analysis.findings.gallery`).
"""
