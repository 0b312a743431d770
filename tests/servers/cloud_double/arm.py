"""What all services of Azure Resource Manager share: https://learn.microsoft.com/en-us/rest/api/azure/"""

from refused import Refused


class ArmRefused(Refused):
    """Azure's form of an error: https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md#handling-errors"""

    def body(self):
        return {"error": {"code": self.word, "message": self.message}}


def check_version(request, version):
    asked = request.query.get("api-version")
    if asked is None:
        message = "The api-version query parameter (?api-version=) is required for all requests."
        raise ArmRefused(400, "MissingApiVersionParameter", message)
    if asked != version:
        raise ArmRefused(400, "InvalidApiVersionParameter", f"The api-version '{asked}' is invalid; this double has {version}.")


def check_action(caller, action, scope):
    """Refuses what was not granted, in Azure's words."""
    try:
        caller.check(action, scope)
    except Refused:
        message = (
            f"The client '{caller.name}' does not have authorization to perform action '{action}' over scope '{scope}'"
            " or the scope is invalid. If access was recently granted, please refresh your credentials."
        )
        raise ArmRefused(403, "AuthorizationFailed", message) from None


def caller_of(tokens, request):
    try:
        return tokens.caller(request)
    except Refused:
        message = "The access token is missing, has expired, or was issued for somebody else."
        raise ArmRefused(401, "InvalidAuthenticationToken", message) from None
