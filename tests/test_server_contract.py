"""The OpenAPI document and the server keep to each other, whatever is asked: Schemathesis."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from serving import serving

pytest.importorskip("fastapi", reason="the web page needs digitcam[web]")
pytest.importorskip("schemathesis", reason="needs schemathesis")

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)


def test_no_request_makes_the_server_fail_or_answer_what_is_not_documented(tmp_path):
    options = ("demo", "--history", tmp_path / "history.db", "--keep-crops", "1MB")
    with serving(*options, env={"XDG_CONFIG_HOME": str(tmp_path)}) as server, server.client() as client:
        end = time.monotonic() + 60
        while client.get("/readyz").status_code != 200 and time.monotonic() < end:
            time.sleep(0.1)
        command = [
            *(Path(sys.executable).with_name("schemathesis"), "run", f"{server.url}/openapi.json"),
            *("--checks", ",".join(CHECKS), "--max-examples", "20", "--seed", "1", "--no-color"),
            *("--exclude-path", "/stream.mjpg"),  # it never ends
        ]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stdout
