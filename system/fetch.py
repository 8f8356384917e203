"""Fetching a file over HTTP, resumed where a broken connection or an earlier run stopped."""

import itertools
import os
import socket
import time

import requests
from tqdm import tqdm
from urllib3.util import Retry

TIMEOUTS = 10, 30  # seconds without an answer, seconds without a byte
TRIES, BACKOFF = 5, 0.5  # tries in a row that may bring nothing; seconds before the third of them, then doubled
CHUNK = 1 << 16
SMALL = 1 << 20  # Bytes, more than any file whose size is not known beforehand.
PAGE_STARTS = (b"<!doctype", b"<html", b"<?xml")


class Session(requests.Session):
    """A session that no redirect takes from https to http, where anybody on the way could change the file."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Where a response sends on to; raises a ConnectionError if that is http after https."""
        target = super().get_redirect_target(resp)
        if target and resp.url.lower().startswith("https:") and target.strip().lower().startswith("http:"):
            raise ConnectionError(
                f"{resp.url}: redirects from https to {target[:200]}, which is not safe; name a --mirror"
            )
        return target


def open_session() -> Session:
    """A session that asks again where a server is overloaded, silent or out of reach."""
    passing = (408, 429, 500, 502, 503, 504)
    retry = Retry(TRIES - 1, other=0, status_forcelist=passing, backoff_factor=BACKOFF, raise_on_status=False)
    session = Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, requests.adapters.HTTPAdapter(max_retries=retry))
    return session


def fetch(session: requests.Session, url: str, part: str, size: int | None) -> None:
    """Brings a file into `part`, after what is there already if the server can resume.

    Args:
      size: bytes of the file; None where that is not known: such a file is small, and always fetched whole.
    Raises:
      ConnectionError: the server cannot be reached, refuses, breaks off, or gives a web page.
      OSError: it cannot be written; what has come is kept.
    """
    left = TRIES
    with tqdm(desc="/".join(url.split("/")[-2:]), total=size, unit="B", unit_scale=True, delay=0.2) as bar:
        while True:
            before = length(part)
            with ask(session, url, before if size and before < size else 0) as response:
                try:
                    save(response, part, size, bar)
                    return
                except requests.RequestException as error:  # The connection broke, or fell silent, in the middle.
                    left = TRIES if size and length(part) > before else left - 1
                    if not left:
                        raise ConnectionError(f"{url}: {explain(error)}") from error
            time.sleep(BACKOFF)


def ask(session: requests.Session, url: str, had: int) -> requests.Response:
    """The server's answer: the file after its first `had` bytes (206), or the whole file (200)."""
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={had}-"} if had else {})
    try:
        response = session.get(url, headers=headers, stream=True, timeout=TIMEOUTS)
    except (requests.RequestException, UnicodeError) as error:  # UnicodeError: sent on to an address that is none
        raise ConnectionError(f"{url}: {explain(error)}") from error
    is_rest = response.status_code == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {had}-")
    if response.status_code == 200 or (had and is_rest):
        return response
    response.close()
    if had and response.status_code in (206, 416):
        return ask(session, url, 0)  # The server cannot count: from the start.
    raise ConnectionError(f"{url}: the server answers {response.status_code} {response.reason}")


def save(response: requests.Response, part: str, size: int | None, bar: tqdm) -> None:
    """Writes what the server sends into `part`; raises as `fetch`, or a ChunkedEncodingError if it is not all."""
    chunks = response.iter_content(CHUNK)
    first = next(chunks, b"")
    is_page = "text/html" in response.headers.get("Content-Type", "")
    if is_page or first.lstrip()[:9].lower().startswith(PAGE_STARTS):
        raise ConnectionError(f"{response.url}: a web page instead of the file; does the network want you to log in?")
    os.makedirs(os.path.dirname(part), exist_ok=True)
    try:
        with open(part, "ab" if response.status_code == 206 else "wb") as file:
            bar.initial = bar.n = bar.last_print_n = file.tell()  # The rate counts only what comes now.
            for chunk in itertools.chain([first], chunks):
                file.write(chunk)
                bar.update(len(chunk))
                if bar.n > (size or SMALL):
                    return  # The check of the file refuses it.
    except requests.RequestException:
        raise
    except OSError as error:
        raise OSError(f"{part}: {error.strerror}; what has come is kept for the next run") from error
    if size and bar.n < size:
        raise requests.exceptions.ChunkedEncodingError


def explain(error: Exception) -> str:
    """What went wrong on the way, and what to do about it."""
    root: BaseException = error
    while inner := root.__cause__ or root.__context__ or next(filter(is_error, root.args), None):
        root = inner
    reason = getattr(root, "strerror", None) or str(root)
    if isinstance(error, requests.exceptions.SSLError) and "certificate" in str(root):
        remedy = "if your network has its own authority, name its certificate file in REQUESTS_CA_BUNDLE"
        return f"the server's certificate is not trusted ({reason}); {remedy}"
    if isinstance(error, requests.exceptions.ProxyError):
        return f"the proxy fails ({reason}); it is set by HTTPS_PROXY and HTTP_PROXY, and NO_PROXY excepts hosts"
    if isinstance(error, requests.exceptions.InvalidSchema) and "SOCKS" in str(error):
        return "a SOCKS proxy is set (HTTPS_PROXY, ALL_PROXY), which takes a package: pip install 'requests[socks]'"
    if isinstance(root, socket.gaierror):
        return f"the host is not found ({reason}); is this computer connected, does it need HTTPS_PROXY?"
    if isinstance(root, TimeoutError):
        return "the server is silent"
    return "the connection broke" if isinstance(error, requests.exceptions.ChunkedEncodingError) else reason


def is_error(value: object) -> bool:
    """Whether a value is an error: urllib3 hands some on that nobody raised."""
    return isinstance(value, BaseException)


def length(path: str) -> int:
    """The bytes of a file, none if there is no file."""
    return os.path.getsize(path) if os.path.exists(path) else 0
