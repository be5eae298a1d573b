"""The recipes for sending run as they are written."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import tomllib
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from receiver import OK, receiving

from edge.senders.address import Address
from edge.senders.sender import RefusedError, SendError
from edge.senders.settings import phone_of, webhook_of
from edge.senders.signature import Signer
from edge.senders.webhook import Webhook
from edge.server.metrics import Metrics
from edge.store import Message

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "sending.md").read_text(encoding="utf-8")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def message(k: int, value: float | None = 123.4, event: str = "value") -> Message:
    field = {"name": "cold, water", "value": value, "confidence": 0.97, "unit": "m³"}
    told = {"device": "shed 2", "event": event, "captured_at": "2026-01-01T12:00:00.123Z", "field": field}
    body = json.dumps(told, ensure_ascii=False).encode()
    return Message(k, f"{k:032x}", "webhook", "", body, False, datetime.now(UTC))


@contextmanager
def recipe(name: str, *words: str, env: dict[str, str] | None = None):
    """Run one of the scripts, which listens on the port that comes last; give that port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, DOCS / "sending" / name, *words, str(port)],
        env={**os.environ, **(env or {})},
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                assert process.poll() is None and time.monotonic() < until
                time.sleep(0.05)
        yield port
    finally:
        process.kill()
        process.wait()


def webhook(port: int, signer: Signer | None = None) -> Webhook:
    return Webhook(Address.parse(f"http://127.0.0.1:{port}/"), signer)


def test_the_receiver_checks_signatures_and_keeps_each_event_once(tmp_path):
    pytest.importorskip("standardwebhooks")
    events, secret = tmp_path / "events.jsonl", tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    for _ in range(2):  # it remembers over a restart
        with recipe("receiver.py", str(secret), str(events)) as port:
            signed = webhook(port, Signer.parse(SECRET))
            for k in (1, 1, 2):
                signed.send(message(k))
            with pytest.raises(SendError, match="answers 401"):
                webhook(port).send(message(3))
    kept = [json.loads(line) for line in events.read_text().splitlines()]
    assert [one["id"] for one in kept] == [message(1).id, message(2).id]
    assert kept[0]["field"]["unit"] == "m³"


def test_values_are_written_into_influxdb_as_its_line_protocol():
    with receiving() as influxdb:
        influxdb.plan = [OK, 500, 400, OK]
        with recipe("influxdb.py", influxdb.url, env={"INFLUX_TOKEN": "t0ken"}) as port:
            sending = webhook(port)
            sending.send(message(1))
            with pytest.raises(SendError, match="answers 503"):
                sending.send(message(2))
            with pytest.raises(RefusedError, match="answers 422"):
                sending.send(message(3))
            sending.send(message(4, None))
            sending.send(message(5, event="refused"))
    first, *_ = influxdb.got
    assert len(influxdb.got) == 3
    assert first.headers["Authorization"] == "Token t0ken"
    line = r"digitcam,device=shed\ 2,name=cold\,\ water value=123.4,confidence=0.97 1767268800123"
    assert first.body.decode() == line


def test_the_flow_for_node_red_is_one():
    nodes = json.loads((DOCS / "sending" / "node-red.json").read_text(encoding="utf-8"))
    ids = {node["id"] for node in nodes}
    assert {wire for node in nodes for wires in node.get("wires", []) for wire in wires} <= ids
    assert {"http in", "function", "http response", "file"} <= {node["type"] for node in nodes}


def test_settings_on_the_page_are_taken():
    tables = [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]
    assert len(tables) == 3
    for table in tables:
        if "webhook" in table:
            webhook_of(table["webhook"])
        if "phone" in table:
            phone_of(table["phone"])


@pytest.mark.parametrize(
    ("table", "options"), [("webhook", webhook_of("https://x")), ("phone", phone_of({}))]
)
def test_every_key_is_on_the_page(table, options):
    section = PAGE.split(f"| key of `[{table}]` |")[1].split("\n\n")[0]
    for key in type(options).__dataclass_fields__:
        assert f"| `{key}" in section


def test_every_metric_of_fields_and_senders_is_on_the_page():
    from test_metrics import WATER, seen

    from edge.senders.sender import SenderState

    told = seen(Metrics(lambda: 0, lambda: [SenderState("webhook")]), WATER)
    names = {name.partition("{")[0] for name in told if re.match("digitcam_(field|outbox|sender)", name)}
    assert len(names) == 10
    assert not {name for name in names if f"`{name}" not in PAGE}
