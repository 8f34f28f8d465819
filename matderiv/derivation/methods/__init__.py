"""Other ways to the same gradients: index notation, differentials, slices, Kronecker products."""
