"""Azure Container Instances, API 2023-05-01: https://learn.microsoft.com/en-us/rest/api/container-instances/container-groups

What the published models do not say is said here, with the page that says it.
"""

import re
import threading
import time

import docker_engine
from arm import ArmRefused, check_action, check_version
from azure_models import AzureModels
from container_group import ContainerGroup

VERSION, PERMISSIONS_VERSION, NETWORK_VERSION = "2023-05-01", "2022-04-01", "2023-09-01"
# How long Azure takes for each step, here.
DELAY_S = 0.2
PAGE_SIZE = 50
GROUPS_MAX = 100
TYPE = "Microsoft.ContainerInstance/containerGroups"
# https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/resource-name-rules#microsoftcontainerinstance
NAME, NAME_MAX = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*"), 63
# https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/tag-resources#limitations
TAGS_MAX, TAG_FORBIDDEN, TAG_VALUE_MAX = 50, set("<>%&\\?/"), 256
# https://learn.microsoft.com/en-us/azure/container-instances/container-instances-resource-and-quota-limits
CPU_MAX, MEMORY_MAX_GB = 4, 16
# https://learn.microsoft.com/en-us/azure/container-instances/container-instances-container-groups#resource-allocation
CPU_MIN, MEMORY_MIN_GB = 1, 1
MISSING_RESOURCE_GROUP = "missing"


class ContainerInstances:
    def __init__(self):
        self.models = AzureModels("azure.mgmt.containerinstance")
        self.lock = threading.RLock()
        self.groups = {}
        # By subscription: how long what is created is not found, what a state says instead, whether images can be read.
        self.hidden_s, self.future, self.cannot_pull, self.quota = {}, {}, {}, {}

    def answer(self, request, caller):
        for method, pattern, action, function in ROUTES:
            found = re.fullmatch(pattern, request.path)
            if request.method != method or not found:
                continue
            check_version(request, version_of(action))
            check_action(caller, action, request.path)
            if found.groupdict().get("resource_group") == MISSING_RESOURCE_GROUP:
                raise ArmRefused(404, "ResourceGroupNotFound", f"Resource group '{MISSING_RESOURCE_GROUP}' could not be found.")
            with self.lock:
                return function(self, found, request, caller)
        raise ArmRefused(404, "InvalidResourceType", f"{request.method} {request.path}: there is no such operation")

    def clear(self):
        for group in list(self.groups.values()):
            group.remove()

    # ---- groups

    def group(self, found):
        group = self.groups.get((found["scope"], found["name"]))
        if not group or group.visible > time.monotonic():
            resource = f"{TYPE}/{found['name']}"
            message = f"The Resource '{resource}' under resource group '{found['resource_group']}' was not found."
            raise ArmRefused(404, "ResourceNotFound", message)
        return group

    def put(self, found, request, caller):
        body, key = request.json(), (found["scope"], found["name"])
        self.check_group(found["name"], body, caller)
        if group := self.groups.get(key):
            return self.update(group, body)
        subscription = found["subscription"]
        limit = self.quota.get(subscription, GROUPS_MAX)
        used = sum(f"/subscriptions/{subscription}/" in f"{scope}/" for scope, _ in self.groups)
        if used >= limit:
            message = f"Resource type '{TYPE}' container group quota 'ContainerGroups' exceeded in region '{body['location']}'. Limit: '{limit}', Usage: '{used}' Requested: '1'."
            raise ArmRefused(409, "ContainerGroupQuotaReached", message)
        group = ContainerGroup(found["scope"], found["name"], body, DELAY_S)
        group.visible = time.monotonic() + self.hidden_s.get(subscription, 0)
        group.future = self.future.get(subscription)
        group.cannot_pull = self.cannot_pull.get(subscription, False)
        self.groups[key] = group
        group.begin()
        return 201, group.view(True)

    def update(self, group, body):
        if group.is_transitioning() or group.is_deleting:
            message = f"The container group '{group.name}' is still transitioning, please retry later."
            raise ArmRefused(409, "ContainerGroupTransitioning", message)
        if body != group.body:
            message = f"The updates on container group '{group.name}' are invalid. Delete it first."
            raise ArmRefused(400, "InvalidContainerGroupUpdate", message)
        if group.is_over():
            group.again()
        return group.view(True)

    def get(self, found, request, caller):
        return self.group(found).view(True)

    def list(self, found, request, caller):
        own = [group for (scope, _), group in sorted(self.groups.items()) if scope == found["scope"]]
        begin = int(request.query.get("$skiptoken") or 0)
        answer = {"value": [group.view(False) for group in own[begin : begin + PAGE_SIZE]]}
        if begin + PAGE_SIZE < len(own):
            answer["nextLink"] = f"https://management.azure.com{request.path}?api-version={VERSION}&$skiptoken={begin + PAGE_SIZE}"
        return answer

    def delete(self, found, request, caller):
        try:
            group = self.group(found)
        except ArmRefused:
            return 204, None
        group.is_deleting = True

        def work():
            time.sleep(DELAY_S)
            group.remove()
            with self.lock:
                self.groups.pop((group.scope, group.name), None)

        threading.Thread(target=work, daemon=True).start()
        return 202, group.view(True)

    def stop(self, found, request, caller):
        group = self.group(found)
        if group.is_transitioning():
            message = f"The container group '{group.name}' is still transitioning, please retry later."
            raise ArmRefused(409, "ContainerGroupTransitioning", message)
        group.stop()
        return 204, None

    def logs(self, found, request, caller):
        group = self.group(found)
        if found["container"] != group.body["properties"]["containers"][0]["name"]:
            raise ArmRefused(404, "ContainerNotFound", f"The container '{found['container']}' is not in the group.")
        tail, times = request.query.get("tail"), request.query.get("timestamps", "false").lower()
        if (tail is not None and not re.fullmatch(r"\d+", tail)) or times not in ("true", "false"):
            raise ArmRefused(400, "InvalidQueryParameter", "tail is a number, and timestamps true or false")
        content = group.log(None if tail is None else int(tail), times == "true")
        if content is None:
            message = f"The container group '{group.name}' is not ready for its logs to be read."
            raise ArmRefused(400, "ContainerGroupDeploymentNotReady", message)
        return {"content": content}

    def usages(self, found, request, caller):
        used = sum(f"/subscriptions/{found['subscription']}/" in f"{scope}/" for scope, _ in self.groups)
        usage = lambda name, value, limit: {"unit": "Count", "currentValue": value, "limit": limit, "name": {"value": name, "localizedValue": name}}
        limit = self.quota.get(found["subscription"], GROUPS_MAX)
        return {"value": [usage("ContainerGroups", used, limit), usage("StandardCores", used, GROUPS_MAX)]}

    def permissions(self, found, request, caller):
        actions = ["*"] if caller.grants is None else sorted(caller.grants)
        return {"value": [{"actions": actions, "notActions": [], "dataActions": [], "notDataActions": []}]}

    def subnet(self, found, request, caller):
        """https://learn.microsoft.com/en-us/rest/api/virtualnetwork/subnets/get: those of tests are what their names say."""
        if found["subnet"] == "missing":
            raise ArmRefused(404, "ResourceNotFound", f"The Resource '{request.path}' was not found.")
        delegation = {"name": "runs", "properties": {"serviceName": TYPE}}
        return {"id": request.path, "properties": {"delegations": [] if found["subnet"] == "plain" else [delegation]}}

    # ---- what a group may be

    def check_group(self, name, body, caller):
        if not NAME.fullmatch(name) or len(name) > NAME_MAX:
            message = f"The container group name '{name}' is invalid: up to {NAME_MAX} lower-case letters, digits and single dashes."
            raise ArmRefused(400, "InvalidContainerGroupName", message)
        self.models.check("ContainerGroup", body)
        if not body.get("location"):
            raise ArmRefused(400, "LocationRequired", "The location property is required for this definition.")
        check_tags(body.get("tags", {}))
        properties = body["properties"]
        for credential in properties.get("imageRegistryCredentials", []):
            if bool(credential.get("identity")) == bool(credential.get("username") and credential.get("password")):
                raise ArmRefused(400, "InvalidImageRegistryCredentialType", f"The credential for '{credential['server']}' has either name and password, or an identity.")
        identities = (body.get("identity") or {}).get("userAssignedIdentities") or {}
        for identity in identities:
            check_action(caller, "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", identity)
        for credential in properties.get("imageRegistryCredentials", []):
            if credential.get("identity") and credential["identity"] not in identities:
                raise ArmRefused(400, "InvalidIdentity", "The identity in 'imageRegistryCredentials' is not one of the container group.")
        for subnet in properties.get("subnetIds", []):
            check_action(caller, "Microsoft.Network/virtualNetworks/subnets/join/action", subnet["id"])
        for container in properties["containers"]:
            check_variables(container)
        check_resources(properties["containers"])
        image = properties["containers"][0]["properties"]["image"]
        if not docker_engine.has_image(image):
            message = f"The image '{image}' in container group '{name}' is not accessible. Please check the image and registry credential."
            raise ArmRefused(400, "InaccessibleImage", message)

    # ---- what a test may do that no client can: see control.py

    def controls(self):
        return {
            "aci-set": self.set,
            "aci-groups": self.found,
            "aci-words": self.published,
        }

    def set(self, subscription, hidden_s=0, future=None, cannot_pull=False, quota=GROUPS_MAX):
        """How groups that are created in the subscription from now on behave."""
        self.hidden_s[subscription], self.future[subscription] = hidden_s, future
        self.cannot_pull[subscription], self.quota[subscription] = cannot_pull, quota

    def found(self, subscription, name=""):
        """The groups of the subscription whose names begin so: how often each was started, and their containers."""
        own = [it for (scope, _), it in list(self.groups.items()) if scope.startswith(f"/subscriptions/{subscription}/")]
        own = [it for it in own if it.name.startswith(name)]
        return {"groups": {it.name: it.starts for it in own}, "containers": [it.container.id for it in own if it.container]}

    def published(self, enum):
        """The words that Azure has published for something."""
        return {"words": self.models.enums[enum]}


def version_of(action):
    """Each provider has versions of its own."""
    return {"Microsoft.Authorization": PERMISSIONS_VERSION, "Microsoft.Network": NETWORK_VERSION}.get(action.split("/")[0], VERSION)


def check_tags(tags):
    if len(tags) > TAGS_MAX:
        raise ArmRefused(400, "TagsLimitExceeded", f"There are {len(tags)} tags, and {TAGS_MAX} are allowed.")
    for name, value in tags.items():
        if not name or TAG_FORBIDDEN & set(name) or len(value) > TAG_VALUE_MAX:
            raise ArmRefused(400, "InvalidTagNameCharacters", f"The tag '{name}' is invalid.")


def check_variables(container):
    names = [variable["name"] for variable in container["properties"].get("environmentVariables", [])]
    for variable in container["properties"].get("environmentVariables", []):
        if ("value" in variable) == ("secureValue" in variable) or names.count(variable["name"]) > 1:
            message = f"The environment variable '{variable['name']}' has one of value and secureValue, and is there once."
            raise ArmRefused(400, "InvalidEnvironmentVariable", message)


def check_resources(containers):
    requests = [container["properties"]["resources"]["requests"] for container in containers]
    for request in requests:
        if abs(request["memoryInGB"] * 10 - round(request["memoryInGB"] * 10)) > 1e-6:
            raise ArmRefused(400, "InvalidResourceRequest", "memoryInGB comes in steps of 0.1.")
    if any("gpu" in request for request in requests):
        return
    cpu, memory = sum(request["cpu"] for request in requests), sum(request["memoryInGB"] for request in requests)
    if not CPU_MIN <= cpu <= CPU_MAX or not MEMORY_MIN_GB <= memory <= MEMORY_MAX_GB:
        message = f"The requested resource is not available: {cpu} CPU and {memory} GB."
        raise ArmRefused(400, "ResourceRequestsNotSupported", message)


SUBSCRIPTION = r"/subscriptions/(?P<subscription>[^/]+)"
SCOPE = rf"(?P<scope>{SUBSCRIPTION}/resourceGroups/(?P<resource_group>[^/]+))"
GROUPS = SCOPE + f"/providers/{TYPE}"
GROUP = GROUPS + r"/(?P<name>[^/]+)"
# https://learn.microsoft.com/en-us/azure/role-based-access-control/permissions/containers#microsoftcontainerinstance
ROUTES = [
    ("GET", GROUPS, f"{TYPE}/read", ContainerInstances.list),
    ("GET", GROUP, f"{TYPE}/read", ContainerInstances.get),
    ("PUT", GROUP, f"{TYPE}/write", ContainerInstances.put),
    ("DELETE", GROUP, f"{TYPE}/delete", ContainerInstances.delete),
    ("POST", GROUP + "/stop", f"{TYPE}/stop/action", ContainerInstances.stop),
    ("GET", GROUP + r"/containers/(?P<container>[^/]+)/logs", f"{TYPE}/containers/logs/read", ContainerInstances.logs),
    ("GET", SUBSCRIPTION + r"/providers/Microsoft\.ContainerInstance/locations/[^/]+/usages", "Microsoft.ContainerInstance/locations/usages/read", ContainerInstances.usages),
    ("GET", SCOPE + r"/providers/Microsoft\.Network/virtualNetworks/[^/]+/subnets/(?P<subnet>[^/]+)", "Microsoft.Network/virtualNetworks/subnets/read", ContainerInstances.subnet),
    ("GET", SCOPE + r"/providers/Microsoft\.Authorization/permissions", "Microsoft.Authorization/permissions/read", ContainerInstances.permissions),
]
