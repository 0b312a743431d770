"""Containers of the Docker Engine of this machine, through its API: https://docs.docker.com/reference/api/engine/"""

import http.client
import json
import os
import socket
import struct
import urllib.parse

SOCKET = "/var/run/docker.sock"
ANSWER_TIMEOUT_S = 60
# Containers carry it, so that nobody else's are ever touched.
LABEL = "longshore.test.cloud-double"


class Failed(Exception):
    """What the engine refuses."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Connection(http.client.HTTPConnection):
    def __init__(self, timeout):
        super().__init__("docker", timeout=timeout)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(SOCKET)


def call(method, path, body=None, timeout=ANSWER_TIMEOUT_S):
    connection = Connection(timeout)
    try:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    if response.status >= 400:
        message = json.loads(content).get("message", "") if content.startswith(b"{") else content.decode(errors="replace")
        raise Failed(response.status, message)
    return content


def has_image(name):
    try:
        call("GET", f"/images/{urllib.parse.quote(name, safe=':/@')}/json")
    except Failed as failed:
        if failed.status == 404:
            return False
        raise
    return True


class Container:
    """One container, created and not started."""

    def __init__(self, image, entrypoint, arguments, env, memory_bytes, cpus):
        host = {
            "Memory": memory_bytes,
            "MemorySwap": memory_bytes,
            "NanoCpus": int(min(cpus, os.cpu_count()) * 1e9),
            "ExtraHosts": ["host.docker.internal:host-gateway"],
        }
        body = {
            "Image": image,
            "Env": [f"{name}={value}" for name, value in env.items()],
            "Labels": {LABEL: str(os.getpid())},
            "HostConfig": host,
        }
        if entrypoint:
            body["Entrypoint"] = entrypoint
        if arguments:
            body["Cmd"] = arguments
        self.id = json.loads(call("POST", "/containers/create", body))["Id"]
        self.kept = None

    def start(self):
        call("POST", f"/containers/{self.id}/start")

    def wait(self):
        """Its exit code, and whether it was killed for its memory."""
        code = json.loads(call("POST", f"/containers/{self.id}/wait", timeout=None))["StatusCode"]
        state = json.loads(call("GET", f"/containers/{self.id}/json"))["State"]
        return code, state["OOMKilled"]

    def stop(self, grace_s):
        try:
            call("POST", f"/containers/{self.id}/stop?t={grace_s}", timeout=grace_s + ANSWER_TIMEOUT_S)
        except Failed as failed:
            # It has ended meanwhile.
            if failed.status not in (304, 404, 409):
                raise

    def lines(self):
        """What it has put out: pairs of time and line, in order, with the stream of each."""
        if self.kept is not None:
            return self.kept
        content = call("GET", f"/containers/{self.id}/logs?stdout=1&stderr=1&timestamps=1")
        return list(lines(content))

    def keep_lines(self):
        self.kept = self.lines()

    def remove(self):
        try:
            call("DELETE", f"/containers/{self.id}?force=1")
        except Failed as failed:
            if failed.status not in (404, 409):
                raise


def lines(content):
    """Frames of the engine's two streams, as lines: (time, stream, text)."""
    place, parts = 0, {1: b"", 2: b""}
    while place + 8 <= len(content):
        stream, length = struct.unpack(">BxxxI", content[place : place + 8])
        place += 8
        parts[stream] += content[place : place + length]
        place += length
        while b"\n" in parts[stream]:
            line, parts[stream] = parts[stream].split(b"\n", 1)
            yield parsed(stream, line)
    for stream, rest in parts.items():
        if rest:
            yield parsed(stream, rest)


def parsed(stream, line):
    time, _, text = line.decode(errors="replace").partition(" ")
    return time, "stdout" if stream == 1 else "stderr", text.rstrip("\r")
