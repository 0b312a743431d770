#!/usr/bin/env python3
"""Waits for the test server kubernetes.

usage: kubernetes_wait.py URL CERTIFICATE_FILE TOKEN_FILE api|node SECONDS
"""

import json
import ssl
import sys
import time
import urllib.request

PERIOD_S = 0.05


class Api:
    """The API server, as its administrator sees it."""

    def __init__(self, url, certificate, token):
        self.url, self.certificate = url, certificate
        with open(token, encoding="utf-8") as file:
            self.headers = {"Authorization": f"Bearer {file.read().strip()}"}

    def get(self, path):
        # It makes its certificate when it starts.
        trusted = ssl.create_default_context(cafile=self.certificate)
        request = urllib.request.Request(self.url + path, headers=self.headers)
        with urllib.request.urlopen(request, timeout=5, context=trusted) as answer:
            return answer.read()

    def answers(self):
        return self.get("/readyz") == b"ok"

    def node_takes_pods(self):
        node = json.loads(self.get("/api/v1/nodes/localhost"))
        account = json.loads(self.get("/api/v1/namespaces/default/serviceaccounts/default"))
        ready = any(known["type"] == "Ready" and known["status"] == "True" for known in node["status"]["conditions"])
        return ready and not node["spec"].get("taints") and bool(account.get("secrets"))


def main():
    url, certificate, token, what, seconds = sys.argv[1:]
    api = Api(url, certificate, token)
    is_there = {"api": api.answers, "node": api.node_takes_pods}[what]
    deadline = time.monotonic() + float(seconds)
    while time.monotonic() < deadline:
        try:
            if is_there():
                return
        # Refused, unavailable, not found: none of it tells more than that it is not there yet.
        except (OSError, ssl.SSLError, KeyError):
            pass
        time.sleep(PERIOD_S)
    sys.exit(1)


if __name__ == "__main__":
    main()
