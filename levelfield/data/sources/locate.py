"""Finds the files of a data set: in the folder that the user names, else among the downloads, else on the network."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from levelfield.data.base import DataError

VARIABLE = "LEVELFIELD_DATA"


@dataclass(frozen=True, kw_only=True)
class OfficialFile:
    """The archive that the authors of a data set publish. ``checksum`` is "algorithm:hexadecimal digits", ``size`` in bytes."""

    name: str
    url: str
    size: int
    checksum: str

    def __str__(self) -> str:
        return f"{self.name} ({self.size / 1e6:.1f} MB)"


@dataclass(frozen=True)
class Located:
    """An archive or a folder, and whether it is the official archive to the last byte."""

    path: Path
    is_official: bool


def locate(name: str, official: OfficialFile, others: tuple[str, ...]) -> Located:
    """What is there in the folder named by ``LEVELFIELD_DATA``: the official archive, or else the first of the ``others``; else a download.

    Raises DataError where a file claims to be the official archive and is not, and where nothing is there and nothing can be downloaded.
    """
    if folder := os.environ.get(VARIABLE):
        if not Path(folder).is_dir():
            raise DataError(f"{VARIABLE} or --data-dir: {folder} is not a folder")
        if (archive := Path(folder, official.name)).is_file():
            check_official(archive, official)
            return Located(archive, is_official=True)
        for other in others:
            if (path := Path(folder, other)).exists():
                return Located(path, is_official=False)
    from levelfield.data.sources.download import download

    return Located(download(name, official), is_official=True)


def check_official(archive: Path, official: OfficialFile) -> None:
    """Raises DataError where the file is not the official one, byte for byte."""
    algorithm, _, expected = official.checksum.partition(":")
    try:
        if (size := archive.stat().st_size) != official.size:
            raise DataError(f"{archive}: {size} bytes where the official {official.name} has {official.size}: truncated or another file")
        with archive.open("rb") as file:
            found = hashlib.file_digest(file, algorithm).hexdigest()
    except OSError as error:
        raise DataError(f"{archive} cannot be read ({error})") from error
    if found != expected:
        raise DataError(f"{archive}: its {algorithm} is {found} where the official {official.name} has {expected}: damaged or another file")
