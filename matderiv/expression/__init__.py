"""Expressions with NumPy meaning: nodes, reading, shapes, and printing back as source."""
