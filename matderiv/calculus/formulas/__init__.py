"""Formulas over names: their shapes, rewrites and tidying."""
