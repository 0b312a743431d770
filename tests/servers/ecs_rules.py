"""Rules of ECS that stand in its documentation and not in its model.

Sources: the API reference of ECS (RegisterTaskDefinition, RunTask, StopTask, "Ensuring idempotency"), and the developer
guide (task definition parameters for Fargate, task networking).
"""

import json
import re
import threading

from ecs_model import Refused

GIB = 1024
FARGATE = {
    256: [512, GIB, 2 * GIB],
    512: range(GIB, 4 * GIB + 1, GIB),
    1024: range(2 * GIB, 8 * GIB + 1, GIB),
    2048: range(4 * GIB, 16 * GIB + 1, GIB),
    4096: range(8 * GIB, 30 * GIB + 1, GIB),
    8192: range(16 * GIB, 60 * GIB + 1, 4 * GIB),
    16384: range(32 * GIB, 120 * GIB + 1, 8 * GIB),
}
NAME = re.compile(r"[a-zA-Z0-9_-]{1,255}")
ROLE = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/.+")
STARTED_BY = re.compile(r"[a-zA-Z0-9_/-]{0,128}")
TAG = re.compile(r"[\w\s.:/=+@-]*")
OVERRIDES_MAX = 8192
# What tasks on Fargate cannot have.
NOT_ON_FARGATE = ("dockerSecurityOptions", "privileged", "links", "dnsServers", "extraHosts", "systemControls")


def client(message):
    return Refused("ClientException", message)


def invalid(message):
    return Refused("InvalidParameterException", message)


def check_definition(body):
    """RegisterTaskDefinition."""
    if not NAME.fullmatch(body["family"]):
        raise client("Family contains invalid characters.")
    containers = body["containerDefinitions"]
    for container in containers:
        if not NAME.fullmatch(container.get("name", "")):
            raise client("Container.name contains invalid characters.")
        if not container.get("image"):
            raise client("Container.image should not be null or empty.")
    if not any(container.get("essential", True) for container in containers):
        raise client("Task definition does not have any essential containers")
    for role in ("taskRoleArn", "executionRoleArn"):
        if body.get(role) and not ROLE.fullmatch(body[role]):
            raise client("Role is not valid")
    if "EXTERNAL" in body.get("requiresCompatibilities", []) and body.get("networkMode") == "awsvpc":
        raise client("External launch type does not support network mode 'awsvpc'.")
    if "FARGATE" in body.get("requiresCompatibilities", []):
        check_fargate(body)
    elif body.get("ephemeralStorage"):
        raise client("Ephemeral storage is only supported on Fargate.")
    check_tags(body)


def check_fargate(body):
    if body.get("networkMode") != "awsvpc":
        raise client("Fargate only supports network mode 'awsvpc'.")
    if not body.get("cpu") or not body.get("memory"):
        raise client("Fargate requires that 'cpu' and 'memory' be defined at the task level.")
    cpu, memory = int(body["cpu"]), int(body["memory"])
    if memory not in FARGATE.get(cpu, []):
        raise client(f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory.")
    storage = body.get("ephemeralStorage")
    if storage and not 21 <= storage["sizeInGiB"] <= 200:
        raise client("Ephemeral storage must be between 21 and 200 GiB.")
    for container in body["containerDefinitions"]:
        for name in NOT_ON_FARGATE:
            if container.get(name):
                raise client(f"Fargate does not support {name}.")
        if not 2 <= container.get("stopTimeout", 30) <= 120:
            raise client("stopTimeout must be between 2 and 120 seconds.")
        added = container.get("linuxParameters", {}).get("capabilities", {}).get("add", [])
        if set(added) - {"SYS_PTRACE"}:
            raise client("Fargate supports adding the SYS_PTRACE capability only.")
        driver = container.get("logConfiguration", {}).get("logDriver")
        if driver == "awslogs" and not body.get("executionRoleArn"):
            raise client(
                "Fargate requires task definition to have execution role ARN to support log driver awslogs."
            )


def check_tags(body):
    tags = body.get("tags", [])
    if len(tags) > 50 or len({tag["key"] for tag in tags}) != len(tags):
        raise invalid("Tags are too many, or twice.")
    for tag in tags:
        if not (1 <= len(tag["key"]) <= 128 and len(tag.get("value", "")) <= 256):
            raise invalid("A tag is too long.")
        if tag["key"].lower().startswith("aws:") or not TAG.fullmatch(tag["key"] + tag.get("value", "")):
            raise invalid(f"The tag {tag['key']} has invalid characters.")


class Definitions:
    """Task definitions that were registered through the front, by `family:revision`."""

    def __init__(self):
        self.known = {}
        self.lock = threading.Lock()

    def note(self, definition):
        with self.lock:
            self.known[f"{definition['family']}:{definition['revision']}"] = definition

    def find(self, reference):
        """The definition that a task would be made of."""
        name = reference.rsplit("/", 1)[-1]
        with self.lock:
            if ":" in name:
                found = self.known.get(name)
            else:
                active = [one for one in self.known.values() if one["family"] == name and one["status"] == "ACTIVE"]
                found = max(active, key=lambda one: one["revision"], default=None)
        if found is None:
            raise client("TaskDefinition not found.")
        if found["status"] != "ACTIVE":
            raise client("TaskDefinition is inactive")
        return found


def check_task(body, definition):
    """RunTask of this definition."""
    if not 1 <= body.get("count", 1) <= 10:
        raise invalid("count should be between 1 and 10.")
    if body.get("launchType") and body.get("capacityProviderStrategy"):
        raise invalid("Specifying both a launch type and capacity provider strategy is not supported.")
    check_place(body, definition)
    check_network(body, definition)
    names = [container["name"] for container in definition["containerDefinitions"]]
    overrides = body.get("overrides") or {}
    for override in overrides.get("containerOverrides", []):
        if override.get("name") not in names:
            raise invalid(f"Override for container named {override.get('name')} is not a container in the TaskDefinition.")
    if len(json.dumps(overrides, separators=(",", ":"), ensure_ascii=False)) > OVERRIDES_MAX:
        raise invalid(f"Container Overrides length must be at most {OVERRIDES_MAX}")
    if not STARTED_BY.fullmatch(body.get("startedBy", "")):
        raise invalid("startedBy has invalid characters, or more than 128.")
    if not 0 <= len(body.get("clientToken", "")) <= 64:
        raise invalid("clientToken should be at most 64 characters.")
    check_tags(body)


def check_place(body, definition):
    """That the task's machines are of those that its definition is for."""
    strategy = body.get("capacityProviderStrategy") or []
    is_fargate = [share["capacityProvider"] in ("FARGATE", "FARGATE_SPOT") for share in strategy]
    if strategy and any(is_fargate) != all(is_fargate):
        raise invalid("A capacity provider strategy cannot contain a mix of capacity providers.")
    if strategy and not any(share.get("weight", 0) > 0 for share in strategy):
        raise invalid("At least one capacity provider must have a weight greater than 0.")
    wanted = "FARGATE" if any(is_fargate) else body.get("launchType", "EC2")
    if wanted not in definition.get("requiresCompatibilities", ["EC2"]):
        raise invalid(f"Task definition does not support launch_type {wanted}.")
    if body.get("platformVersion") and wanted != "FARGATE":
        raise invalid("The platform version must be null when specifying an EC2 launch type.")


def check_network(body, definition):
    network = (body.get("networkConfiguration") or {}).get("awsvpcConfiguration")
    if definition.get("networkMode") != "awsvpc":
        if network:
            raise invalid("Network Configuration is not valid for the given networkMode of this task definition.")
        return
    if not network:
        raise invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
    subnets, groups = network.get("subnets", []), network.get("securityGroups", [])
    if not 1 <= len(subnets) <= 16:
        raise invalid("subnets should have 1 to 16 items.")
    if len(groups) > 5:
        raise invalid("securityGroups can have at most 5 items.")
    for kind, ids in (("subnet", subnets), ("sg", groups)):
        for one in ids:
            if not re.fullmatch(kind + r"-[0-9a-f]{8,17}", one):
                raise invalid(f"The {kind} ID '{one}' does not exist")
    if "assignPublicIp" in network and "FARGATE" not in definition.get("requiresCompatibilities", []):
        raise invalid("Assign public IP is not supported for this launch type.")


class Tokens:
    """Requests with a client token are done once, for as long as the server runs."""

    def __init__(self):
        self.answers = {}
        self.locks = {}
        self.lock = threading.Lock()

    def once(self, token, body, run):
        """The answer to a request: the first one's, where it is the same again."""
        if not token:
            return run()
        with self.lock:
            lock = self.locks.setdefault(token, threading.Lock())
        with lock:
            if token in self.answers:
                before, answer = self.answers[token]
                if before != body:
                    raise Refused("ConflictException", "The client token was used for another request.")
                return answer
            answer = run()
            if answer[0] == 200 and json.loads(answer[2]).get("tasks"):
                self.answers[token] = (body, answer)
            return answer
