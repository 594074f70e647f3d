"""Downloads from a server in a thread: whole, cut, wrong, refused; nothing leaves this machine."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from thalweg.core.errors import DataRefusal, ResourceRefusal, UsageRefusal
from thalweg.data import download

CONTENT = bytes(range(256)) * 2000
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


@dataclass
class Server:
    """What the server sends, and what it was asked for.

    Attributes:
        cuts: bytes after which each connection in turn is cut.
        ranges: whether it can go on from a place in the file.
    """

    address: str = ""
    content: bytes = CONTENT
    status: int = 200
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    asked: list[str | None] = field(default_factory=list)


def handler(server: Server) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            server.asked.append(wanted)
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and server.ranges else 0
            if server.status != 200 or (start and start >= len(server.content)):
                self.send_error(server.status if server.status != 200 else 416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(server.content) - start))
            self.end_headers()
            end = start + server.cuts.pop(0) if server.cuts else None
            self.wfile.write(server.content[start:end])

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    return Handler


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(made))
    made.address = f"http://127.0.0.1:{running.server_port}/data.bin"
    thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield made
    running.shutdown()
    running.server_close()
    thread.join()


def fetch(server: Server, folder, **changed):
    facts = {"size": len(CONTENT), "digest": DIGEST, "pause_seconds": 0.0} | changed
    return download.fetch(server.address, folder / "set" / "data.bin", **facts)


def test_a_file_is_fetched_and_only_it_remains(server, tmp_path):
    told = []
    path = fetch(server, tmp_path, told=lambda here, whole: told.append((here, whole)))
    assert path.read_bytes() == CONTENT
    assert [entry.name for entry in path.parent.iterdir()] == ["data.bin"]
    assert told[-1] == (len(CONTENT), len(CONTENT))


def test_a_file_that_is_here_is_not_asked_for_again(server, tmp_path):
    fetch(server, tmp_path)
    fetch(server, tmp_path)
    assert len(server.asked) == 1


def test_a_cut_connection_goes_on_where_it_was_cut(server, tmp_path):
    server.cuts = [100_000, 50_000]
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", "bytes=150000-"]


def test_a_server_that_cannot_go_on_starts_anew(server, tmp_path):
    server.cuts, server.ranges = [100_000], False
    assert fetch(server, tmp_path).read_bytes() == CONTENT


def test_what_came_is_kept_when_the_network_stays_away_and_used_by_the_next_call(server, tmp_path):
    server.cuts = [100_000, *[0] * download.ATTEMPTS]
    with pytest.raises(ResourceRefusal) as caught:
        fetch(server, tmp_path)
    assert caught.value.code == "DOWNLOAD_CUT"
    assert (tmp_path / "set" / "data.bin.part").read_bytes() == CONTENT[:100_000]
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=100000-"


def test_another_file_than_the_known_one_is_refused_and_removed(server, tmp_path):
    server.content = CONTENT[:-1] + b"!"
    with pytest.raises(DataRefusal) as caught:
        fetch(server, tmp_path)
    assert caught.value.code == "DOWNLOAD_ALTERED"
    assert DIGEST in caught.value.why
    assert list((tmp_path / "set").iterdir()) == []


def test_no_more_is_taken_than_the_file_has(server, tmp_path):
    server.content = CONTENT + bytes(10_000_000)
    assert fetch(server, tmp_path).read_bytes() == CONTENT


def test_a_file_that_is_shorter_than_known_is_judged_by_its_digest(server, tmp_path):
    server.content = CONTENT[:1000]
    with pytest.raises(DataRefusal, match="not the file that is known"):
        fetch(server, tmp_path)


def test_md5_digests_are_compared_too(server, tmp_path):
    digest = f"md5:{hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}"
    assert fetch(server, tmp_path, digest=digest).exists()


@pytest.mark.parametrize(("status", "code", "asked"), [(404, "DOWNLOAD_REFUSED", 1), (503, "DOWNLOAD_CUT", download.ATTEMPTS)])
def test_an_answer_that_will_not_change_is_not_asked_for_again(server, tmp_path, status, code, asked):
    server.status = status
    with pytest.raises(ResourceRefusal) as caught:
        fetch(server, tmp_path)
    assert caught.value.code == code
    assert len(server.asked) == asked


def test_a_second_process_does_not_write_into_the_first_ones_file(server, tmp_path):
    part = tmp_path / "set" / "data.bin.part"
    part.parent.mkdir()
    with download._alone(part), pytest.raises(ResourceRefusal, match="another process"):
        fetch(server, tmp_path)


def test_only_web_addresses_are_fetched(tmp_path):
    with pytest.raises(UsageRefusal, match="no web address"):
        download.fetch("file:///etc/passwd", tmp_path / "a", size=1, digest=DIGEST)


def test_no_server_is_told_in_words(tmp_path):
    with pytest.raises(ResourceRefusal, match="0 of 5 bytes came"):
        download.fetch("http://127.0.0.1:9/a", tmp_path / "a", size=5, digest=DIGEST, pause_seconds=0.0)
