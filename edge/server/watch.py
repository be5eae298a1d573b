"""The live view: what was read, what changed, and the picture."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response, WebSocket
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.websockets import WebSocketDisconnect

from edge.aim import LIMITS, Aim, Aiming, Trend, measure_all
from edge.events import AnyEvent
from edge.field_reader import FieldReader
from edge.overlay import draw, encode
from edge.planes import to_grey
from edge.server import schema
from edge.server.answers import with_glyphs
from edge.server.live import Live, View
from edge.server.metrics import Metrics
from edge.server.problems import Problem, documented
from edge.server.queries import known_keys
from edge.types import Frame, Result

BOUNDARY = "frame"

AIM_S = 1.0
"""A person moves the camera and looks: more often tells nothing new."""

Since = Annotated[int | None, Query(ge=0, description="number of the last event that is known already")]


def live_api(live: Live, metrics: Metrics, reader: FieldReader) -> APIRouter:
    """What the source shows.

    Args:
        live: reads it.
        metrics: counts who watches.
        reader: of its frames; knows from which confidence on a digit is shown.
    """
    api = APIRouter(tags=["live"], dependencies=[Depends(known_keys)], responses=documented(422))

    @api.get(
        "/v1/readings",
        response_class=JSONResponse,
        responses={200: {"model": schema.Readings}, **documented(422)},
    )
    async def readings(
        since: Since = None,
        glyphs: Annotated[bool, Query(description="show what the network saw of each digit")] = False,
    ) -> Response:
        """The newest frame's readings; with `since`, also what has changed after that event."""
        latest = await live.made(with_glyphs) if glyphs else None
        view, last_event = live.view, live.last_event
        if not glyphs and view.result is not None:
            latest = view.result.as_dict()
        return JSONResponse(
            {
                "latest": latest,
                "camera": _camera(live.source, view),
                "events": [] if since is None else [_event(*numbered) for numbered in live.events(since)],
                "last_event": last_event,
            }
        )

    @api.get("/v1/aim", response_class=JSONResponse, responses={200: {"model": schema.Aiming}})
    async def aim() -> Response:
        """How well the newest frame shows its numbers, how the last were read, and what to do about it."""
        return JSONResponse(await _aiming(live, reader))

    @api.websocket("/v1/events")
    async def events(socket: WebSocket, since: Since = None, frames: bool = False) -> None:
        """A JSON message for each event; with `frames`, also one for each frame, and each second an aim."""
        await socket.accept()
        with metrics.viewers.track_inprogress():
            sending = asyncio.create_task(_send_events(socket, live, since, frames, reader))
            gone = asyncio.create_task(_gone(socket))
            _, rest = await asyncio.wait([sending, gone], return_when=asyncio.FIRST_COMPLETED)
            for task in rest:
                task.cancel()

    @api.get("/v1/events", include_in_schema=False)
    async def no_events() -> Response:
        raise Problem(
            426,
            "expected a WebSocket at /v1/events, found a plain GET: connect to it as ws://, "
            "or ask for /v1/readings?since=0",
            {"Upgrade": "websocket", "Connection": "Upgrade"},
        )

    @api.get(
        "/stream.mjpg",
        response_class=StreamingResponse,
        responses={200: {"content": {f"multipart/x-mixed-replace; boundary={BOUNDARY}": {}}}},
    )
    async def stream(
        at: Annotated[str, Query(description="anything: a new address, as browsers keep pictures")] = "",
    ) -> Response:
        """The picture, live, as Motion JPEG; boxes are drawn by whoever shows it."""
        kind = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
        return StreamingResponse(_parts(live, metrics), headers={"Content-Type": kind})

    @api.get(
        "/snapshot.jpg",
        response_class=Response,
        responses={200: {"content": {"image/jpeg": {}}}, **documented(422, 503)},
    )
    async def snapshot(
        annotate: Annotated[bool, Query(description="draw the readings on it")] = False,
    ) -> Response:
        """The newest frame."""
        result = live.view.result
        picture = None
        if annotate:
            picture = await live.made(_annotated)
        elif result is not None:
            picture = await live.jpeg(result.frame)
        if picture is None:
            raise Problem(503, f"no frame from {live.source}: {live.view.trouble}")
        return Response(picture, media_type="image/jpeg")

    return api


def _aims(result: Result) -> dict[str, Aim]:
    frame = result.frame
    return measure_all(to_grey(frame.image) if frame.grey is None else frame.grey, result)


def _annotated(result: Result) -> bytes:
    return encode(draw(result.frame.image, result.readings), ".jpg")


async def _parts(live: Live, metrics: Metrics) -> AsyncIterator[bytes]:
    shown: Frame | None = None
    with metrics.viewers.track_inprogress():
        # The boundary goes behind each picture: browsers show it when they see where it ends.
        yield f"--{BOUNDARY}\r\n".encode()
        async for view in live.views():
            if view.result is None or view.result.frame is shown:
                continue
            shown = view.result.frame
            jpeg = await live.jpeg(shown)
            head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\nX-Frame-Id: {shown.frame_id}"
            yield b"%b\r\n\r\n%b\r\n--%b\r\n" % (head.encode(), jpeg, BOUNDARY.encode())


async def _aiming(live: Live, reader: FieldReader) -> dict[str, Any]:
    """How well the newest frame shows its numbers, measured once for all who ask."""
    aims, trends = await live.made(_aims) or {}, live.view.trends
    told = [Aiming(aim, trends.get(name, Trend()), name).as_dict() for name, aim in aims.items()]
    return {
        "picture": told[0] if told else None,
        "fields": told[1:],
        "limits": {**LIMITS.as_dict(), "confidence": reader.reader.road.thresholds.accept},
    }


async def _send_events(
    socket: WebSocket, live: Live, since: int | None, frames: bool, reader: FieldReader
) -> None:
    seen = live.last_event if since is None else since
    shown: View | None = None
    aimed = -math.inf
    try:
        async for view in live.views():
            for number, event in live.events(seen):
                await socket.send_text(json.dumps(_event(number, event)))
                seen = number
            if frames and view is not shown:
                shown = view
                await socket.send_text(_frame(live.source, view))
                if time.monotonic() - aimed >= AIM_S:
                    aimed = time.monotonic()
                    await socket.send_text(json.dumps({"event": "aim", **await _aiming(live, reader)}))
        await socket.close(1001)
    except WebSocketDisconnect:
        pass


async def _gone(socket: WebSocket) -> None:
    """Wait until the client has gone; what it sends is not asked for."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


@lru_cache(maxsize=1)
def _frame(source: str, view: View) -> str:
    """The message of a frame, made once for all viewers."""
    result = view.result.as_dict() if view.result else None
    return json.dumps({"event": "frame", "camera": _camera(source, view), "result": result})


def _camera(source: str, view: View) -> dict[str, Any]:
    return {
        "source": source,
        "frames_per_second": round(view.frames_per_second, 1),
        "latency_ms": round(view.latency_ms, 1),
        "dropped": view.dropped,
        "failed": view.failed,
        "trouble": view.trouble,
        "failures": list(view.failures),
    }


def _event(number: int, event: AnyEvent) -> dict[str, Any]:
    return {"id": number, **event.as_dict()}
