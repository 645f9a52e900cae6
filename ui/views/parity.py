"""The parity certificates: whether both sides compute the same function, layer by layer and step by step."""

from ui import visit
from ui.parity import parity


def main() -> None:
    """The page."""
    parity(visit.case())


main()
