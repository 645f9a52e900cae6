"""Downloads official files: checked against their checksums, with a progress bar, going on where an earlier attempt stopped."""

import fcntl
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from levelfield.data.base import DataError, cache_folder, platform_packages
from levelfield.data.sources.locate import VARIABLE, OfficialFile

if TYPE_CHECKING:
    from requests import Response

TIMEOUT_S = 30
CHUNK = 2**18
PARTIAL = 206
NOT_SATISFIABLE = 416


def download(name: str, official: OfficialFile) -> Path:
    """The official file of the data set ``name`` in the cache, where it is downloaded to if it is not there.

    Raises DataError where it cannot be downloaded, with what the user can do instead, and where what came is not the official file.
    """
    with platform_packages(name, "pooch"):
        import pooch
    folder = cache_folder() / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    pooch.get_logger().setLevel("WARNING")  # the progress bar says what is downloaded

    def fetch(url: str, output_file: str, _: object) -> None:
        _fetch(url, folder / f"{official.name}.part", official)
        shutil.move(folder / f"{official.name}.part", output_file)

    try:
        with _alone(folder / f"{official.name}.lock"):
            return Path(pooch.retrieve(official.url, official.checksum, fname=official.name, path=folder, downloader=fetch))
    except ValueError as error:  # of pooch, which has deleted what came
        raise DataError(f"{official.url} gave a file with another checksum than the official {official.name}: {error}") from error
    except OSError as error:  # those of requests included
        raise DataError(_not_here(name, official, error)) from error


def _fetch(url: str, part: Path, official: OfficialFile) -> None:
    """Complete the file ``part``, which may hold the beginning. What has come stays there when the connection breaks."""
    import requests

    have = part.stat().st_size if part.exists() else 0
    if have == official.size:
        return
    if have > official.size:
        have = 0  # no beginning of it: overwritten
    # Without compression on the way, a place in the answer is a place in the file.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
        if response.status_code == NOT_SATISFIABLE:
            part.unlink()  # the next attempt begins anew
        response.raise_for_status()
        _receive(response, part, official, have if response.status_code == PARTIAL else 0)
    if (size := part.stat().st_size) < official.size:
        raise requests.ConnectionError(f"the connection ended after {size} of {official.size} bytes; another attempt goes on there")


def _receive(response: "Response", part: Path, official: OfficialFile, have: int) -> None:
    from tqdm import tqdm

    offered = have + int(response.headers.get("Content-Length", official.size - have))
    if offered != official.size:
        raise DataError(f"{response.url} offers a file of {offered} bytes; the official {official.name} has {official.size}")
    bar = tqdm(total=official.size, initial=have, unit="B", unit_scale=True, desc=official.name, disable=not sys.stderr.isatty())
    with bar, part.open("ab" if have else "wb") as file:
        for chunk in response.iter_content(CHUNK):
            file.write(chunk)
            bar.update(len(chunk))
            if file.tell() > official.size:
                break  # it is not the official file, whatever else comes; the checksum will say so


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait for another process that downloads the same file; it is then there."""
    with lock.open("a") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield


def _not_here(name: str, official: OfficialFile, error: OSError) -> str:
    return (
        f"the data set {name} needs the file {official}, which is not here and cannot be downloaded from {official.url} ({_short(error)}); "
        f"put it, or the folder that it unpacks to, in a folder and name that: {VARIABLE}=FOLDER or --data-dir FOLDER"
    )


def _short(error: BaseException) -> str:
    """The innermost reason: requests wraps what happened in several layers."""
    while True:
        reason = getattr(error, "reason", None)
        inner = reason if isinstance(reason, BaseException) else next((arg for arg in error.args if isinstance(arg, BaseException)), None)
        if inner is None:
            break
        error = inner
    text = re.sub(r"^\w+\(.*?\): ", "", str(error)) or type(error).__name__
    return text if len(text) <= 120 else text[:117] + "..."
