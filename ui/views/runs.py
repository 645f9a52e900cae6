"""All runs of all studies: filtered, sorted, and any of them compared side by side."""

from collections.abc import Hashable

import streamlit as st

from levelfield.store import Store, StoreError, StudyRecord
from levelfield.store.browsing import count
from ui import look, run_filters, run_table, states, visit
from ui.reading import read_choices
from ui.run_comparison import comparison


def main() -> None:
    """The page."""
    url, shelf = visit.store()
    if (study := visit.here().study) is None:
        states.nothing_yet(f"The store {shelf.name} holds no study")
        st.stop()
    try:
        _page(url, study, shelf.stamp)
    except StoreError as error:
        states.cannot_read(url, error)


def _page(url: str, study: StudyRecord, stamp: Hashable) -> None:
    filters = run_filters.chosen(read_choices(url, stamp), study)
    with Store.open(url, read_only=True) as store:
        counts = count(store, filters)
        st.html(look.div("", run_filters.counted(counts)))
        run_table.table(store, filters, counts)
        run_table.export(url, filters)
        comparison(url)
        run_table.unwell(store, filters, counts)


main()
