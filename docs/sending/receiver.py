"""Take digitcam's webhooks and append each event once to a file of JSON lines.

pip install standardwebhooks
python receiver.py /etc/digitcam/webhook.secret events.jsonl 8080
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from standardwebhooks import Webhook, WebhookVerificationError

secret, events, port = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
webhook = Webhook(secret.read_text().split()[0])
seen = {json.loads(line)["id"] for line in events.open()} if events.exists() else set()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            event = webhook.verify(body, dict(self.headers))
        except WebhookVerificationError:
            self.send_error(401)
            return
        message_id = self.headers["webhook-id"]
        if message_id not in seen:  # a message comes again where our answer was lost
            with events.open("a") as file:
                print(json.dumps({"id": message_id, **event}), file=file, flush=True)
                os.fsync(file.fileno())  # only then do we say that we have it
            seen.add(message_id)
        self.send_response(204)
        self.end_headers()


HTTPServer(("127.0.0.1", port), Receiver).serve_forever()
