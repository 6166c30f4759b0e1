"""Serves /health, /ready and /predict_one on port 8000."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from service import predict


class Handler(BaseHTTPRequestHandler):
    """Answers with JSON."""

    def do_GET(self) -> None:
        """Answer /health and /ready."""
        self._answer(200, {"status": "ok"})

    def do_POST(self) -> None:
        """Answer /predict_one."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        text = json.loads(body)["text"]
        self._answer(200, {"input": text, "prediction": predict(text)})

    def _answer(self, status: int, value: dict[str, str]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("", 8000), Handler).serve_forever()
