"""Checks certificates; nothing of matderiv is imported, and no text is evaluated."""
