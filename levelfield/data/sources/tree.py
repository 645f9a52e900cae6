"""Reads the files of a folder or of a tar archive by name, into memory: nothing is unpacked to the disk."""

import lzma
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from levelfield.data.base import DataError

LIMIT = 2**30  # bytes of all files that are wanted of one data set; more is no data set of ours


def read_tree(place: Path, wanted: re.Pattern[str]) -> dict[str, bytes]:
    """The files below a folder, or in a tar archive, whose path ends as ``wanted`` says, by that ending, such as "train/pos/1_9.txt".

    The folders around it may have any names. A file of a folder may also be packed alone, as ``NAME.xz``.
    Raises DataError, by name, for what cannot be read, for a member that points out of the archive, and for more than ``LIMIT`` bytes.
    """
    ending = re.compile(rf"(?:.*/)?({wanted.pattern})")
    found: dict[str, bytes] = {}
    total = 0
    try:
        for path, content in _files(place, ending):
            name = ending.fullmatch(path)[1]  # type: ignore[index]  # _files gives no others
            if name in found:
                raise DataError(f"{place}: {name} is there twice")
            found[name] = content
            total += len(content)
            if total > LIMIT:
                raise DataError(f"{place}: its files have more than {LIMIT} bytes")
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError) as error:
        reason = str(error).partition(":\n")[0] or type(error).__name__  # tarfile lists what each packer said
        raise DataError(f"{place} cannot be read: {reason}; it is truncated, damaged or unsafe") from error
    return found


def _files(place: Path, ending: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    return _folder_files(place, ending) if place.is_dir() else _archive_files(place, ending)


def _folder_files(folder: Path, ending: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    for file in sorted(folder.rglob("*")):
        path = f"{folder.name}/{file.relative_to(folder).as_posix()}"
        if ending.fullmatch(path) and file.is_file():
            yield path, file.read_bytes()
        elif file.suffix == ".xz" and ending.fullmatch(path.removesuffix(".xz")) and not file.with_suffix("").exists():
            with lzma.open(file) as packed:
                yield path.removesuffix(".xz"), packed.read(LIMIT + 1)


def _archive_files(archive: Path, ending: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    if not hasattr(tarfile, "data_filter"):
        raise DataError(f"{archive}: to read archives safely takes Python 3.11.4 or later; unpack it beside itself instead")
    with tarfile.open(archive) as tar:
        for member in tar:
            # Nothing is extracted; the filter refuses archives that were made to write elsewhere, which no honest one is.
            checked = tarfile.data_filter(member, str(archive.parent))
            if checked.isfile() and ending.fullmatch(checked.name):
                if checked.size > LIMIT:
                    raise DataError(f"{archive}: {checked.name} has more than {LIMIT} bytes")
                file = tar.extractfile(member)
                yield checked.name, file.read() if file else b""
        while tar.fileobj and tar.fileobj.read(2**20):
            pass  # only at the very end do gzip and xz find that what they held was damaged
