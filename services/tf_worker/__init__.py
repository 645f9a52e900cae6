"""TensorFlow's side of a comparison."""

import os

# Both are read once, when Keras and TensorFlow are imported: so before any module of this package.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
