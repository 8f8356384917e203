"""Downloading against a server on this computer that misbehaves on purpose, with the reference model for 124M."""

import contextlib
import errno
import http.server
import io
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import types
import urllib.parse

import pytest
import requests
import trustme
from conftest import default_signals

from gpt2 import hparams
from models import download
from system import command_line, fetch

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = "model.ckpt.data-00000-of-00001"
INDEX = "model.ckpt.index"
ALL = ["hparams.json", "checkpoint", "encoder.json", "vocab.bpe", INDEX, DATA]
MORE_TRIES = 3  # In these tests it gives up after the first try and so many more.


class Server(http.server.ThreadingHTTPServer):
    """Serves `files` by name; a request uses up one of `tricks[name]`; `log` has each one's path and Range."""

    def __init__(self, files, context=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.over = files, threading.Event()
        self.tricks: dict[str, list] = {}
        self.log: list[tuple[str, str | None]] = []
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        self.over.set()
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        self.name = path.rpartition("/")[2]
        self.server.log.append((self.path, self.headers.get("Range")))
        tricks = self.server.tricks.get(self.name, [])
        with contextlib.suppress(ConnectionError):  # The client may have gone away.
            (tricks.pop(0) if tricks else well)(self)

    def do_CONNECT(self):
        self.server.log.append(("CONNECT " + self.path, None))
        self.send_error(407, "Proxy Authentication Required")

    def begin(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()

    def log_message(self, *arguments):
        pass


def answer(
    handler, etag='"first"', ranges=True, heed_if_range=True, content=None, announced=None, sent=None, **headers
):
    """The file or the rest of it; `announced` is a false length, `sent` how much goes out before the line breaks."""
    content = handler.server.files[handler.name] if content is None else content
    start, status = 0, 200
    asked = re.match(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    same = not heed_if_range or handler.headers.get("If-Range", etag) == etag
    if asked and ranges and same:
        start, status = int(asked[1]), 206
        headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
    handler.begin(status, {"ETag": etag, "Content-Length": announced or len(content) - start, **headers})
    handler.wfile.write(content[start:][:sent])


def well(handler):
    answer(handler)


def trick(**changes):
    return lambda handler: answer(handler, **changes)


def refuse(status):
    return lambda handler: handler.send_error(status)


def hang_up(handler):
    handler.close_connection = True


def fall_silent(sent):
    def act(handler):
        answer(handler, sent=sent)
        handler.server.over.wait(20)

    return act


def send_without_length(content, headers=None):
    """Nothing but the end of the connection says where this answer ends."""

    def act(handler):
        handler.begin(200, headers or {})
        handler.wfile.write(content)

    return act


def send_another_range(handler):
    content = handler.server.files[handler.name]
    answered = {"Content-Range": f"bytes 7-{len(content) - 1}/{len(content)}", "Content-Length": len(content) - 7}
    handler.begin(206, {"ETag": '"first"', **answered})
    handler.wfile.write(content[7:])


PAGES = [
    send_without_length(b"\n<!DOCTYPE html><html><body>Please log in</body></html>"),
    send_without_length(b"Please log in", {"Content-Type": "text/html; charset=utf-8"}),
]


@pytest.fixture(scope="module")
def reference():
    """The content of each file of the reference model."""
    return {name: (ROOT / "tests" / "reference" / "tiny" / name).read_bytes() for name in ALL}


@pytest.fixture
def start_server(reference):
    """Starts servers of the reference model, with HTTPS if given a context."""
    servers = []

    def start(context=None):
        servers.append(Server(dict(reference), context))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def server(start_server):
    return start_server()


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch):
    for name in os.environ:
        if name.upper() in (
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "NO_PROXY",
            "REQUESTS_CA_BUNDLE",
            "CURL_CA_BUNDLE",
        ):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def small_models(monkeypatch, reference):
    """All the models have the sizes of the reference one, and nobody waits."""
    sizes = hparams.HParams(**json.loads(reference["hparams.json"]))
    for name in hparams.MODELS:
        monkeypatch.setitem(hparams.MODELS, name, sizes)
    monkeypatch.setattr(fetch, "TRIES", 1 + MORE_TRIES)
    monkeypatch.setattr(fetch, "BACKOFF", 0)


@pytest.fixture
def little_patience(monkeypatch):
    """A server that is silent for a moment counts as silent."""
    monkeypatch.setattr(fetch, "TIMEOUTS", (0.3, 0.3))


@pytest.fixture
def weights(monkeypatch):
    """In place of reading the weights: what it finds wrong with them, and the files that were there when it looked."""
    check = types.SimpleNamespace(faults=[], seen=[])

    def weights_fault(folder, hparams):
        check.seen.append(sorted(os.listdir(folder)))
        return check.faults.pop(0) if check.faults else ""

    monkeypatch.setattr(download, "weights_fault", weights_fault)
    return check


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    """Runs the script with these arguments in an empty folder; the outcome has status, out, err and the last line."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["download.py", *map(str, arguments)])
        status: object = 0
        try:
            command_line.run(download.main)
        except SystemExit as end:
            status = end.code
        out, err = capsys.readouterr()
        return types.SimpleNamespace(status=status, out=out, err=err, last=(err.splitlines() or [""])[-1])

    return run


@pytest.fixture
def good_folder(tmp_path, reference):
    """models/124M, whole."""
    folder = tmp_path / "models" / "124M"
    folder.mkdir(parents=True)
    for name, content in reference.items():
        (folder / name).write_bytes(content)
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()}


def looks_like_a_model(folder):
    return (pathlib.Path(folder) / "checkpoint").exists() and (pathlib.Path(folder) / DATA).exists()


# A server that does well.


def test_a_model_arrives_whole(command, server, weights, reference):
    outcome = command("124M", "--mirror", server.url)
    assert (outcome.status, outcome.out) == (0, "124M: good, in models/124M\n")
    assert contents("models/124M") == reference


def test_the_graph_that_nothing_needs_is_not_fetched(command, server, weights):
    command("124M", "--mirror", server.url)
    assert [path for path, _ in server.log] == [f"/124M/{name}" for name in ALL]


def test_an_old_name_is_kept_here_and_translated_for_the_server(command, server, weights, reference):
    command("345M", "--mirror", server.url)
    assert {path.split("/")[1] for path, _ in server.log} == {"355M"}
    assert contents("models/345M") == reference


def test_several_models_are_fetched_at_once(command, server, weights, reference):
    outcome = command("124M", "1558M", "--mirror", server.url + "/", "--models_dir", "elsewhere")
    assert outcome.out == "124M: good, in elsewhere/124M\n1558M: good, in elsewhere/1558M\n"
    assert contents("elsewhere/124M") == contents("elsewhere/1558M") == reference


def test_the_bar_shows_rate_and_time_left(command, server, weights, monkeypatch):
    def slowly(handler):
        content = handler.server.files[DATA]
        handler.begin(200, {"Content-Length": len(content)})
        for part in range(4):
            handler.wfile.write(content[part * len(content) // 4 : (part + 1) * len(content) // 4])
            time.sleep(0.15)

    server.tricks[DATA] = [slowly]
    outcome = command("124M", "--mirror", server.url)
    assert re.search(rf"124M/{DATA}: +\d+%.*6\.59M \[[\d:]+<[\d:]+, .*MB/s\]", outcome.err)


# What is already there.


def test_a_good_model_is_not_fetched_again(command, server, weights, good_folder):
    outcome = command("124M", "--mirror", server.url)
    assert (outcome.status, outcome.out, server.log) == (0, "124M: good, in models/124M\n", [])


def test_only_what_is_wrong_is_fetched_again(command, server, weights, good_folder, reference):
    (good_folder / "vocab.bpe").write_bytes(b"x" * len(reference["vocab.bpe"]))
    (good_folder / "hparams.json").unlink()
    assert command("124M", "--mirror", server.url).status == 0
    assert [path for path, _ in server.log] == ["/124M/hparams.json", "/124M/vocab.bpe"]
    assert contents(good_folder) == reference


def test_damaged_weights_are_fetched_again(command, server, weights, good_folder):
    weights.faults = ["tensor model/wte is damaged"]
    assert command("124M", "--mirror", server.url).status == 0
    assert [path for path, _ in server.log] == [f"/124M/{INDEX}", f"/124M/{DATA}"]


def test_an_interrupted_download_goes_on_with_the_missing_bytes(command, server, weights, reference):
    half = len(reference[DATA]) // 2
    folder = pathlib.Path("models/124M")
    folder.mkdir(parents=True)
    (folder / (DATA + ".part")).write_bytes(reference[DATA][:half])
    assert command("124M", "--mirror", server.url).status == 0
    assert server.log[-1] == (f"/124M/{DATA}", f"bytes={half}-")
    assert contents(folder) == reference


def test_whole_parts_are_not_fetched_again(command, server, weights, reference, good_folder):
    for name in ALL:
        (good_folder / name).rename(good_folder / (name + ".part"))
    assert command("124M", "--mirror", server.url).status == 0
    assert server.log == []
    assert contents(good_folder) == reference


def test_a_part_that_is_too_long_is_started_over(command, server, weights, reference, good_folder):
    (good_folder / DATA).rename(good_folder / (DATA + ".part"))
    with open(good_folder / (DATA + ".part"), "ab") as file:
        file.write(b"more")
    assert command("124M", "--mirror", server.url).status == 0
    assert server.log == [(f"/124M/{DATA}", None)]
    assert contents(good_folder) == reference


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
def test_control_c_leaves_a_part_that_the_next_run_resumes(start_server, reference, tmp_path):
    server = start_server()
    real_sizes = b'{"n_vocab": 50257, "n_ctx": 1024, "n_embd": 768, "n_head": 12, "n_layer": 12}'
    server.files["hparams.json"] = real_sizes
    server.tricks["encoder.json"] = [fall_silent(500000)]
    script = [sys.executable, str(ROOT / "models/download.py"), "124M", "--mirror", server.url]
    part = tmp_path / "models/124M/encoder.json.part"
    with subprocess.Popen(
        script, cwd=tmp_path, stderr=subprocess.PIPE, text=True, preexec_fn=default_signals
    ) as process:
        while not (part.exists() and part.stat().st_size > 400000):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "124M: stopped; the next run resumes here"
    came = part.read_bytes()
    assert came == reference["encoder.json"][: len(came)]
    server.tricks[DATA] = [refuse(404)]  # The real one is too long for a test.
    subprocess.run(script, cwd=tmp_path, capture_output=True, timeout=20)
    assert ("/124M/encoder.json", f"bytes={len(came)}-") in server.log
    assert (tmp_path / "models/124M/encoder.json.part").read_bytes() == reference["encoder.json"]


# A server or a line that fails for a while.


@pytest.mark.parametrize("failure", [refuse(500), refuse(503), refuse(429), hang_up, fall_silent(20)])
@pytest.mark.parametrize("name", ["checkpoint", "vocab.bpe"])
def test_a_failure_that_passes_is_tried_again(command, server, weights, reference, little_patience, name, failure):
    server.tricks[name] = [failure, failure]
    assert command("124M", "--mirror", server.url).status == 0
    assert [path for path, _ in server.log].count(f"/124M/{name}") == 3
    assert contents("models/124M") == reference


def test_a_broken_connection_goes_on_where_it_broke(command, server, weights, reference):
    server.tricks[DATA] = [trick(sent=2**20), trick(sent=2**21)]
    assert command("124M", "--mirror", server.url).status == 0
    ranges = [asked for path, asked in server.log if path.endswith(DATA)]
    assert ranges == [None, f"bytes={2**20}-", f"bytes={2**20 + 2**21}-"]
    assert contents("models/124M") == reference


def test_a_line_that_breaks_often_arrives_as_long_as_each_try_brings_something(command, server, weights, reference):
    server.tricks[DATA] = [trick(sent=2**19)] * (2 * MORE_TRIES)
    assert command("124M", "--mirror", server.url).status == 0
    assert contents("models/124M") == reference


@pytest.mark.parametrize("second", [trick(ranges=False), send_another_range, refuse(416)])
def test_a_server_that_cannot_resume_is_asked_for_the_whole_file(command, server, weights, reference, second):
    server.tricks[DATA] = [trick(sent=2**20), second]
    assert command("124M", "--mirror", server.url).status == 0
    assert contents("models/124M") == reference


def test_a_file_that_changes_between_two_tries_is_refused_by_its_checksum(command, server, reference):
    server.tricks["vocab.bpe"] = [trick(content=bytes(len(reference["vocab.bpe"])), sent=2**18)]
    outcome = command("124M", "--mirror", server.url)
    assert outcome.status == 1
    assert "vocab.bpe.part: SHA-256 is " in outcome.last
    assert command("124M", "--mirror", server.url).status == 0


def test_an_answer_without_a_length_that_ends_early_is_completed(command, server, weights, reference):
    server.tricks[DATA] = [send_without_length(reference[DATA][: 2**20])]
    assert command("124M", "--mirror", server.url).status == 0
    assert server.log[-1][1] == f"bytes={2**20}-"
    assert contents("models/124M") == reference


# A server that fails for good.


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (refuse(500), "the server answers 500 Internal Server Error"),
        (hang_up, "Remote end closed connection without response"),
        (fall_silent(0), "the server is silent"),
        (trick(sent=0), "the connection broke"),
    ],
)
def test_it_gives_up_after_some_tries_that_bring_nothing(command, server, weights, little_patience, failure, reason):
    server.tricks["vocab.bpe"] = [failure] * 10
    outcome = command("124M", "--mirror", server.url)
    assert outcome.status == 1
    assert outcome.last == f"download.py: {server.url}/124M/vocab.bpe: {reason}"
    assert len(server.log) == ALL.index("vocab.bpe") + MORE_TRIES + 1
    assert not looks_like_a_model("models/124M")


@pytest.mark.parametrize(("status", "reason"), [(404, "404 Not Found"), (403, "403 Forbidden")])
def test_a_refusal_is_not_tried_again(command, server, weights, status, reason):
    server.tricks["hparams.json"] = [refuse(status)]
    outcome = command("124M", "--mirror", server.url)
    assert outcome.status == 1
    assert outcome.last == f"download.py: {server.url}/124M/hparams.json: the server answers {reason}"
    assert len(server.log) == 1


def test_the_urls_of_what_lacks_are_printed_for_a_download_by_hand(command, server, weights, good_folder):
    (good_folder / "vocab.bpe").unlink()
    server.tricks["vocab.bpe"] = [refuse(404)]
    assert command("124M", "--mirror", server.url).err.splitlines()[:-1] == [
        "By hand: download these into models/124M, then check them: python models/download.py 124M --verify",
        f"{server.url}/124M/vocab.bpe",
    ]


def test_the_check_after_a_download_by_hand_names_another_folder_of_models(command, server, weights):
    server.tricks["hparams.json"] = [refuse(404)]
    outcome = command("124M", "--mirror", server.url, "--models_dir", "elsewhere")
    assert (
        "into elsewhere/124M, then check them: python models/download.py 124M --verify --models_dir elsewhere\n"
        in outcome.err
    )


@pytest.mark.parametrize("failure", [refuse(404), trick(content=b"{}")])
def test_no_folder_is_left_of_a_download_that_brought_nothing(command, server, weights, tmp_path, failure):
    server.tricks["hparams.json"] = [failure]
    command("124M", "--mirror", server.url)
    assert not (tmp_path / "models" / "124M").exists()


def test_a_computer_without_a_network_is_told_in_one_line(command, weights, monkeypatch, tmp_path):
    def getaddrinfo(*arguments, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    outcome = command("124M")
    assert outcome.status == 1
    assert outcome.last == (
        "download.py: https://openaipublic.blob.core.windows.net/gpt-2/models/124M/hparams.json: "
        "the host is not found (Name or service not known); is this computer connected, does it need HTTPS_PROXY?"
    )
    assert os.listdir(tmp_path) == []


def test_a_host_that_does_not_listen_is_told_in_one_line(command, weights):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        outcome = command("124M", "--mirror", url)
    refused = os.strerror(errno.ECONNREFUSED)
    assert outcome.last == f"download.py: {url}/124M/hparams.json: {refused}"


# A server that gives something else.


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", ALL)
def test_a_web_page_with_status_200_is_not_taken_for_a_file(command, server, weights, name, page):
    server.tricks[name] = [page]
    outcome = command("124M", "--mirror", server.url)
    assert outcome.status == 1
    assert outcome.last == (
        f"download.py: {server.url}/124M/{name}: a web page instead of the file; does the network want you to log in?"
    )
    assert not os.path.exists(f"models/124M/{name}.part")
    assert not looks_like_a_model("models/124M")


def test_a_web_page_does_not_spoil_what_had_come(command, server, weights, reference):
    server.tricks[DATA] = [trick(sent=2**20), PAGES[0]]
    assert command("124M", "--mirror", server.url).status == 1
    assert pathlib.Path(f"models/124M/{DATA}.part").read_bytes() == reference[DATA][: 2**20]


def test_a_file_that_is_too_long_is_refused(command, server, weights, reference):
    server.files[DATA] += bytes(10**6)
    outcome = command("124M", "--mirror", server.url)
    assert outcome.status == 1
    assert re.search(rf"{DATA}.part: [\d,]+ bytes, expected 6,593,792; removed what ", outcome.last)
    assert not looks_like_a_model("models/124M")


def test_a_file_of_unknown_length_that_is_shorter_than_announced_is_refused(command, server, weights):
    server.tricks[INDEX] = [trick(announced=5000)] * 10
    outcome = command("124M", "--mirror", server.url)
    assert outcome.last == f"download.py: {server.url}/124M/{INDEX}: the connection broke"
    assert not looks_like_a_model("models/124M")


@pytest.mark.parametrize(
    ("name", "change", "fault"),
    [
        ("vocab.bpe", lambda content: content[:-2] + b"x\n", "SHA-256 is .*, expected 1ce1664773"),
        ("encoder.json", lambda content: content.replace(b"poet", b"bard"), "SHA-256 is .*, expected 196139668b"),
        ("hparams.json", lambda content: content.replace(b"64", b"65"), 'expected .*"n_ctx": 64'),
        ("hparams.json", lambda content: content[:-1], "begins with .*, expected {"),
        ("hparams.json", lambda content: bytes(2**21), "begins with .*, expected {"),
        ("checkpoint", lambda content: content.replace(b"model.ckpt", b"model-1000"), "expected .* model.ckpt"),
        (INDEX, lambda content: content[:-1], "expected a whole index of a TensorFlow checkpoint"),
    ],
)
def test_a_file_with_other_content_is_refused_and_removed(command, server, weights, name, change, fault):
    server.files[name] = change(server.files[name])
    outcome = command("124M", "--mirror", server.url)
    assert outcome.status == 1
    assert re.match(
        f"download.py: models/124M/{name}.part: .*{fault}.*; removed what {server.url}/124M/{name} gave", outcome.last
    )
    assert not os.path.exists(f"models/124M/{name}.part")
    assert not looks_like_a_model("models/124M")


def test_a_folder_is_a_model_only_after_its_weights_have_been_read(command, server, weights):
    command("124M", "--mirror", server.url)
    assert weights.seen == [sorted(["checkpoint.part", *(name for name in ALL if name != "checkpoint")])]


def test_weights_that_do_not_agree_with_their_checksums_are_removed(command, server, reference):
    content = bytearray(reference[DATA])
    content[len(content) // 2] ^= 1
    server.files[DATA] = bytes(content)
    outcome = command("124M", "--mirror", server.url)
    assert outcome.status == 1
    assert re.match(r"download.py: .*tensor model/\S+ is damaged.*; removed these weights", outcome.last)
    assert sorted(os.listdir("models/124M")) == ["checkpoint.part", "encoder.json", "hparams.json", "vocab.bpe"]


def test_weights_that_agree_with_their_checksums_are_good(command, server, reference):
    assert command("124M", "--mirror", server.url).status == 0
    assert command("124M", "--verify").out == "124M: good\n"


# Certificates and proxies.


def test_a_certificate_that_is_not_trusted_is_named_with_its_remedy(
    command, start_server, weights, tmp_path, monkeypatch
):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = start_server(context)
    outcome = command("124M", "--mirror", server.url)
    assert outcome.status == 1
    assert re.search(r"certificate is not trusted \(.*\); .*REQUESTS_CA_BUNDLE$", outcome.last)
    assert "trying again" not in outcome.err

    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authority.pem"))
    assert command("124M", "--mirror", server.url).status == 0


def test_http_proxy_is_used(command, server, weights, monkeypatch, reference):
    monkeypatch.setenv("HTTP_PROXY", server.url)
    assert command("124M", "--mirror", "http://mirror.invalid/gpt-2").status == 0
    assert server.log[0][0] == "http://mirror.invalid/gpt-2/124M/hparams.json"
    assert contents("models/124M") == reference


def test_https_proxy_is_used_and_its_failure_named(command, server, weights, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    outcome = command("124M", "--mirror", "https://mirror.invalid")
    assert server.log == [("CONNECT mirror.invalid:443", None)]
    assert re.search(r"the proxy fails \(.*407.*\); it is set by HTTPS_PROXY and HTTP_PROXY", outcome.last)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["socks4", "socks5", "socks5h"])
def test_a_socks_proxy_without_its_package_names_the_package(command, monkeypatch, name, scheme):
    monkeypatch.setitem(sys.modules, "socks", None)
    monkeypatch.setitem(sys.modules, "urllib3.contrib.socks", None)
    monkeypatch.setattr("requests.adapters.SOCKSProxyManager", no_socks)
    monkeypatch.setenv(name, f"{scheme}://127.0.0.1:9")
    outcome = command("124M", "--mirror", "https://mirror.invalid")
    assert outcome.status == 1
    assert outcome.last.endswith("pip install 'requests[socks]'")


def no_socks(*_, **__):
    """What requests has in place of a SOCKS proxy where PySocks is missing."""
    raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")


@pytest.mark.parametrize(
    ("start", "target", "is_refused"),
    [
        ("https://a.example/x", "http://a.example/x", True),
        ("https://a.example/x", "HTTP://b.example/x", True),
        ("HTTPS://a.example/x", " http://b.example/", True),
        ("https://a.example/x", "https://b.example/x", False),
        ("https://a.example/x", "/y", False),
        ("http://a.example/x", "http://b.example/x", False),
    ],
)
def test_no_redirect_leaves_https(start, target, is_refused):
    response = requests.Response()
    response.status_code, response.url = 302, start
    response.headers["Location"] = target
    session = fetch.open_session()
    if is_refused:
        with pytest.raises(ConnectionError, match="redirects from https to"):
            session.get_redirect_target(response)
    else:
        assert session.get_redirect_target(response) == target


def test_no_proxy_excepts_hosts(command, server, weights, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:3128")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert command("124M", "--mirror", server.url).status == 0


# The disk.


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(command, server, weights, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: types.SimpleNamespace(free=10**7))
    outcome = command("124M", "355M", "--mirror", server.url)
    assert outcome.status == 1
    assert outcome.last.startswith("download.py: models: 0.01 GB free, but 0.02 GB still to download; make room")
    assert server.log == []


def test_what_has_come_does_not_count_as_space_that_is_needed(command, server, weights, monkeypatch, good_folder):
    (good_folder / DATA).rename(good_folder / (DATA + ".part"))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: types.SimpleNamespace(free=10**6))
    assert command("124M", "--mirror", server.url).status == 0


def test_a_disk_that_fills_up_keeps_what_has_come(command, server, weights, monkeypatch, reference):
    room = 2**20

    class FullDisk(io.FileIO):
        def write(self, content):
            if self.tell() + len(content) > room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(content)

    def open_on_full_disk(path, mode="r"):
        return FullDisk(path, mode) if path.endswith(DATA + ".part") and "r" not in mode else open(path, mode)

    with monkeypatch.context() as patch:
        patch.setattr(fetch, "open", open_on_full_disk, raising=False)
        outcome = command("124M", "--mirror", server.url)
    assert outcome.status == 1
    assert outcome.last == (
        f"download.py: models/124M/{DATA}.part: No space left on device; what has come is kept for the next run"
    )
    assert not looks_like_a_model("models/124M")
    assert command("124M", "--mirror", server.url).status == 0
    assert server.log[-1][1] == f"bytes={room}-"
    assert contents("models/124M") == reference


# --verify, and arguments.


def test_verify_finds_a_good_model_good_without_the_network(command, server, weights, good_folder):
    outcome = command("124M", "--mirror", server.url, "--verify")
    assert (outcome.status, outcome.out, outcome.err, server.log) == (0, "124M: good\n", "", [])


def test_verify_says_what_is_wrong_with_each_model(command, weights, good_folder):
    (good_folder / "vocab.bpe").unlink()
    (good_folder / DATA).write_bytes(b"short")
    outcome = command("124M", "774M", "--verify")
    assert outcome.status == 1
    assert outcome.out.splitlines() == [
        f"124M: models/124M/vocab.bpe: missing; models/124M/{DATA}: 5 bytes, expected 6,593,792",
        "774M: models/774M: no such folder",
    ]


def test_verify_says_once_what_is_wrong_with_the_weights(command, weights, good_folder):
    weights.faults = ["models/124M/model.ckpt: tensor model/wte is damaged"]
    outcome = command("124M", "--verify")
    assert (outcome.status, outcome.out) == (1, "124M: models/124M/model.ckpt: tensor model/wte is damaged\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["124m"], "unknown model '124m', expected one or several of 124M (or 117M), 355M (or 345M), 774M, 1558M"),
        ([], "no model named, expected one or several of 124M (or 117M), 355M (or 345M), 774M, 1558M"),
        (["124M", "--mirror", "host/x"], "--mirror is 'host/x', expected a URL that begins with https:// or http://"),
        (["124M", "--mirror", "http://"], "--mirror is 'http://', expected a URL that begins with https:// or http://"),
        (["124M", "--models_dir", "gs://a/b"], "--models_dir is gs://a/b, expected a folder of this computer"),
    ],
)
def test_a_wrong_argument_is_told_in_one_line(command, arguments, message):
    outcome = command(*arguments)
    assert outcome.status != 0
    assert outcome.err.startswith(f"download.py: {message}")
    assert outcome.err.count("\n") == 1


def test_the_script_runs_from_any_folder(run_script):
    finished = run_script("models/download.py", "124M", "--verify")
    assert (finished.returncode, finished.stdout, finished.stderr) == (1, "124M: models/124M: no such folder\n", "")
