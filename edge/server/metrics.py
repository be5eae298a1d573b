"""What Prometheus can ask for. No label ever holds what was read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from edge.events import AnyEvent
from edge.server.live import View

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Of the histograms: a few digits on a desktop take milliseconds, a crowded page on a slow board a second."""


class Metrics:
    """Counts and measures what a server does.

    Args:
        connections: how many are open now.
    """

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, connections: Callable[[], int]) -> None:
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
