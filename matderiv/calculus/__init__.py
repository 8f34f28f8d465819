"""Entries as SymPy scalars, their partial derivatives, regrouping, and verdicts on equalities."""
