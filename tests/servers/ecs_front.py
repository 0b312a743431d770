#!/usr/bin/env python3
"""A strict front for an emulator of ECS: what AWS would refuse is refused, what it would do once is done once.

Each request is checked against AWS's own models (ecs_model.py) and the documented rules (ecs_rules.py); what passes goes to
the emulator. Requests below /t/NAME/ belong to the test of that name, which sees them, and can ask for faults:

    GET  /_front/NAME/requests           operations, bodies and access keys since the last time
    POST /_front/NAME/faults             {"operation": "RunTask", "times": 1, "fault": …}

A fault is {"answer": {"status": 400, "body": "…"}}, {"reset": "before"}, {"reset": "after"} (the emulator has done it,
and nobody hears), or {"delay_s": 3}.

usage: ecs_front.py PORT BACKEND_PORT
"""

import http.client
import json
import re
import socket
import struct
import sys
import threading
import time
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import ecs_rules
from ecs_model import Model, Refused

TARGETS = {"AmazonEC2ContainerServiceV20141113": "ecs", "Logs_20140328": "logs"}
# What a single StopTask takes, and a wait for a Docker Engine that is busy.
BACKEND_PATIENCE_S = 120


class Lane:
    """What a test has asked for, and what it is to suffer."""

    def __init__(self):
        self.requests = []
        self.faults = []


class Lanes:
    def __init__(self):
        self.lanes = {}
        self.lock = threading.Lock()

    def take(self, name):
        with self.lock:
            lane = self.lanes.setdefault(name, Lane())
            taken, lane.requests = lane.requests, []
        return taken

    def plan(self, name, fault):
        with self.lock:
            self.lanes.setdefault(name, Lane()).faults.append(fault)

    def note(self, name, operation, body, key):
        """Remembers a request; returns the fault that it is to suffer from."""
        with self.lock:
            lane = self.lanes.setdefault(name, Lane())
            lane.requests.append({"operation": operation, "body": body, "key": key})
            for fault in lane.faults:
                if fault["operation"] in (operation, "*"):
                    fault["times"] -= 1
                    if fault["times"] == 0:
                        lane.faults.remove(fault)
                    return fault["fault"]
        return None


class Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body of an answer are written apart; without this, each answer waits for the client's delayed ACK.
    disable_nagle_algorithm = True
    backend_port: int
    models = {service: Model(service) for service in ("ecs", "logs", "ec2")}
    definitions = ecs_rules.Definitions()
    tokens = ecs_rules.Tokens()
    lanes = Lanes()

    def log_message(self, format, *arguments):
        pass

    def handle_request(self):
        self.content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/_front/"):
            return self.control()
        found = re.fullmatch(r"/t/([\w-]+)(/.*)?", self.path)
        self.lane, self.backend_path = (found[1], found[2] or "/") if found else ("", self.path)
        try:
            self.service, self.operation, self.body = self.read_operation()
            fault = self.lanes.note(self.lane, self.operation, self.body, self.access_key())
            self.check_signature()
            status, headers, content = self.suffer(fault)
        except Refused as refused:
            status, headers, content = self.refusal(refused)
        except ConnectionResetError:
            return self.reset()
        self.answer(status, headers, content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_request

    def control(self):
        _, _, name, what = self.path.split("/")
        if what == "requests":
            content = json.dumps(self.lanes.take(name)).encode()
        else:
            self.lanes.plan(name, json.loads(self.content))
            content = b"{}"
        self.answer(200, [("Content-Type", "application/json")], content)

    def read_operation(self):
        """Service, operation and parameters of a request."""
        service, _, operation = self.headers.get("X-Amz-Target", "").partition(".")
        if service in TARGETS:
            if self.headers.get("Content-Type") != "application/x-amz-json-1.1":
                raise Refused("UnknownOperationException", "The content type is not that of JSON 1.1.")
            try:
                return TARGETS[service], operation, json.loads(self.content or b"{}")
            except ValueError as error:
                raise Refused("SerializationException", str(error)) from error
        form = dict(urllib.parse.parse_qsl(self.content.decode(), keep_blank_values=True))
        if "Action" not in form:
            return "other", self.command, {}
        return "ec2", form["Action"], form

    def access_key(self):
        """The key that the request is signed with."""
        found = re.search(r"Credential=([^/]+)/", self.headers.get("Authorization", ""))
        return found[1] if found else None

    def check_signature(self):
        """That the request is signed, for this service. What the signature is worth, only AWS knows."""
        if self.service == "other":
            return
        signed = re.match(
            r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/[\w-]+/(\w+)/aws4_request", self.headers.get("Authorization", "")
        )
        if not signed:
            raise Refused("MissingAuthenticationTokenException", "Missing Authentication Token")
        scope = "ecs" if self.service == "ecs" else self.service
        if signed[1] not in (scope, "sts"):
            raise Refused("InvalidSignatureException", f"Credential should be scoped to correct service: '{scope}'.")

    def suffer(self, fault):
        fault = fault or {}
        time.sleep(fault.get("delay_s", 0))
        if answer := fault.get("answer"):
            return answer["status"], [("Content-Type", "application/x-amz-json-1.1")], answer["body"].encode()
        if fault.get("reset") == "before":
            raise ConnectionResetError
        answer = self.do()
        if fault.get("reset") == "after":
            raise ConnectionResetError
        return answer

    def do(self):
        if self.service in ("ecs", "logs"):
            self.models[self.service].check(self.operation, self.body)
        if self.service != "ecs":
            return self.forward()
        if self.operation == "RegisterTaskDefinition":
            ecs_rules.check_definition(self.body)
        if self.operation == "RunTask":
            return self.run_task()
        if self.operation == "DescribeTasks" and len(self.body["tasks"]) > 100:
            raise ecs_rules.invalid("Tasks cannot have more than 100 elements.")
        if self.operation in ("ListTasks", "DescribeTasks", "StopTask"):
            self.check_cluster()
        return self.noting(self.forward())

    def run_task(self):
        self.check_cluster()

        def run():
            ecs_rules.check_task(self.body, self.definitions.find(self.body["taskDefinition"]))
            return self.forward()

        return self.tokens.once(self.body.get("clientToken"), self.body, run)

    def check_cluster(self):
        """The emulator would make one that is missing."""
        wanted = self.body.get("cluster", "default")
        body = json.dumps({"clusters": [wanted]}).encode()
        headers = [("X-Amz-Target", "AmazonEC2ContainerServiceV20141113.DescribeClusters")]
        _, _, content = self.send("POST", "/", self.same_headers("X-Amz-Target") + headers, body)
        if not any(cluster["status"] == "ACTIVE" for cluster in json.loads(content).get("clusters", [])):
            raise Refused("ClusterNotFoundException", "Cluster not found.")

    def noting(self, answer):
        status, _, content = answer
        if status == 200 and self.operation in ("RegisterTaskDefinition", "DeregisterTaskDefinition"):
            self.definitions.note(json.loads(content)["taskDefinition"])
        return answer

    def forward(self):
        return self.send(self.command, self.backend_path, self.same_headers(), self.content)

    def same_headers(self, *without):
        skipped = {"connection", "expect", "content-length", *(name.lower() for name in without)}
        return [(name, value) for name, value in self.headers.items() if name.lower() not in skipped]

    def send(self, method, path, headers, content):
        connection = http.client.HTTPConnection("127.0.0.1", self.backend_port, timeout=BACKEND_PATIENCE_S)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in [*headers, ("Content-Length", str(len(content)))]:
                connection.putheader(name, value)
            connection.endheaders(content or None)
            response = connection.getresponse()
            kept = [(name, value) for name, value in response.getheaders() if name.lower() == "content-type"]
            return response.status, kept, response.read()
        finally:
            connection.close()

    def refusal(self, refused):
        if getattr(self, "service", "ecs") == "ec2":
            text = f"<Response><Errors><Error><Code>{refused.code}</Code><Message>{refused}</Message></Error></Errors></Response>"
            return refused.status, [("Content-Type", "text/xml")], text.encode()
        content = json.dumps({"__type": refused.code, "message": str(refused)}).encode()
        return refused.status, [("Content-Type", "application/x-amz-json-1.1")], content

    def reset(self):
        """Ends the connection as a broken network does."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def answer(self, status, headers, content):
        self.send_response_only(status)
        for name, value in [*headers, ("x-amzn-RequestId", str(uuid.uuid4())), ("Content-Length", str(len(content)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    port, Front.backend_port = int(sys.argv[1]), int(sys.argv[2])
    ThreadingHTTPServer.request_queue_size = 256
    ThreadingHTTPServer(("127.0.0.1", port), Front).serve_forever()
