"""Entries in index notation: sums of products of atoms, and their normal form."""
