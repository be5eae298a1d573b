"""What Prometheus is told."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from prometheus_client.parser import text_string_to_metric_families
from samples import result_of

from edge.senders.sender import SenderState
from edge.server.live import View
from edge.server.metrics import Metrics
from edge.types import FieldReading

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WATER = FieldReading(
    "water", "00123.4", "00123.4", Decimal("123.4"), "m³", "accepted", None, age_s=2.0, accepted_at=NOON
)


def told(metrics: Metrics) -> dict[str, float]:
    """Samples by name and labels, as Prometheus reads them."""
    text = metrics.text().decode()
    return {
        name + "".join(f"{{{key}={value}}}" for key, value in sorted(labels.items())): number
        for family in text_string_to_metric_families(text)
        for name, labels, number, *_ in family.samples
    }


def seen(metrics: Metrics, *fields: FieldReading, ago_s: float = 0.0) -> dict[str, float]:
    result = replace(result_of(), fields=fields)
    metrics.see(View(result=result, trouble="", latency_ms=1000 * ago_s), [])
    return told(metrics)


def metrics(*states: SenderState) -> Metrics:
    return Metrics(connections=lambda: 0, senders=lambda: states)


def test_fields_tell_their_value_age_and_time():
    samples = seen(metrics(), WATER, ago_s=10.0)
    assert samples["digitcam_field_value{field=water}"] == 123.4
    assert samples["digitcam_field_info{field=water}{unit=m³}"] == 1
    assert samples["digitcam_field_refused{field=water}"] == 0
    assert samples["digitcam_field_accepted_timestamp_seconds{field=water}"] == NOON.timestamp()
    assert samples["digitcam_field_age_seconds{field=water}"] == pytest.approx(12.0, abs=5.0)


def test_an_age_goes_on_without_frames():
    counted = metrics()
    before = seen(counted, WATER)["digitcam_field_age_seconds{field=water}"]
    time.sleep(0.05)
    assert told(counted)["digitcam_field_age_seconds{field=water}"] >= before + 0.05


def test_what_is_refused_keeps_its_last_value_and_what_is_not_known_is_not_told():
    refused = replace(WATER, raw="9", status="rejected", problem="limit")
    samples = seen(metrics(), refused, FieldReading("new"))
    assert samples["digitcam_field_value{field=water}"] == 123.4
    assert samples["digitcam_field_refused{field=water}"] == samples["digitcam_field_refused{field=new}"] == 1
    assert "digitcam_field_value{field=new}" not in samples
    assert "digitcam_field_age_seconds{field=new}" not in samples


def test_a_field_that_goes_is_told_no_more():
    counted = metrics()
    seen(counted, WATER)
    assert not any("water" in name for name in seen(counted))


def test_the_outbox_and_its_senders_are_told():
    state = SenderState("webhook", False, waiting=7, dropped=2, sent=5, refused=1, last_error="s3cret")
    samples = told(metrics(state))
    assert samples["digitcam_sender_connected{destination=webhook}"] == 0
    assert samples["digitcam_outbox_messages{destination=webhook}"] == 7
    assert samples["digitcam_outbox_dropped_messages_total{destination=webhook}"] == 2
    assert samples["digitcam_sender_sent_messages_total{destination=webhook}"] == 5
    assert samples["digitcam_sender_refused_messages_total{destination=webhook}"] == 1


def test_no_label_holds_what_was_read():
    counted = metrics()
    seen(counted, WATER)
    assert not any("123" in name for name in told(counted))


def test_without_fields_and_senders_there_is_nothing_of_them():
    assert not any(part in name for name in told(metrics()) for part in ("field", "sender", "outbox"))
