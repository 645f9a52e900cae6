"""What every Worker must do, as rules that run in each service's own environment: pytest, NumPy and the framework are all it needs."""
