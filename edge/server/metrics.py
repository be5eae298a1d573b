"""What Prometheus can ask for, named as its guide has it. No label ever holds what was read.

The guide: https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from edge.events import AnyEvent
from edge.senders.sender import SenderState
from edge.server.live import View
from edge.types import FieldReading

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Of the histograms: a few digits on a desktop take milliseconds, a crowded page on a slow board a second."""


class Metrics:
    """Counts and measures what a server does.

    Args:
        connections: how many are open now.
        senders: how those that send messages fare.
    """

    content_type = CONTENT_TYPE_LATEST

    def __init__(
        self, connections: Callable[[], int], senders: Callable[[], Sequence[SenderState]] = tuple
    ) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._frames = Counter("digitcam_frames", "Frames read", registry=self._registry)
        self._dropped = Counter("digitcam_frames_dropped", "Frames given up", registry=self._registry)
        self._failed = Counter(
            "digitcam_frames_failed", "Frames that could not be read", registry=self._registry
        )
        self._events = Counter(
            "digitcam_events", "What became of numbers", ["event"], registry=self._registry
        )
        self._latency = Histogram(
            "digitcam_latency_seconds", "Capture to reading", buckets=BUCKETS_S, registry=self._registry
        )
        self._stages = Histogram(
            "digitcam_stage_seconds", "Each stage", ["stage"], buckets=BUCKETS_S, registry=self._registry
        )
        self._uploads = Counter("digitcam_uploads", "Uploads, by status", ["status"], registry=self._registry)
        self._upload = Histogram(
            "digitcam_upload_seconds", "Uploads that were read", buckets=BUCKETS_S, registry=self._registry
        )
        self.viewers = Gauge("digitcam_viewers", "Streams and WebSockets", registry=self._registry)
        Gauge("digitcam_connections", "Open connections", registry=self._registry).set_function(connections)
        self._dropped_before = self._failed_before = 0
        self._fields = _Fields()
        self._registry.register(self._fields)
        self._registry.register(_Senders(senders))

    def see(self, view: View, events: Sequence[AnyEvent]) -> None:
        """Count what a frame brought."""
        for event in events:
            self._events.labels(event.kind).inc()
        self._dropped.inc(view.dropped - self._dropped_before)
        self._dropped_before = view.dropped
        self._failed.inc(view.failed - self._failed_before)
        self._failed_before = view.failed
        if view.trouble or view.result is None:
            return
        self._frames.inc()
        # Not by the time of the frame, which in a file is that of the recording.
        self._fields.take(view.result.fields, time.monotonic() - view.latency_ms / 1000)
        self._latency.observe(view.latency_ms / 1000)
        for stage, milliseconds in asdict(view.result.speed).items():
            self._stages.labels(stage).observe(milliseconds / 1000)

    def upload(self, status: int, seconds: float) -> None:
        """Count an upload, by the status of its answer, and measure one that was read."""
        self._uploads.labels(str(status)).inc()
        if status == 200:
            self._upload.observe(seconds)

    def text(self) -> bytes:
        """All of it, in Prometheus's own format."""
        return generate_latest(self._registry)


class _Fields(Collector):
    """The fields of the newest frame, made when they are asked for: their age goes on without frames."""

    def __init__(self) -> None:
        self._fields: Sequence[FieldReading] = ()
        self._at = 0.0

    def take(self, fields: Sequence[FieldReading], at: float) -> None:
        """Take what is known of the fields in a frame, and when it was captured, seconds, monotonic."""
        self._fields, self._at = fields, at

    def collect(self) -> Iterator[Metric]:
        """What is known of them now."""
        if not self._fields:
            return
        since_frame = max(0.0, time.monotonic() - self._at)
        info = InfoMetricFamily("digitcam_field", "The fields that are wanted", labels=["field"])
        value = GaugeMetricFamily(
            "digitcam_field_value",
            "The value accepted last, in the unit of the field",
            labels=["field"],
        )
        age = GaugeMetricFamily(
            "digitcam_field_age_seconds", "Time since the value was last read", labels=["field"]
        )
        when = GaugeMetricFamily(
            "digitcam_field_accepted_timestamp_seconds", "When the value was last read", labels=["field"]
        )
        refused = GaugeMetricFamily(
            "digitcam_field_refused", "Whether what is there now is not accepted (1)", labels=["field"]
        )
        for field in self._fields:
            name = [field.name]
            info.add_metric(name, {"unit": field.unit})
            refused.add_metric(name, float(field.problem is not None))
            if field.value is not None:
                value.add_metric(name, float(field.value))
            if field.age_s is not None:
                age.add_metric(name, field.age_s + since_frame)
            if field.accepted_at is not None:
                when.add_metric(name, field.accepted_at.timestamp())
        yield from (info, value, age, when, refused)


class _Senders(Collector):
    """What waits to be sent, and how those fare that send it, by destination."""

    def __init__(self, states: Callable[[], Sequence[SenderState]]) -> None:
        self._states = states

    def collect(self) -> Iterator[Metric]:
        """How they fare now."""
        states = self._states()
        if not states:
            return
        by = ["destination"]
        connected = GaugeMetricFamily(
            "digitcam_sender_connected", "Whether messages get through (1)", labels=by
        )
        waiting = GaugeMetricFamily("digitcam_outbox_messages", "Messages that wait to be sent", labels=by)
        dropped = CounterMetricFamily(
            "digitcam_outbox_dropped_messages", "Messages dropped because too many were waiting", labels=by
        )
        sent = CounterMetricFamily("digitcam_sender_sent_messages", "Messages that have arrived", labels=by)
        refused = CounterMetricFamily(
            "digitcam_sender_refused_messages", "Messages that the receiver does not take", labels=by
        )
        for state in states:
            to = [state.destination]
            connected.add_metric(to, float(state.connected))
            waiting.add_metric(to, state.waiting)
            dropped.add_metric(to, state.dropped)
            sent.add_metric(to, state.sent)
            refused.add_metric(to, state.refused)
        yield from (connected, waiting, dropped, sent, refused)
