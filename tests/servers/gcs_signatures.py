"""Who may do what at the GCS front: bearer tokens and signed URLs (V4), both RSA-SHA256 of one service account.

The rules are those of "V4 signing process" and "Canonical requests" in the documentation of Google Cloud Storage.
"""

import base64
import calendar
import hashlib
import json
import re
import time
import urllib.parse

# Clients sign this host, whatever address they were given.
SIGNED_HOST = "storage.googleapis.com"
# The prefix of a SHA-256 digest in a PKCS #1 v1.5 signature: its algorithm in DER.
SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


class Refused(Exception):
    """A request that its signature does not cover."""

    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code = status, code


class Account:
    """The public half of the service account."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            key = json.load(file)
        self.email = key["client_email"]
        self.n = int.from_bytes(decoded(key["n"]), "big")
        self.e = int.from_bytes(decoded(key["e"]), "big")

    def has_signed(self, message, signature):
        size = (self.n.bit_length() + 7) // 8
        ending = SHA256_PREFIX + hashlib.sha256(message).digest()
        padded = b"\x00\x01" + b"\xff" * (size - len(ending) - 3) + b"\x00" + ending
        return pow(int.from_bytes(signature, "big"), self.e, self.n) == int.from_bytes(padded, "big")

    def check(self, method, target, headers):
        """Raises Refused unless the request was allowed by this account."""
        url = urllib.parse.urlsplit(target)
        query = urllib.parse.parse_qsl(url.query, keep_blank_values=True)
        if any(name == "X-Goog-Signature" for name, _ in query):
            self.check_url(method, url.path, query, headers)
        else:
            self.check_token(headers.get("Authorization", ""))

    def check_token(self, authorization):
        """A JWT that the account has signed itself: what clients send instead of fetching a token."""
        match = re.fullmatch(r"Bearer ([\w-]+)\.([\w-]+)\.([\w-]+)", authorization)
        if not match:
            raise Refused(401, "AuthenticationRequired", "Authentication required.")
        head, claims, signature = match.groups()
        if not self.has_signed(f"{head}.{claims}".encode(), decoded(signature)):
            raise Refused(401, "AuthenticationRequired", "The token is not signed by the account.")
        claims = json.loads(decoded(claims))
        if claims["iss"] != self.email or claims["exp"] < time.time():
            raise Refused(401, "AuthenticationRequired", "The token is of another account, or has expired.")

    def check_url(self, method, path, query, headers):
        fields = dict(query)
        signed = fields["X-Goog-SignedHeaders"].split(";")
        for name in signed:
            if name != "host" and name not in map(str.lower, headers):
                raise Refused(400, "MalformedSecurityHeader", f"{name} was signed, but is not in the request.")
        for name in map(str.lower, headers):
            if name.startswith("x-goog-") and name not in signed:
                raise Refused(403, "SignatureDoesNotMatch", f"{name} is in the request, but was not signed.")
        request = canonical_request(method, path, query, signed, headers)
        scope = fields["X-Goog-Credential"].partition("/")[2]
        digest = hashlib.sha256(request.encode()).hexdigest()
        message = "\n".join(["GOOG4-RSA-SHA256", fields["X-Goog-Date"], scope, digest])
        if not self.has_signed(message.encode(), bytes.fromhex(fields["X-Goog-Signature"])):
            raise Refused(403, "SignatureDoesNotMatch", "The signature does not match the request.")
        began = calendar.timegm(time.strptime(fields["X-Goog-Date"], "%Y%m%dT%H%M%SZ"))
        if not began - 900 < time.time() < began + int(fields["X-Goog-Expires"]):
            raise Refused(400, "ExpiredToken", "The provided token has expired.")


def canonical_request(method, path, query, signed, headers):
    def quoted(text):
        return urllib.parse.quote(text, safe="-_.~")

    pairs = sorted((quoted(name), quoted(value)) for name, value in query if name != "X-Goog-Signature")
    values = {name: SIGNED_HOST if name == "host" else " ".join(headers[name].split()) for name in signed}
    lines = [f"{name}:{value}" for name, value in sorted(values.items())]
    return "\n".join(
        [method, path, "&".join(f"{name}={value}" for name, value in pairs), *lines, "", ";".join(signed)]
        + ["UNSIGNED-PAYLOAD"]
    )


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
