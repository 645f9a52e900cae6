"""PyTorch, but every block of steps takes 5% longer."""
