"""Derivations: links, steps, and the builders that choose which links to show."""
