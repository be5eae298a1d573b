import traceback

import pytest

from edge.errors import UsageError
from edge.senders.address import Address, holds_secret


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("https://example.org", "https://example.org", "/"),
        ("HTTPS://Example.org:443/a?b=c", "https://example.org", "/a?b=c"),
        ("http://[::1]:8080/x", "http://[::1]:8080", "/x"),
        ("http://localhost?x", "http://localhost", "/?x"),
        ("https://u:p@example.org:8443/", "https://example.org:8443", "/"),
    ],
)
def test_of_a_url_only_the_origin_is_told(url, origin, path):
    address = Address.parse(url)
    assert (address.origin, address.path) == (origin, path)


def test_a_user_and_a_password_become_a_header():
    # RFC 7617's own example.
    address = Address.parse("https://Aladdin:open%20sesame@example.org/")
    assert address.authorization == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert Address.parse("https://example.org/").authorization == ""


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://example.org/", True),
        ("http://localhost/", True),
        ("http://pi.localhost/", True),
        ("http://127.3.2.1/", True),
        ("http://[::1]/", True),
        ("http://example.org/", False),
        ("http://192.168.1.2/", False),
        ("http://localhost.example.org/", False),
        ("http://127.0.0.1.nip.io/", False),
        ("http://2130706433/", False),
    ],
)
def test_what_is_encrypted_or_stays_on_this_machine_is_safe(url, safe):
    assert Address.parse(url).is_safe is safe


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org/s3cret",
        "ftp://example.org/s3cret",
        "file:///etc/s3cret",
        "https:///s3cret",
        "https://s3cret@/",
        "https://example.org:s3cret/",
        "https://example.org:99999/s3cret",
        "https://[s3cret/",
        "https://example.org/s3cret space",
        "https://example.org/s3cret\r\nX: y",
        "https://bücher.example/s3cret",
        "https://example.org/#s3cret",
    ],
)
def test_what_is_no_url_is_refused_and_never_told(url):
    with pytest.raises(UsageError, match="expected a URL") as caught:
        Address.parse(url)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


def test_what_a_url_keeps_secret_is_not_in_what_is_shown_of_it():
    shown = repr(Address.parse("https://user:pass@example.org/hook/s3cret?token=t0ken"))
    assert not any(secret in shown for secret in ("user", "pass", "s3cret", "t0ken", "Basic"))


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("https://example.org/hook", False),
        ("https://example.org/hook?token=1", True),
        ("https://user@example.org/", True),
        ("https://:pass@example.org/", True),
    ],
)
def test_a_url_with_a_user_or_a_query_holds_a_secret(url, secret):
    assert holds_secret(url) is secret
