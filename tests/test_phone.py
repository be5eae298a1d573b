"""Alerts, through the real Apprise, to a server of this test."""

import importlib.util
import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from receiver import OK, receiving

from edge.alerts import Alert
from edge.errors import UsageError
from edge.senders.phone import Phone, Services, open_phone
from edge.senders.sender import RefusedError, SendError
from edge.senders.settings import PhoneOptions
from edge.store import Message

if importlib.util.find_spec("apprise") is None:
    pytest.skip("needs digitcam[phone]", allow_module_level=True)


def message(k: int = 1) -> Message:
    made_at = datetime(2026, 1, 1, 12, tzinfo=UTC)
    body = Alert("shed: water is not read", "It has taken no value for 60 min.").as_bytes()
    return Message(k, f"{k:032x}", "phone", "", body, False, made_at)


def address(receiver) -> str:
    """Of Apprise's service for JSON by HTTP."""
    return receiver.url.replace("http://", "json://me:pa55@")


def test_an_alert_reaches_each_service_once():
    with receiving() as one, receiving() as other:
        other.plan = [500, OK]
        phone = Phone(Services((address(one), address(other))))
        with pytest.raises(SendError, match="JSON did not take an alert"):
            phone.send(message())
        phone.send(message())
        assert (len(one.got), len(other.got)) == (1, 2)
        told = json.loads(one.got[0].body)
        assert told["title"] == "shed: water is not read"
        assert told["message"].startswith("It has taken no value for 60 min.\n2026-01-01 ")
        assert told["type"] == "warning"
        phone.close()
        with pytest.raises(SendError, match="closed"):
            phone.send(message())


def test_a_service_that_fails_while_others_have_the_alert_is_not_waited_for_for_ever():
    with receiving() as one, receiving() as broken:
        broken.plan = [500]
        phone = Phone(Services((address(broken), address(one))))
        for _ in range(2):
            with pytest.raises(
                RefusedError, match="JSON did not take an alert, other services did"
            ) as caught:
                phone.send(message())
            assert caught.value.patience_s == 600
        assert (len(one.got), len(broken.got)) == (1, 2)


def test_a_service_that_hangs_is_ended_and_no_process_list_shows_its_secret():
    with receiving() as receiver:
        receiver.plan = ["hang"]
        phone = Phone(Services((address(receiver),)))
        errors = []
        thread = threading.Thread(target=lambda: errors.append(failure(phone)))
        thread.start()
        receiver.wait_for(1, 60)
        shown = [command.read_bytes() for command in Path("/proc").glob("[0-9]*/cmdline") if command.exists()]
        assert any(b"edge.senders.phone:notify" in command for command in shown)
        assert not any(b"pa55" in command for command in shown)
        phone.close()
        thread.join(30)
    assert "Apprise failed" in str(errors[0])


def failure(phone: Phone) -> SendError:
    with pytest.raises(SendError) as caught:
        phone.send(message())
    return caught.value


def test_a_service_that_takes_too_long_is_told():
    with receiving() as receiver:
        receiver.plan = ["hang"]
        phone = Phone(Services((address(receiver),)), timeout_s=0.5)
        assert "Apprise failed: it took more than 0.5 s" in str(failure(phone))


def test_an_address_that_apprise_does_not_know_is_told_without_its_secret():
    phone = Phone(Services(("nowhere://pa55/s3cret",)))
    with pytest.raises(SendError, match=r"nowhere:// \(no service of Apprise\)") as caught:
        phone.send(message())
    assert "pa55" not in str(caught.value) and "s3cret" not in str(caught.value)


def test_addresses_are_lines_of_a_file_and_never_shown():
    services = Services.parse("# mine\n\ntgram://t0ken/1\n  mailto://me:pa55@example.org\n")
    assert services.urls == ("tgram://t0ken/1", "mailto://me:pa55@example.org")
    assert "t0ken" not in repr(services) + repr(Phone(services))


@pytest.mark.parametrize(
    ("text", "told"), [("", "found none"), ("# t0ken\n", "found none"), ("json://x\nt0ken\n", "in line 2")]
)
def test_a_file_without_addresses_is_refused(text, told):
    with pytest.raises(UsageError, match=told) as caught:
        Services.parse(text)
    assert "t0ken" not in str(caught.value)


def test_addresses_come_from_a_file_that_only_its_owner_reads(tmp_path):
    path = tmp_path / "urls"
    path.write_text("t0ken")
    with pytest.raises(UsageError, match="chmod 600"):
        open_phone(PhoneOptions(path), {})
    path.chmod(0o600)
    with pytest.raises(UsageError, match="urls: expected addresses") as caught:
        open_phone(PhoneOptions(path), {})
    assert "t0ken" not in str(caught.value)
    with pytest.raises(UsageError, match="expected urls_file"):
        open_phone(PhoneOptions(), {})
    path.rename(tmp_path / "phone-urls").write_text("json://t0ken")
    assert open_phone(PhoneOptions(), {"CREDENTIALS_DIRECTORY": str(tmp_path)}).name == "alerts to phones"
