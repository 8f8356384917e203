"""Downloads that a server refuses, or answers with something else."""

import errno
import os
import pathlib
import re
import socket

import pytest
from misbehaving_server import (
    ALL,
    DATA,
    INDEX,
    MORE_TRIES,
    fall_silent,
    hang_up,
    looks_like_a_model,
    refuse,
    send_without_length,
    trick,
)

PAGES = [
    send_without_length(b"\n<!DOCTYPE html><html><body>Please log in</body></html>"),
    send_without_length(b"Please log in", {"Content-Type": "text/html; charset=utf-8"}),
]


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
