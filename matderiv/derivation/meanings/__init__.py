"""The meaning of gradients: patterns that are known by a name, each of whose claims is proved."""
