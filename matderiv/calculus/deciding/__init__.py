"""Decides whether two forms are equal, and says how it was decided."""
