"""Removes from an image's environment what no process of the platform reads. Each Dockerfile runs it after the installation.

    python3 requirements/trim.py SITE_PACKAGES [MODULE ...]

Where MODULEs are given, compiled code stays of what they import alone; the rest is compiled when somebody imports it. The workers give
none: what a framework imports late would be compiled anew in each process, as the file system is read-only, and measured as its start-up.
"""

import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

TRACES = {"bar", "box", "heatmap", "scatter"}  # of Plotly's kinds of traces, those that levelfield/charts draws
# Of scikit-learn the digits and the tokens of texts are used, which need none of its models.
MODELS = (
    *("_loss", "cluster", "compose", "covariance", "cross_decomposition", "decomposition", "ensemble", "gaussian_process", "impute"),
    *("inspection", "linear_model", "manifold", "metrics", "mixture", "model_selection", "neighbors", "neural_network"),
    *("semi_supervised", "svm", "tree"),
)
# Of SciPy the report in the browser needs the t distribution, which is a special function; where scikit-learn is, it needs the rest.
NUMERICS = (
    "datasets",
    "differentiate",
    "fft",
    "fftpack",
    "integrate",
    "interpolate",
    "io",
    "ndimage",
    "optimize",
    "sparse",
    "spatial",
    "stats",
)
# Tests, headers for extensions of one's own, and libraries beside what we use of a package; docs/deploy.md says what this saves.
UNUSED = (
    "**/tests",
    "PIL/_avif*",
    "clang/native",
    "numpy/distutils",
    "pillow.libs/libavif*",
    "plotly/graph_objs/_figurewidget.py",
    "plotly/labextension",
    "plotly/package_data/datasets",
    "plotly/package_data/widgetbundle.js",
    "pyarrow/_flight*",
    "pyarrow/_s3fs*",
    "pyarrow/include",
    "pyarrow/libarrow_flight*",
    "pyarrow/libarrow_python.so",  # what is loaded has the version of its interface alone in its name
    "pyarrow/libarrow_python.so.*.*.*",
    "pyarrow/libarrow_python_flight*",
    "pyarrow/libarrow_s3*",
    "pydeck/nbextension",
    "ray/core/libjemalloc.so",
    "ray/cpp",
    "ray/data",
    "ray/jars",
    "ray/llm",
    "ray/rllib",
    "ray/serve",
    "ray/train",
    "ray/tune",
    "scipy/cluster",
    "scipy/odr",
    "scipy/signal",
    *(f"sklearn/{name}" for name in MODELS),
    "sqlalchemy/testing",
    "streamlit/static/**/*.map",
    "tensorflow/include",
    "../../../share/jupyter",
)


def main(site_packages: str, *modules: str) -> None:
    """Remove it."""
    folder = Path(site_packages)
    for found in list(unused(folder)):
        shutil.rmtree(found) if found.is_dir() else found.unlink(missing_ok=True)
    if modules:
        kept = set(compiled(modules))
        for file in folder.rglob("*.pyc"):
            if file not in kept:
                file.unlink()


def unused(folder: Path) -> Iterator[Path]:
    """What nothing of ours reads, of what is there."""
    # Ray's dashboard has no pages to show where it cannot run, without ray[default].
    for pattern in (*UNUSED, *(() if (folder / "aiohttp").is_dir() else ("ray/dashboard/client",))):
        yield from folder.glob(pattern)
    if (folder / "streamlit").is_dir() and not (folder / "sklearn").is_dir():
        yield from (path for name in NUMERICS if (path := folder / "scipy" / name).is_dir())
    # Streamlit's theme speaks of many more kinds than are drawn.
    for kind in () if (folder / "streamlit").is_dir() else (folder / "plotly" / "graph_objs").glob("[a-z]*/"):
        if kind.name not in TRACES | {"layout"}:
            yield kind
            yield from kind.parent.glob(f"_{kind.name}.py")


def compiled(modules: tuple[str, ...]) -> Iterator[Path]:
    """The compiled files of all that these import."""
    for name in modules:
        importlib.import_module(name)
    for module in list(sys.modules.values()):
        spec = getattr(module, "__spec__", None)
        if spec is not None and spec.cached:
            yield Path(spec.cached)


if __name__ == "__main__":
    main(*sys.argv[1:])
