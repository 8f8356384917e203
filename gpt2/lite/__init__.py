"""The engines for a CPU: LiteRT for the matrix products and NumPy for the attention; and NumPy alone."""
