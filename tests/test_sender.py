"""The loop of a sender: with a real outbox, and a real receiver that fails."""

import random
import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from receiver import OK, receiving

from edge.errors import OutputError
from edge.outputs import Senders
from edge.senders.address import Address
from edge.senders.sender import Backoff, RefusedError, Sender, SendError, SenderState
from edge.senders.webhook import Webhook
from edge.store import Message, NewMessage, Store

SOON = Backoff(0.01, 0.02)


class Scripted:
    """A transport that fails as it is told: an error for each attempt in turn, then none."""

    name, destination = "a test", "webhook"

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.attempts: list[Message] = []
        self.closed = threading.Event()

    def send(self, message: Message) -> None:
        self.attempts.append(message)
        if self.errors:
            raise self.errors.pop(0)

    def close(self) -> None:
        self.closed.set()


class Hanging(Scripted):
    """A transport that hangs until it is closed."""

    def send(self, message: Message) -> None:
        super().send(message)
        self.closed.wait()
        raise SendError("cut off")


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "history.db")
    store.open()
    yield store
    store.close()


def add(store, *bodies: str, destination: str = "webhook") -> None:
    store.outbox.add([NewMessage(destination, "", body.encode()) for body in bodies])


@contextmanager
def sending(transport, store, backoff=SOON):
    said: list[str] = []
    sender = Sender(
        transport, store.outbox, on_notice=said.append, backoff=backoff, generator=random.Random(1)
    )
    sender.said = said
    sender.start()
    try:
        yield sender
    finally:
        sender.close(0.0)


def wait_until(true, seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.005)


def is_empty(store) -> bool:
    return not store.outbox.waiting("webhook")


def bodies(messages) -> list[str]:
    return [message.body.decode() for message in messages]


def test_messages_are_sent_in_their_order_and_leave_the_outbox(store):
    add(store, "a", "b")
    add(store, "x", destination="mqtt")
    transport = Scripted()
    with sending(transport, store) as sender:
        wait_until(lambda: is_empty(store))
        add(store, "c")
        wait_until(lambda: is_empty(store))
        assert sender.state == SenderState("webhook", sent=3)
    assert bodies(transport.attempts) == ["a", "b", "c"]
    assert store.outbox.waiting("mqtt") == 1
    assert not sender.said


def test_a_message_that_fails_is_sent_again_before_those_behind_it_and_it_is_said_once(store):
    add(store, "a", "b")
    transport = Scripted(SendError("no"), SendError("no"), SendError("no"))
    with sending(transport, store) as sender:
        wait_until(lambda: is_empty(store))
    assert bodies(transport.attempts) == ["a"] * 4 + ["b"]
    assert len({message.id for message in transport.attempts}) == 2
    assert sender.said == [
        "a test: no; messages wait, and are sent again",
        "a test: messages get through again",
    ]


def test_the_state_tells_what_is_wrong(store):
    add(store, "a", "b")
    with sending(Scripted(SendError("no")), store, Backoff(600, 600)) as sender:
        wait_until(lambda: sender.state.last_error)
        state = sender.state
    assert state == SenderState("webhook", connected=False, waiting=2, last_error="no")


def test_an_unforeseen_error_is_survived_and_its_text_is_not_told(store):
    add(store, "a")
    with sending(Scripted(ValueError("s3cret")), store) as sender:
        wait_until(lambda: is_empty(store))
    assert sender.said[0] == "a test: failed with ValueError; messages wait, and are sent again"


def test_a_message_that_is_refused_is_given_up_and_those_behind_it_are_sent(store):
    add(store, "a", "b")
    transport = Scripted(RefusedError("too long"))
    with sending(transport, store) as sender:
        wait_until(lambda: is_empty(store))
        assert (sender.state.sent, sender.state.refused, sender.state.connected) == (1, 1, True)
    assert bodies(transport.attempts) == ["a", "b"]
    assert sender.said == [f"a test: too long; message {transport.attempts[0].id} is given up"]


def test_a_message_that_may_be_taken_later_is_sent_again_for_a_while(store):
    add(store, "a")
    transport = Scripted(*[RefusedError("bad", patience_s=0.2)] * 1000)
    with sending(transport, store) as sender:
        wait_until(lambda: is_empty(store))
        assert sender.state.refused == 1
    assert len(transport.attempts) > 2
    assert sender.said[-1].endswith("is given up")


def test_what_a_receiver_asks_for_is_waited_at_least(store):
    add(store, "a")
    transport = Scripted(SendError("later", after_s=0.3))
    with sending(transport, store):
        wait_until(lambda: transport.attempts)
        began = time.monotonic()
        wait_until(lambda: is_empty(store))
    assert time.monotonic() - began > 0.25


def test_a_message_that_cannot_be_acknowledged_is_not_sent_twice(store, monkeypatch):
    add(store, "a", "b")
    transport = Scripted()
    acknowledge, failures = store.outbox.acknowledge, []

    def full(numbers) -> None:
        if len(failures) < 3:
            failures.append(numbers)
            raise OutputError("the disk is full")
        acknowledge(numbers)

    monkeypatch.setattr(store.outbox, "acknowledge", full)
    with sending(transport, store) as sender:
        wait_until(lambda: is_empty(store))
    assert bodies(transport.attempts) == ["a", "b"]
    assert "the disk is full" in sender.said[0]


def test_closing_sends_what_waits(store):
    transport = Scripted()
    with sending(transport, store) as sender:
        add(store, *"abcde")
        sender.close(30.0)
    assert bodies(transport.attempts) == list("abcde") and is_empty(store)
    assert transport.closed.is_set()


def test_closing_does_not_wait_for_what_fails_or_hangs(store):
    add(store, "a")
    for transport in (Scripted(*[SendError("no")] * 1000), Hanging()):
        with sending(transport, store, Backoff(600, 600)) as sender:
            wait_until(lambda transport=transport: transport.attempts)
            sender.close(0.1)
            assert not sender._thread.is_alive()
    assert store.outbox.waiting("webhook") == 1  # and is sent after the next start
    with sending(Scripted(), store):
        wait_until(lambda: is_empty(store))


def test_a_sender_that_was_never_started_can_be_closed(store):
    Sender(Scripted(), store.outbox, on_notice=print).close(0.0)


def test_pauses_grow_up_to_a_limit_and_are_spread_over_all_of_it():
    backoff, generator = Backoff(1.0, 60.0), random.Random(7)
    for failures, most in [(1, 1), (2, 2), (5, 16), (7, 60), (5000, 60)]:
        pauses = [backoff.delay_s(failures, generator) for _ in range(1000)]
        assert 0 <= min(pauses) < 0.02 * most and 0.98 * most < max(pauses) <= most
        assert sum(pauses) / 1000 == pytest.approx(most / 2, rel=0.1)


def test_through_every_fault_of_a_receiver_nothing_is_lost_and_nothing_doubled_by_id(store):
    sent = [f"{k:03}" for k in range(60)]
    faults = [
        500,
        OK,
        "close",
        OK,
        "hang",
        OK,
        503,
        429,
        OK,
        "break_body",
        404,
        OK,
        "break_head",
        "nonsense",
        302,
    ]
    with receiving() as receiver:
        receiver.plan = [*random.Random(3).choices(faults, k=80), OK]
        webhook = Webhook(Address.parse(receiver.url), timeout_s=0.3)
        with sending(webhook, store):
            for body in sent:
                add(store, body)
            wait_until(lambda: is_empty(store), 60)
        first: dict[str, bytes] = {}
        for got in receiver.got:
            first.setdefault(got.headers["webhook-id"], got.body)
            assert first[got.headers["webhook-id"]] == got.body
    assert [body.decode() for body in first.values()] == sent
    assert len(receiver.got) > len(sent)  # there were faults


def test_a_receiver_that_is_away_for_a_while_gets_everything(store):
    with receiving() as before:
        url = before.url
    webhook = Webhook(Address.parse(url), timeout_s=5)
    with sending(webhook, store) as sender:
        add(store, *"abc")
        wait_until(lambda: sender.state.last_error)
        with receiving(port=int(url.split(":")[2].split("/")[0])) as after:
            wait_until(lambda: is_empty(store))
            assert [got.body for got in after.got] == [b"a", b"b", b"c"]
        assert sender.state.connected


def test_what_was_dropped_since_the_start_and_what_waits_is_said_at_the_end():
    sender = SimpleNamespace(state=SenderState("mqtt", dropped=5))
    senders = Senders([sender])
    assert senders.summary() == []
    sender.state = SenderState("mqtt", dropped=8, waiting=2)
    assert senders.summary() == [
        "3 messages for mqtt dropped, as too many waited",
        "2 messages for mqtt will be sent with the next start",
    ]
