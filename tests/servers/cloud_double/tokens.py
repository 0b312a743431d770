"""Who asks: gives out tokens, knows them again, and knows what their owners may do."""

import threading
import time
import urllib.parse
import uuid

from refused import Refused

LIFETIME_S = 3600


class Caller:
    """Somebody with a refresh token. Without grants, they may do everything."""

    def __init__(self, name):
        self.name = name
        self.grants = None
        self.used = set()
        self.tokens = {}
        self.lifetime_s = LIFETIME_S
        self.count = 0
        self.is_revoked = False

    def check(self, permission, resource):
        """Refuses what was not granted."""
        self.used.add(permission)
        if self.grants is not None and permission not in self.grants:
            message = f"Permission '{permission}' denied on resource '{resource}' (or resource may not exist)."
            raise Refused(403, "PERMISSION_DENIED", message)


class Tokens:
    def __init__(self):
        self.lock = threading.Lock()
        self.callers = {}

    def of(self, name):
        with self.lock:
            return self.callers.setdefault(name, Caller(name))

    def answer(self, request):
        """The answer of a token endpoint; None: it was none."""
        if request.method == "POST" and request.path == "/token":
            # https://datatracker.ietf.org/doc/html/rfc6749#section-6; the library of Google sends JSON as well.
            text = request.content.decode()
            form = request.json() if text.startswith("{") else dict(urllib.parse.parse_qsl(text))
            if form.get("grant_type") != "refresh_token":
                raise Refused(400, "unsupported_grant_type", str(form.get("grant_type")))
            if not form.get("refresh_token") or not form.get("client_id"):
                raise Refused(400, "invalid_request", "refresh_token and client_id are required")
            return self.give(form["refresh_token"])
        if request.path == "/computeMetadata/v1/instance/service-accounts/default/token":
            if request.headers.get("Metadata-Flavor") != "Google":
                raise Refused(403, "PERMISSION_DENIED", "Missing Metadata-Flavor:Google header.")
            return self.give("metadata-server")
        return None

    def give(self, name):
        caller = self.of(name)
        if caller.is_revoked:
            raise Refused(400, "invalid_grant", "Token has been expired or revoked.")
        token = f"ya29.{uuid.uuid4().hex}"
        with self.lock:
            caller.count += 1
            caller.tokens[token] = time.monotonic() + caller.lifetime_s
        return {"access_token": token, "expires_in": caller.lifetime_s, "token_type": "Bearer"}

    def revoke(self, name):
        """None of the tokens that were given out is good any more."""
        with self.lock:
            self.callers.setdefault(name, Caller(name)).tokens.clear()

    def caller(self, request):
        """Whose token came with a request."""
        token = (request.headers.get("Authorization") or "").removeprefix("Bearer ")
        with self.lock:
            for caller in self.callers.values():
                if caller.tokens.get(token, 0) > time.monotonic():
                    return caller
        message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential."
        raise Refused(401, "UNAUTHENTICATED", message)
