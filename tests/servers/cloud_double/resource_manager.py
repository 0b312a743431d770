"""Permissions in projects: https://docs.cloud.google.com/resource-manager/reference/rest/v3/projects/testIamPermissions"""

from discovery import Discovery
from refused import Refused


class ResourceManager:
    def __init__(self):
        self.discovery = Discovery("cloudresourcemanager.v3")

    def answer(self, request, caller):
        """Which of those in the request the caller has. Nobody needs a permission to ask."""
        body = request.json()
        self.discovery.check("TestIamPermissionsRequest", body)
        asked = body.get("permissions", [])
        if not asked or any("*" in permission for permission in asked):
            raise Refused(400, "INVALID_ARGUMENT", "Permissions with wildcards are not allowed.")
        held = [permission for permission in asked if caller.grants is None or permission in caller.grants]
        return {"permissions": held} if held else {}
