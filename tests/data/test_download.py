"""Downloads against a server on this machine: checked, resumed, and refused with what to do instead."""

import hashlib
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from levelfield import data
from levelfield.data import DataError, newsgroups
from levelfield.data.sources.download import download
from levelfield.data.sources.locate import OfficialFile

CONTENT = bytes(range(256)) * 4096  # 1 MiB
NAME = "things.tar.gz"


class Server(ThreadingHTTPServer):
    """Serves ``content`` and notes the range that each request asked for; ``cut`` ends answers after so many bytes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.ranges: list[str | None] = []
        self.cut: int | None = None
        self.knows_ranges = True
        self.says_length = True
        self.status: int | None = None
        self.answered = 0  # to the end


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.ranges.append(self.headers["Range"])
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "") if self.server.knows_ranges else None
        start = int(asked[1]) if asked else 0
        body = self.server.content[start:]
        self.send_response(self.server.status or (416 if asked and not body else 206 if asked else 200))
        if asked and body:
            self.send_header("Content-Range", f"bytes {start}-{len(self.server.content) - 1}/{len(self.server.content)}")
        if self.server.says_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body[: self.server.cut])
            self.server.answered += 1

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as started:
        threading.Thread(target=started.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield started
        started.shutdown()


@pytest.fixture
def official(server, cache):
    return OfficialFile(
        name=NAME,
        url=f"http://127.0.0.1:{server.server_port}/{NAME}",
        size=len(CONTENT),
        checksum=f"sha256:{hashlib.sha256(CONTENT).hexdigest()}",
    )


@pytest.fixture
def part(cache):
    """The beginning that an attempt leaves behind."""
    (cache / "downloads").mkdir(parents=True)
    return cache / "downloads" / f"{NAME}.part"


def left(cache):
    return sorted(path.name for path in (cache / "downloads").iterdir() if path.suffix != ".lock")


def test_a_file_is_downloaded_once(server, official, cache):
    assert download("things", official).read_bytes() == CONTENT
    assert download("things", official) == cache / "downloads" / NAME
    assert server.ranges == [None]
    assert server.answered == 1
    assert left(cache) == [NAME]


@pytest.mark.parametrize("says_length", [True, False])
def test_what_was_cut_off_is_gone_on_with(server, official, cache, part, says_length):
    server.cut, server.says_length = 700_000, says_length
    with pytest.raises(DataError, match=rf"cannot be downloaded from {official.url}.*--data-dir"):
        download("things", official)
    had = part.stat().st_size
    assert 0 < had <= 700_000
    assert left(cache) == [part.name]
    server.cut = None
    assert download("things", official).read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={had}-"]
    assert left(cache) == [NAME]


def test_a_server_that_knows_no_ranges_is_asked_for_all_of_it(server, official, part):
    server.knows_ranges = False
    part.write_bytes(CONTENT[:1000])
    assert download("things", official).read_bytes() == CONTENT
    assert server.ranges == ["bytes=1000-"]


def test_a_beginning_that_is_already_all_of_it_needs_no_server(server, official, part):
    part.write_bytes(CONTENT)
    assert download("things", official).read_bytes() == CONTENT
    assert server.ranges == []


def test_a_beginning_that_is_too_long_is_begun_anew(server, official, part):
    part.write_bytes(CONTENT + b"more")
    assert download("things", official).read_bytes() == CONTENT
    assert server.ranges == [None]


def test_a_beginning_of_another_file_is_refused_and_forgotten(server, official, part, cache):
    part.write_bytes(b"x" * 1000)
    with pytest.raises(DataError, match=f"another checksum than the official {NAME}"):
        download("things", official)
    assert left(cache) == []
    assert download("things", official).read_bytes() == CONTENT


def test_a_server_whose_file_is_shorter_than_the_beginning_is_refused(server, official, part, cache):
    part.write_bytes(CONTENT[:1000])
    server.content = b"short"
    with pytest.raises(DataError, match="416"):
        download("things", official)
    assert left(cache) == []


@pytest.mark.parametrize("says_length", [True, False])
def test_a_file_with_another_checksum_is_refused_and_not_kept(server, official, cache, says_length):
    server.content = CONTENT[:-1] + b"x"
    server.says_length = says_length
    with pytest.raises(DataError, match=f"{official.url} gave a file with another checksum than the official {NAME}"):
        download("things", official)
    assert left(cache) == []


def test_a_file_of_another_size_is_refused_before_it_comes(server, official, cache):
    server.content = CONTENT + b"more"
    with pytest.raises(DataError, match=f"offers a file of {len(CONTENT) + 4} bytes; the official {NAME} has {len(CONTENT)}"):
        download("things", official)
    assert left(cache) == []


def test_an_endless_file_is_not_received_to_its_end(server, official, cache):
    server.content, server.says_length = CONTENT * 40, False
    with pytest.raises(DataError, match="another checksum"):
        download("things", official)
    assert left(cache) == []
    assert server.answered == 0


def test_a_changed_download_is_downloaded_again(server, official, cache):
    download("things", official).write_bytes(b"changed")
    assert download("things", official).read_bytes() == CONTENT
    assert len(server.ranges) == 2


def test_two_at_once_download_once(server, official):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: download("things", official).read_bytes(), range(4)))
    assert found == [CONTENT] * 4
    assert server.ranges == [None]


def test_an_error_of_the_server_is_told(server, official):
    server.status = 503
    with pytest.raises(DataError, match="503"):
        download("things", official)


def test_offline_the_message_says_what_is_missing_and_where_to_put_it(cache, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("LEVELFIELD_DATA", raising=False)
    url = "http://127.0.0.1:1/files/5975967"
    monkeypatch.setattr(newsgroups, "OFFICIAL", OfficialFile(name="20news-bydate.tar.gz", url=url, size=14_464_277, checksum="sha256:0"))
    with pytest.raises(DataError) as caught:
        data.load("newsgroups")
    message = str(caught.value)
    assert message.startswith("the data set newsgroups needs the file 20news-bydate.tar.gz (14.5 MB), which is not here")
    for words in (f"cannot be downloaded from {url} (", "Connection refused)", "LEVELFIELD_DATA=FOLDER", "--data-dir FOLDER"):
        assert words in message
    assert "HTTPConnection" not in message
    assert not (cache / "data").exists()


def test_without_pooch_the_message_says_where_to_fetch(official, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(DataError, match="things is made with pooch, which this environment lacks; run `levelfield data fetch things`"):
        download("things", official)
