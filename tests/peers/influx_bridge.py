"""The write API of InfluxDB 2 before a real InfluxDB 1: Debian has the 1.6, which does not speak it yet.

POST /api/v2/write?org=acme&bucket=ev1 with the token "secret" goes to /write of the server on --to, and what that says of the
lines comes back in the words of InfluxDB 2: 422 for what the bucket does not take, 400 for what is no line. "down" on standard
input has it answer 503 until "up". The first line on standard output is {"ready": true}. It ends with its standard input.
"""

import argparse
import json
import ssl
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ORG, BUCKET, TOKEN = "acme", "ev1", "secret"
is_down = threading.Event()


class Bridge(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """Writes lines."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if is_down.is_set():
            return self.answer(503, "unavailable", "down for the test")
        if self.headers["Authorization"] != f"Token {TOKEN}":
            return self.answer(401, "unauthorized", "unauthorized access")
        if url.path != "/api/v2/write" or query["org"] != ORG or query["bucket"] != BUCKET:
            return self.answer(404, "not found", f"bucket {query.get('bucket')!r} not found")
        assert query["precision"] == "ns", query
        written = urllib.request.Request(f"http://127.0.0.1:{self.server.to}/write?db={BUCKET}&precision=ns", body)
        try:
            with urllib.request.urlopen(written):
                return self.answer(204, None, None)
        except urllib.error.HTTPError as error:
            message = json.load(error)["error"]
            partial = "partial write" in message or "field type conflict" in message
            return self.answer(*((422, "unprocessable entity") if partial else (400, "invalid")), message)
        except urllib.error.URLError as error:
            return self.answer(503, "unavailable", str(error))

    def answer(self, status, code, message):
        """Answers as InfluxDB 2 does."""
        body = b"" if code is None else json.dumps({"code": code, "message": message}).encode()
        self.send_response(status)
        if body:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing."""


def main():
    """Serves until standard input ends."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--to", type=int, required=True)
    arguments.add_argument("--certificate")
    arguments.add_argument("--key")
    chosen = arguments.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", chosen.port), Bridge)
    server.to = chosen.to
    if chosen.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chosen.certificate, chosen.key)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        (is_down.set if line.strip() == "down" else is_down.clear)()


if __name__ == "__main__":
    main()
