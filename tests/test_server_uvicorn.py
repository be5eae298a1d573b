"""What `edge.server.connections` relies on inside uvicorn, of which uvicorn promises nothing."""

import inspect

import pytest

pytest.importorskip("fastapi", reason="the web page needs digitcam[web]")

from uvicorn import Server
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


@pytest.mark.parametrize(
    ("owner", "methods"),
    [
        (
            H11Protocol,
            "connection_made connection_lost data_received on_response_complete send_400_response "
            "pause_writing resume_writing",
        ),
        (WebSocketsSansIOProtocol, "connection_made connection_lost pause_writing resume_writing"),
        (Server, "run shutdown"),
    ],
)
def test_the_methods_that_are_extended_are_there(owner, methods):
    for name in methods.split():
        assert callable(getattr(owner, name))


@pytest.mark.parametrize(
    ("owner", "attributes"),
    [
        (H11Protocol, ["conn", "cycle", "flow", "loop", "transport"]),
        (RequestResponseCycle, ["response_started", "response_complete"]),
    ],
)
def test_the_attributes_that_are_read_are_set_when_a_connection_begins(owner, attributes):
    source = inspect.getsource(owner.__init__)
    for name in attributes:
        assert f"self.{name}" in source
