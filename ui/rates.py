"""What the whole store knows of a case's throughput with other batch sizes."""

import pandas as pd
import streamlit as st

from levelfield import workloads
from levelfield.spec import Case
from levelfield.store import Store
from levelfield.store.reading import Stamp, rates

COLUMNS = ["framework", "mode", "precision", "batch_size", "rate"]


@st.cache_data(max_entries=32, show_spinner=False)
def past_rates(url: str, stamp: Stamp, case: Case, *, track: str, device: str) -> pd.DataFrame:
    """A row for each run that ended well, in any study, of the same workload, workers, track and device: examples/s in ``rate``.

    ``stamp`` says how far the store has come. Raises StoreError.
    """
    del stamp  # part of the cache's key
    own = workloads.find(case.workload)
    with Store.open(url, read_only=True) as store:
        found = rates(store, case, track=track, device=device)
    sizes = [one.spec.get("batch_size") or (own and own.batch_size) for one in found]
    rows = [(one.framework, one.mode, one.precision, size, one.steady_rate) for one, size in zip(found, sizes, strict=True)]
    return pd.DataFrame(rows, columns=COLUMNS).dropna(subset=["batch_size", "rate"])
