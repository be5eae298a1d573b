"""Puts the server together and runs it: sockets, token, source, children, uvicorn."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from typing import cast

import uvicorn

from edge.errors import EdgeError, UsageError
from edge.field_reader import FieldReader
from edge.fields import Field
from edge.live import LiveLoop
from edge.outputs import Senders, Shared, add_sinks, open_senders, open_store, outputs_of
from edge.provenance import differences, recording_of
from edge.reader import DigitReader
from edge.server.access import Access, default_token_file, read_or_make_token
from edge.server.app import create_app
from edge.server.connections import LIMITS_S, UNREAD_S, Connections, Http, WebSocket
from edge.server.fields_api import wanted
from edge.server.fields_file import FieldsFile
from edge.server.live import Live
from edge.server.metrics import Metrics
from edge.server.uploads import Uploads
from edge.sinks.known_values import load_known
from edge.sources import SourceOptions, find_source, open_source
from edge.sources.base import Notice

SEND_BUFFER = 128 << 10
"""Bytes that the system keeps for a client that does not read: some frames, not seconds of them."""

PING_S = 1.0
"""From one ping of a WebSocket to the next; who does not answer for `UNREAD_S` is dropped."""

END_S = 1.0
"""For the requests under way when the end is asked for."""


def serve(
    args: argparse.Namespace,
    options: SourceOptions,
    fields: Sequence[Field],
    file: FieldsFile,
    say: Notice,
    on_error: Callable[[EdgeError], None],
) -> int:
    """Serve until Ctrl-C or SIGTERM, which are the orderly end.

    Args:
        args: of the verb `serve`.
        options: what the source is asked for.
        fields: what is wanted of it; all numbers where there is none.
        file: the settings file that fields are saved in.
        say: tells whoever started it where it serves, and how its source fares.
        on_error: told of what goes wrong for good, as a video that ends early or a disk that is full.

    Raises:
        UsageError: the address cannot be listened on, or the token file is no good.
        EdgeError: the model or the source cannot be opened.
    """
    with ExitStack() as stack:
        sockets = [stack.enter_context(listener) for listener in _listen(args.host, args.port)]
        token = _token(args, sockets, say)
        digits = DigitReader.of_files(args.model, args.page_model, threads=args.threads)
        name = args.source or find_source()
        connections = Connections(args.trusted_proxy)
        if options.realtime is None:
            options = replace(options, realtime=True)  # a video is watched in its own time
        opening = partial(open_source, name, options, on_error=on_error, on_notice=say)
        known = load_known(args.state) if args.state else {}
        reader = FieldReader(digits, wanted(fields), known=known)
        outputs = outputs_of(args)
        shared = Shared.of(outputs, digits, reader)
        # Closed after the loop, whose sinks finish what they write to it.
        if store := open_store(outputs, say):
            stack.callback(store.close)
        senders = stack.enter_context(Senders(open_senders(outputs, store, shared, say)))
        metrics = Metrics(connections=lambda: len(connections), senders=senders.states)
        loop = stack.enter_context(
            LiveLoop(opening, reader, wait=False, control=shared.control, on_error=on_error, on_notice=say)
        )
        for difference in differences(loop.source, digits):
            say(difference)
        recording = recording_of(loop.source, digits, options)
        add_sinks(loop, outputs, recording, shared=shared, store=store, on_notice=say)
        live = Live(loop, metrics.see, on_error)
        stack.callback(live.close)
        uploads = stack.enter_context(Uploads(args.readers, args.model, args.page_model))
        app = create_app(
            live=live,
            uploads=uploads,
            reader=reader,
            fields=file,
            access=Access(token),
            metrics=metrics,
            senders=senders,
            hosts=_names(args.host, args.allow_host),
            store=store if outputs.history else None,
        )
        config = uvicorn.Config(
            app,
            http=cast(type[asyncio.Protocol], partial(Http, connections)),
            ws=cast(type[asyncio.Protocol], partial(WebSocket, connections)),
            loop="asyncio",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=bool(args.trusted_proxy),
            forwarded_allow_ips=[str(proxy) for proxy in args.trusted_proxy],
            timeout_keep_alive=round(LIMITS_S["idle"]),
            timeout_graceful_shutdown=round(END_S),
            ws_ping_interval=PING_S,
            ws_ping_timeout=UNREAD_S,
            ws_max_size=1 << 16,
            ws_per_message_deflate=False,
        )
        for listener in sockets:
            say(f"serving {live.source} at {_url(listener)}")
        with suppress(KeyboardInterrupt):
            _Server(config, live).run(sockets)
    for line in [*loop.summary(), *senders.summary()]:
        say(line)
    return 0


class _Server(uvicorn.Server):
    """Ends the streams first, for which it would wait."""

    def __init__(self, config: uvicorn.Config, live: Live) -> None:
        super().__init__(config)
        self._live = live

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._live.stop()
        await super().shutdown(sockets)


def _listen(host: str, port: int) -> list[socket.socket]:
    """Listening sockets for an address or a name, one for each address that it has.

    Raises:
        UsageError: there is no such address, or another program listens there.
    """
    listeners: list[socket.socket] = []
    try:
        for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            # A free port is the same for all addresses.
            taken = listeners[0].getsockname()[1] if listeners else port
            listener = socket.create_server((address[0], taken), family=family, backlog=128)
            # Clients' sockets inherit both. asyncio would set the second, but not on sockets made here.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            listeners.append(listener)
    except (OSError, UnicodeError) as error:
        for listener in listeners:
            listener.close()
        raise UsageError(
            f"cannot listen on {host} port {port}: {error}; choose others with --host and --port"
        ) from error
    return listeners


def _token(args: argparse.Namespace, sockets: list[socket.socket], say: Notice) -> str | None:
    """The token that clients must show; None where only this machine can ask.

    A server that is called by another name stands behind a proxy, through which everybody reaches it.
    """
    own = all(_address(listener).is_loopback for listener in sockets)
    if own and args.token_file is None and not args.allow_host and not args.trusted_proxy:
        return None
    path = args.token_file or default_token_file()
    token = read_or_make_token(path)
    say(f"clients must show the token in {path}; the page asks for it once")
    return token


def _names(host: str, others: list[str]) -> list[str]:
    machine = socket.gethostname()
    return ["localhost", machine, f"{machine.partition('.')[0]}.local", host, *others]


def _address(listener: socket.socket) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(listener.getsockname()[0])


def _url(listener: socket.socket) -> str:
    address, port = _address(listener), listener.getsockname()[1]
    name = socket.gethostname() if address.is_unspecified else str(address)
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/"
