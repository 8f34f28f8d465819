"""Exercises in words: each with its question and its answer in full."""
