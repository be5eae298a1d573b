"""Webhooks, to a real HTTP server that fails as servers do."""

import datetime as dt
import json
import re
import ssl
import subprocess
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from receiver import OK, receiving
from samples import THRESHOLDS, number, result_of

from edge.errors import UsageError
from edge.events import Changes, FieldEvent
from edge.lines import to_reading
from edge.senders.address import Address
from edge.senders.sender import RefusedError, SendError
from edge.senders.settings import PhoneOptions, WebhookOptions, phone_of, webhook_of
from edge.senders.signature import Signer
from edge.senders.webhook import Webhook, WebhookMessages, judge, open_webhook, tls_context
from edge.store import Message
from edge.types import FieldReading

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def message(k: int = 1, body: bytes = b'{"event":"accepted"}') -> Message:
    return Message(k, f"{k:032x}", "webhook", "", body, False, dt.datetime(2026, 1, 1, tzinfo=dt.UTC))


def failure(webhook: Webhook) -> SendError:
    with pytest.raises(SendError) as caught:
        webhook.send(message())
    return caught.value


@pytest.fixture
def receiver():
    with receiving() as running:
        yield running


@pytest.fixture
def webhook(receiver):
    made = Webhook(Address.parse(receiver.url), timeout_s=10)
    yield made
    made.close()


def test_a_message_is_posted_as_it_is_with_its_id_and_a_signature_that_can_be_checked(receiver):
    standardwebhooks = pytest.importorskip("standardwebhooks")
    body = '{"unit":"m³"}'.encode()
    webhook = Webhook(Address.parse(receiver.url), Signer.parse(SECRET))
    webhook.send(message(7, body))
    webhook.close()
    (got,) = receiver.got
    assert (got.path, got.body) == ("/hook/s3cret", body)
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["webhook-id"] == f"{7:032x}"
    assert "Authorization" not in got.headers
    assert standardwebhooks.Webhook(SECRET).verify(got.body, got.headers) == {"unit": "m³"}
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(SECRET).verify(got.body + b" ", got.headers)


def test_a_user_and_a_password_are_sent_and_not_told(receiver):
    address = Address.parse(receiver.url.replace("http://", "http://me:pa55@"))
    webhook = Webhook(address)
    webhook.send(message())
    receiver.plan = [500]
    told = str(failure(webhook)) + webhook.name + repr(webhook)
    webhook.close()
    assert receiver.got[0].headers["Authorization"] == "Basic bWU6cGE1NQ=="
    assert "pa55" not in told and "s3cret" not in told


def test_a_connection_is_used_again_while_the_server_keeps_it(receiver, webhook):
    for k in range(3):
        webhook.send(message(k))
    assert len({got.client for got in receiver.got}) == 1


def test_a_connection_that_the_server_has_left_is_opened_anew(receiver, webhook):
    receiver.plan = ["leave", OK]
    webhook.send(message(1))
    time.sleep(0.2)  # as far as it takes for the end to arrive
    webhook.send(message(2))
    assert receiver.ids == [message(1).id, message(2).id]


@pytest.mark.parametrize("fault", ["break_head", "break_body", "endless", "drip_head"])
def test_a_status_counts_whatever_becomes_of_the_rest_of_the_answer(receiver, fault):
    webhook = Webhook(Address.parse(receiver.url), timeout_s=0.5)
    receiver.plan = [fault, OK]
    webhook.send(message(1))
    webhook.send(message(2))
    webhook.close()
    assert receiver.ids == [message(1).id, message(2).id]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("close", "closed the connection without an answer"),
        ("nonsense", "expected an answer of HTTP"),
        ("hang", "did not answer within 0.5 s"),
        ("drip", "did not answer within 0.5 s"),
    ],
)
def test_a_server_that_fails_is_told_and_asked_again(receiver, fault, told):
    webhook = Webhook(Address.parse(receiver.url), timeout_s=0.5)
    receiver.plan = [fault, OK]
    error = failure(webhook)
    assert not isinstance(error, RefusedError)
    assert pytest.approx(0) == error.after_s
    assert re.search(told, str(error)), error
    assert "s3cret" not in str(error)
    webhook.send(message())
    webhook.close()
    assert receiver.ids == [message().id] * 2


def test_who_listens_nowhere_is_told():
    with receiving() as gone:
        url = gone.url
    assert "cannot be reached: Connection refused" in str(failure(Webhook(Address.parse(url))))
    unknown = Webhook(Address.parse("http://nowhere.invalid/s3cret"))
    assert "the name of http://nowhere.invalid is not known" in str(failure(unknown))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver, webhook, status):
    with receiving() as elsewhere:
        receiver.plan, receiver.headers = [status], {"Location": elsewhere.url}
        assert "redirects are not followed" in str(failure(webhook))
        assert not elsewhere.got


@pytest.mark.parametrize(
    ("status", "kind", "patience_s"),
    [
        (413, RefusedError, 0),
        (422, RefusedError, 0),
        (400, RefusedError, 600),
        *(
            (status, SendError, 0)
            for status in (401, 403, 404, 405, 408, 410, 415, 425, 429, 500, 502, 503, 599)
        ),
    ],
)
def test_what_would_be_refused_again_is_told_from_what_may_be_taken_later(status, kind, patience_s):
    with pytest.raises(SendError, match=f"https://x answers {status}") as caught:
        judge(status, "", "https://x", now=0.0)
    assert type(caught.value) is kind
    assert getattr(caught.value, "patience_s", 0) == patience_s


@pytest.mark.parametrize(
    ("status", "text", "seconds"),
    [
        (503, "120", 120),
        (429, " 7 ", 7),
        (503, "Thu, 01 Jan 1970 00:01:00 GMT", 60),
        (503, "Thu, 01 Jan 1970 00:00:00 GMT", 0),
        (503, "999999", 3600),
        (503, "9" * 5000, 0),
        (503, "-5", 0),
        (503, "soon", 0),
        (503, "", 0),
    ],
)
def test_a_receiver_may_ask_for_a_pause_within_reason(status, text, seconds):
    with pytest.raises(SendError) as caught:
        judge(status, text, "https://x", now=0.0)
    assert caught.value.after_s == seconds


def test_an_attempt_under_way_is_cut_off_by_closing(receiver):
    webhook = Webhook(Address.parse(receiver.url), timeout_s=60)
    receiver.plan = ["hang"]
    errors = []
    thread = threading.Thread(target=lambda: errors.append(failure(webhook)))
    thread.start()
    receiver.wait_for(1)
    webhook.close()
    thread.join(10)
    assert not thread.is_alive() and errors


def openssl(folder, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def serving_with(folder) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def certificate(folder, name: str = "IP:127.0.0.1") -> ssl.SSLContext:
    made = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem")
    openssl(folder, *made, "-subj", "/CN=receiver", "-addext", f"subjectAltName={name}")
    return serving_with(folder)


def old_certificate(folder) -> ssl.SSLContext:
    """One that has expired, which only an authority can make."""
    (folder / "db").touch()
    (folder / "ca.conf").write_text(
        "[ca]\ndefault_ca = a\n[a]\ndatabase = db\nnew_certs_dir = .\nrand_serial = yes\n"
        "default_md = sha256\npolicy = p\nx509_extensions = e\n[p]\ncommonName = supplied\n"
        "[e]\nsubjectAltName = IP:127.0.0.1\n"
    )
    request = ("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "req.pem")
    openssl(folder, *request, "-subj", "/CN=receiver")
    signing = ("ca", "-batch", "-selfsign", "-config", "ca.conf", "-keyfile", "key.pem", "-in", "req.pem")
    times = ("-startdate", "20200101000000Z", "-enddate", "20200201000000Z")
    openssl(folder, *signing, *times, "-out", "cert.pem")
    return serving_with(folder)


def test_a_self_signed_certificate_is_refused_with_its_cure_and_taken_when_it_is_named(tmp_path):
    with ExitStack() as stack:
        receiver = stack.enter_context(receiving(certificate(tmp_path)))
        address = Address.parse(receiver.url)
        assert address.scheme == "https"
        told = str(failure(Webhook(address)))
        assert "self-signed certificate" in told and "name the file as ca" in told and "s3cret" not in told
        assert not receiver.got
        trusting = Webhook(address, context=tls_context(tmp_path / "cert.pem"))
        stack.callback(trusting.close)
        for k in range(3):
            trusting.send(message(k))
        assert len({got.client for got in receiver.got}) == 1


def test_a_certificate_of_another_name_is_refused(tmp_path):
    with receiving(certificate(tmp_path, name="DNS:elsewhere.example")) as receiver:
        webhook = Webhook(Address.parse(receiver.url), context=tls_context(tmp_path / "cert.pem"))
        assert "write one of the names in the certificate in url" in str(failure(webhook))


def test_a_certificate_of_another_time_is_told_with_the_time_of_this_machine(tmp_path):
    with receiving(old_certificate(tmp_path)) as receiver:
        webhook = Webhook(Address.parse(receiver.url), context=tls_context(tmp_path / "cert.pem"))
        assert "is the clock of this machine right? It says 20" in str(failure(webhook))


def test_a_server_without_tls_is_told(receiver):
    webhook = Webhook(Address.parse(receiver.url.replace("http:", "https:")), timeout_s=10)
    assert "is it http, or another port?" in str(failure(webhook))


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_without_certificates_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    with pytest.raises(UsageError, match=r"^ca: .*ca\.pem"):
        tls_context(tmp_path / "ca.pem")


def test_each_event_that_is_wanted_becomes_a_message_with_the_name_of_the_device():
    changes = Changes()
    reading = to_reading(number("407"), THRESHOLDS, track_id=5)
    (accepted,) = changes.update(result_of(reading))
    (gone,) = changes.end()
    field = FieldReading("water", raw="001", text="001", unit="m³", problem=None, status="accepted")
    value = FieldEvent("value", field, accepted.moment)
    first, second = WebhookMessages(device="shed").messages([accepted, gone, value])
    assert {first.destination, second.destination} == {"webhook"}
    assert json.loads(first.body) == {"device": "shed", **accepted.as_dict()}
    assert json.loads(second.body) == {"device": "shed", **value.as_dict()}
    (only,) = WebhookMessages(["gone"], device="shed").messages([accepted, gone, value])
    assert json.loads(only.body)["event"] == "gone"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"url": "https://x/", "url_file": "f"}, "url: .*found both"),
        ("http://example.org/s3cret", "url: expected https, or this machine, found http://example.org"),
        ("https://me:s3cret@example.org/", "url: .*chmod 600.*url_file"),
        ("https://example.org/?token=s3cret", "url: .*chmod 600.*url_file"),
        ("s3cret", "url: expected a URL"),
        ({"url": "https://x/", "secrets_file": "s3cret"}, "secrets_file: .*nearest known one is secret_file"),
        ({"url": "https://x/", "secret": "s3cret"}, "secret: expected no secret in settings"),
        ({"url": "https://x/", "allow_http": "yes"}, "allow_http: expected true or false"),
        ({"url": "https://x/", "events": ["all"]}, "events: expected some of appeared"),
        ({"url": "https://x/", "events": []}, "events: expected some of appeared"),
        ({"url": "https://x/", "secret_file": 5}, "secret_file: expected the name of a file"),
        ({"url": 5}, "url: expected a text"),
    ],
)
def test_settings_that_make_no_sense_are_told_without_their_secrets(value, told):
    with pytest.raises(UsageError, match=f"^{told}") as caught:
        webhook_of(value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"urls": "tgram://s3cret"}, "urls: expected no secret in settings.*urls_file"),
        ({"refused": "1 h"}, "refused: .*nearest known one is refused_for"),
        ({"refused_for": 3600}, 'refused_for: expected a time such as "90 min", found 3600'),
        ({"gone_for": "soon"}, "gone_for: expected a time"),
        ({"device": ""}, "device: expected a name"),
    ],
)
def test_settings_of_phones_that_make_no_sense_are_told(table, told):
    with pytest.raises(UsageError, match=f"^{told}") as caught:
        phone_of(table)
    assert "s3cret" not in str(caught.value)


def test_settings_are_taken():
    assert webhook_of("https://example.org/a") == WebhookOptions("https://example.org/a")
    options = webhook_of({"url": "http://pi/a", "allow_http": True, "events": ["value"], "ca": "/etc/ca.pem"})
    assert options.events == ("value",) and options.ca.name == "ca.pem"
    assert "pi/a" not in repr(options)
    phone = phone_of({"urls_file": "/etc/phone", "refused_for": "2 h", "gone_for": "90 s"})
    assert phone == PhoneOptions(Path("/etc/phone"), 7200.0, 90.0)


def secret(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_url_and_secret_come_from_files_that_only_their_owner_reads(receiver, tmp_path):
    url = secret(tmp_path / "url", receiver.url.replace("http://", "http://me:pa55@") + "?t0ken\n")
    webhook = open_webhook(WebhookOptions(url_file=url, secret_file=secret(tmp_path / "key", SECRET)), {})
    webhook.send(message())
    webhook.close()
    (got,) = receiver.got
    assert got.path == "/hook/s3cret?t0ken"
    assert got.headers["webhook-signature"].startswith("v1,")


def test_systemd_brings_url_and_secret_as_credentials(receiver, tmp_path):
    secret(tmp_path / "webhook-url", receiver.url)
    secret(tmp_path / "webhook-secret", SECRET)
    webhook = open_webhook(webhook_of({}), {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    webhook.send(message())
    webhook.close()
    assert "webhook-signature" in receiver.got[0].headers


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        ("https://example.org/s3cret", 0o644, "readable by its owner alone.*chmod 600"),
        (
            "http://example.org/s3cret",
            0o600,
            "url: expected https, or this machine, found http://example.org:",
        ),
        ("s3cret", 0o600, "url: expected a URL"),
        ("", 0o600, "found an empty file"),
        (None, 0o600, "cannot read the secret"),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_told_without_what_it_holds(tmp_path, text, mode, told):
    path = tmp_path / "url"
    if text is not None:
        secret(path, text, mode)
    with pytest.raises(UsageError, match=told) as caught:
        open_webhook(WebhookOptions(url_file=path), {})
    assert "s3cret" not in str(caught.value) and str(path) in str(caught.value)


def test_a_bad_secret_is_told_with_its_file_and_without_what_it_holds(tmp_path):
    path = secret(tmp_path / "key", "s3cret")
    with pytest.raises(UsageError, match="key: expected secrets") as caught:
        open_webhook(WebhookOptions("https://example.org", secret_file=path), {})
    assert "s3cret" not in str(caught.value)


def test_without_a_url_nothing_is_posted():
    with pytest.raises(UsageError, match="expected url or url_file"):
        open_webhook(webhook_of({}), {})
