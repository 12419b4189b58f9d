"""A proxy on loopback that records every call: between the functions and the emulator of Vertex AI."""

import gzip
import http.client
import http.server
import json
import socketserver
import threading

LIMIT_S = 90
# Of one connection, not of the call.
HOP_BY_HOP = {"host", "content-length", "connection", "accept-encoding", "transfer-encoding"}


class Recorder:
    """Passes calls on to `upstream`, HOST:PORT, once that is set; `calls` are those that were answered."""

    def __init__(self):
        self.calls = []
        self.upstream = None
        self._ready = threading.Event()
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def _pass(self):
                recorder.handle(self)

            do_GET = do_POST = do_PATCH = do_DELETE = _pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            request_queue_size = 256

        self._server = Server(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def lead_to(self, endpoint):
        """Answers calls from now on, also those that have waited."""
        self.upstream = endpoint.removeprefix("http://")
        self._ready.set()

    def handle(self, caller):
        """Passes one call on, records it, and answers it."""
        length = int(caller.headers.get("content-length") or 0)
        body = caller.rfile.read(length)
        self._ready.wait()
        status, content_type, answer = self._forward(caller, body)
        # Before the answer: what follows from an answer finds it recorded.
        self.calls.append(_call(caller.command, caller.path, body, status, answer))
        caller.send_response(status)
        caller.send_header("content-type", content_type)
        caller.send_header("content-length", str(len(answer)))
        caller.end_headers()
        caller.wfile.write(answer)

    def _forward(self, caller, body):
        upstream = http.client.HTTPConnection(self.upstream, timeout=LIMIT_S)
        headers = {
            name: value for name, value in caller.headers.items() if name.lower() not in HOP_BY_HOP
        }
        upstream.request(caller.command, caller.path, body=body or None, headers=headers)
        answer = upstream.getresponse()
        content = answer.read()
        if answer.getheader("content-encoding") == "gzip":
            content = gzip.decompress(content)
        upstream.close()
        return answer.status, answer.getheader("content-type") or "application/json", content


def _call(method, target, body, status, answer):
    path, _, query = target.partition("?")
    return {
        "method": method,
        "path": path,
        "query": query,
        "request": json.loads(body) if body else None,
        "status": status,
        "answer": json.loads(answer) if answer else None,
    }
