"""The trained networks on the test examples: where the frameworks disagree."""

from ui import visit
from ui.predictions import networks


def main() -> None:
    """The page."""
    networks(visit.case().workload)


main()
