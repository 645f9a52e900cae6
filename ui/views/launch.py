"""The page launch."""

from ui import visit


def main() -> None:
    """The page."""
    visit.store()


main()
