"""The mathematics of exercises: what each asks for, and the links that answer it."""
