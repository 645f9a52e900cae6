"""PyTorch's side of a comparison."""
