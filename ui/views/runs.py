"""The page runs."""

from ui import visit


def main() -> None:
    """The page."""
    visit.store()


main()
