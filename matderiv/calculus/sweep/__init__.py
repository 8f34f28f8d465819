"""The graph of a program, the adjoint rules and the reverse sweep."""
