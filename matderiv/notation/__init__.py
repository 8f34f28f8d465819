"""Notation: mathematics as a tree of layout boxes, and one serializer for each target."""
