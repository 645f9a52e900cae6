"""The trained networks on the test examples: what they confuse, where the sides disagree, and the examples themselves."""

from ui import visit
from ui.predictions import predictions


def main() -> None:
    """The page."""
    predictions(visit.case())


main()
