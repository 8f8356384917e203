"""Certificates, proxies and redirects of downloads."""

import re
import ssl
import sys

import pytest
import requests
import trustme
from misbehaving_server import (
    contents,
)

from system import fetch


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
