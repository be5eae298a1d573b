"""Take digitcam's webhooks and write the values of fields into InfluxDB. Needs nothing but Python.

python influxdb.py 'http://127.0.0.1:8086/write?db=digitcam&precision=ms' 8081

For InfluxDB 2 and 3: 'http://127.0.0.1:8086/api/v2/write?bucket=digitcam&org=home&precision=ms',
with the token in the environment as INFLUX_TOKEN. What is written twice has the same time and is one point:
repeats do not matter.
"""

import json
import os
import sys
import urllib.request
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.error import HTTPError

influxdb, port = sys.argv[1], int(sys.argv[2])
token = os.environ.get("INFLUX_TOKEN")


def line_of(event: dict) -> str:
    """A point in InfluxDB's line protocol; "" where the event has no value."""
    field = event.get("field")
    if not field or event["event"] != "value" or field["value"] is None:
        return ""
    at = round(datetime.fromisoformat(event["captured_at"]).timestamp() * 1000)
    tags = f"device={escaped(event['device'])},name={escaped(field['name'])}"
    return f"digitcam,{tags} value={field['value']},confidence={field['confidence']} {at}"


def escaped(text: str) -> str:
    """A tag's value."""
    for character in ", =":
        text = text.replace(character, "\\" + character)
    return text


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = 204
        if line := line_of(event):
            headers = {"Authorization": f"Token {token}"} if token else {}
            point = urllib.request.Request(influxdb, line.encode(), headers)
            try:
                urllib.request.urlopen(point, timeout=10).close()
            except HTTPError as error:
                status = 422 if error.code == 400 else 503  # never taken, or to be sent again
            except OSError:
                status = 503  # it is away: digitcam keeps the message and sends it again
        self.send_response(status)
        self.end_headers()


HTTPServer(("127.0.0.1", port), Receiver).serve_forever()
