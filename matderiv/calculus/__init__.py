"""Formulas, index forms, the decider of equalities, and the reverse sweep."""
