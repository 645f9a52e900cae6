"""Bundles: one study as one file, which another machine's store takes in. docs/exchange.md describes the format."""

from levelfield.store.bundle.layout import BundleError
from levelfield.store.bundle.merging import Merged, merge
from levelfield.store.bundle.writing import Written, write

__all__ = ["BundleError", "Merged", "Written", "merge", "write"]
