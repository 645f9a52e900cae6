"""From a study's raw values to what a reader sees: `analysis.analyse`, and its renderings in `render`."""
