"""What is measured around the training itself: time, memory, the environment."""
