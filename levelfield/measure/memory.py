"""Memory as the operating system counts it."""

import resource


def process_memory() -> dict[str, int]:
    """``process_peak_rss``: the largest resident size of this process so far, in bytes (``ru_maxrss`` counts KiB on Linux)."""
    return {"process_peak_rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
