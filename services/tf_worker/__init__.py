"""TensorFlow's side of a comparison."""
