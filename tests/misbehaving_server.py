"""A server on this computer that serves files, and misbehaves on purpose, for the tests of models/download.py."""

import contextlib
import http.server
import pathlib
import re
import threading
import urllib.parse

DATA = "model.ckpt.data-00000-of-00001"
INDEX = "model.ckpt.index"
ALL = ["hparams.json", "checkpoint", "encoder.json", "vocab.bpe", INDEX, DATA]
MORE_TRIES = 3  # A download gives up after the first try and so many more.


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


def contents(folder):
    """The bytes of each file of a folder."""
    return {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()}


def looks_like_a_model(folder):
    """Whether other programs would take a folder for a whole model."""
    return (pathlib.Path(folder) / "checkpoint").exists() and (pathlib.Path(folder) / DATA).exists()
