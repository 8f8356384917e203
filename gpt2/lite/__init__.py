"""The CPU engine: LiteRT for the matrix products, NumPy for the attention."""
