"""A package, so that ``tests.fake_worker`` is this one, whatever else an environment has installed under the name ``tests``."""
