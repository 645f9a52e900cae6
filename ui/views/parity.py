"""The parity certificate behind each comparison: whether both sides compute the same function, layer by layer and step by step."""

from ui import visit
from ui.parity import certificates


def main() -> None:
    """The page."""
    certificates(visit.case().workload)


main()
