"""Judging a claimed gradient: proved, refuted with a diagnosis, or undecided."""
