#!/usr/bin/env python3
"""A double of Google Cloud Run jobs, Vertex AI custom jobs, Cloud Logging and Azure Container Instances.

No server of others runs their containers.

Requests are judged by the vendors' own published schemas, which come with packages of theirs; states, answers and
refusals are written after their documentation, not after recordings. Containers are real ones of the Docker Engine.

usage: python3 cloud_double PORT
"""

import json
import re
import sys
import threading
import traceback
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import arm
import entra
from cloud_logging import CloudLogging
from cloud_run import CloudRun
from container_instances import ContainerInstances
from control import Control
from refused import Refused
from resource_manager import ResourceManager
from tokens import Tokens
from vertex_ai import VertexAi


class Request:
    """What was asked."""

    def __init__(self, handler):
        url = urllib.parse.urlsplit(handler.path)
        length = int(handler.headers.get("Content-Length") or 0)
        self.method = handler.command
        self.path = urllib.parse.unquote(url.path)
        self.query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        self.headers = handler.headers
        self.content = handler.rfile.read(length) if length else b""

    def json(self):
        if not self.content:
            return {}
        if "json" not in (self.headers.get("Content-Type") or ""):
            raise Refused(400, "INVALID_ARGUMENT", "The content type must be application/json.")
        try:
            return json.loads(self.content)
        except ValueError as error:
            raise Refused(400, "INVALID_ARGUMENT", f"Invalid JSON payload received. {error}")


class Double:
    """All services, and who may use them."""

    def __init__(self):
        self.tokens = Tokens()
        self.run = CloudRun()
        self.vertex = VertexAi()
        self.logging = CloudLogging(self.run, self.vertex)
        self.resource_manager = ResourceManager()
        self.container_instances = ContainerInstances()
        self.control = Control(self)

    def answer(self, request):
        if (answer := self.tokens.answer(request)) is not None:
            return answer
        if (answer := entra.answer(request, self.tokens)) is not None:
            return answer
        if request.path.startswith("/_double/"):
            return self.control.answer(request)
        if request.path.startswith("/subscriptions/"):
            return self.container_instances.answer(request, arm.caller_of(self.tokens, request))
        caller = self.tokens.caller(request)
        service = self.service(request)
        if not service:
            raise Refused(404, "NOT_FOUND", f"{request.method} {request.path}: there is no such method")
        return service.answer(request, caller)

    def service(self, request):
        if request.path == "/v2/entries:list":
            return self.logging
        if request.method == "POST" and re.fullmatch(r"/v3/projects/[^/]+:testIamPermissions", request.path):
            return self.resource_manager
        if re.match(r"/v2/projects/[^/]+/locations/", request.path):
            return self.run
        if re.match(r"/v1/projects/[^/]+/locations/[^/]+/customJobs", request.path):
            return self.vertex
        return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body of an answer are written apart; without this, each answer waits for the client's delayed ACK.
    disable_nagle_algorithm = True
    double = None

    def handle_request(self):
        try:
            answer = self.double.answer(Request(self))
            # Azure says more with a status than that it went well.
            status, body = answer if isinstance(answer, tuple) else (200, answer)
        except Refused as refused:
            status, body = refused.status, refused.body()
        except Exception:
            traceback.print_exc()
            status, body = 500, {"error": {"code": 500, "message": "the double has failed: see its log", "status": "INTERNAL"}}
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_request

    def log_message(self, format, *arguments):
        """Nothing: the tests' proxy records requests."""


def main():
    Handler.double = Double()
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer.daemon_threads = True
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    threading.current_thread().name = "server"
    try:
        server.serve_forever()
    finally:
        Handler.double.run.clear()
        Handler.double.vertex.clear()
        Handler.double.container_instances.clear()


if __name__ == "__main__":
    import signal

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    main()
