"""Where Azure gives out tokens: Entra ID for applications, and the metadata service for machines.

https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow
https://learn.microsoft.com/en-us/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
"""

import re
import time
import urllib.parse

from refused import Refused

SECRET = "hush-hush"
RESOURCE = "https://management.azure.com"
VERSION = "2018-02-01", "2019-08-01"


class EntraRefused(Refused):
    """https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes"""

    def __init__(self, status, word, number, message):
        super().__init__(status, word, f"AADSTS{number}: {message}\r\nTrace ID: 00000000-0000-0000-0000-000000000000")
        self.number = number

    def body(self):
        return {"error": self.word, "error_description": self.message, "error_codes": [self.number]}


def answer(request, tokens):
    """The answer of a token endpoint; None: it was none."""
    if request.method == "POST" and re.fullmatch(r"/[^/]+/oauth2/v2\.0/token", request.path):
        return of_application(dict(urllib.parse.parse_qsl(request.content.decode())), tokens)
    if request.path == "/metadata/identity/oauth2/token":
        return of_machine(request, tokens)
    return None


def of_application(form, tokens):
    if form.get("grant_type") != "client_credentials":
        raise EntraRefused(400, "unsupported_grant_type", 70003, f"The grant type '{form.get('grant_type')}' is not supported.")
    if form.get("scope") != f"{RESOURCE}/.default":
        raise EntraRefused(400, "invalid_scope", 70011, f"The scope '{form.get('scope')}' is not valid.")
    if not form.get("client_id"):
        raise EntraRefused(400, "invalid_request", 900144, "The request body must contain the parameter 'client_id'.")
    if form.get("client_secret") != SECRET:
        raise EntraRefused(401, "invalid_client", 7000215, "Invalid client secret provided.")
    given = give(form["client_id"], tokens)
    return {"token_type": "Bearer", "expires_in": given["expires_in"], "ext_expires_in": given["expires_in"], "access_token": given["access_token"]}


def of_machine(request, tokens):
    if request.headers.get("Metadata") != "true":
        raise EntraRefused(400, "invalid_request", 90100, "Required metadata header not specified")
    if request.query.get("api-version") not in VERSION or request.query.get("resource", "").rstrip("/") != RESOURCE:
        raise EntraRefused(400, "invalid_request", 90100, "api-version or resource is not valid")
    given = give(request.query.get("client_id") or "metadata-service", tokens)
    ends = str(int(time.time()) + given["expires_in"])
    return {"access_token": given["access_token"], "expires_on": ends, "resource": RESOURCE, "token_type": "Bearer"}


def give(name, tokens):
    try:
        return tokens.give(name)
    except Refused:
        raise EntraRefused(401, "invalid_client", 7000222, "The provided client secret keys are expired.") from None
