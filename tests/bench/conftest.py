"""Made-up data sets under the names of the real ones, so that a benchmark can be tried in seconds."""

import os

import pytest

from levelfield import data, workloads
from tests.contract.synthetic import make_dataset

EXAMPLES = 70  # two full batches and a smaller one, which bursts leave out


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """The variables of a process that finds small data sets in its cache and no GPU."""
    cache = tmp_path_factory.mktemp("small-data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEVELFIELD_CACHE", str(cache))
        for name in ("cifar10_cnn", "imdb_lstm"):
            workload = workloads.get(name)
            data.write_cache(data.from_arrays(workload.dataset, make_dataset(workload, train_examples=EXAMPLES).arrays()))
        return os.environ | {"CUDA_VISIBLE_DEVICES": "", "LEVELFIELD_SERVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
