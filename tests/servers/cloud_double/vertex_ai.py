"""Custom jobs of Vertex AI's API v1: https://docs.cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.customJobs

What the schema does not say is said here, with the page that says it.
"""

import random
import re
import threading
import time
import uuid

from discovery import Discovery
from cloud_run import LABEL_KEY, LABEL_VALUE, page, seconds
from refused import Refused
from vertex_ai_job import CustomJob

# How long Vertex AI takes to prepare something, here. There, it is a minute and more.
DELAY_S = 0.2
DISPLAY_NAME_MAX = 128
VARIABLES_MAX = 100
LABELS_MAX = 64
# https://docs.cloud.google.com/vertex-ai/docs/training/configure-compute
MACHINE_TYPE = re.compile(r"[a-z][a-z0-9]*-[a-z0-9]+(-[a-z0-9]+)*")
DISK_TYPES = ("pd-ssd", "pd-standard", "hyperdisk-balanced")
DISK_MIN_GB, DISK_MAX_GB = 100, 64000
TIMEOUT_MAX_S = 7 * 24 * 3600
NETWORK = re.compile(r"projects/[^/]+/global/networks/[^/]+")
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# "labels.key=value - key:value equality; labels.key:* - key existence", in customJobs.list
LABEL_FILTER = re.compile(r'labels\.([-_a-z0-9]+)(?:="?([-_a-z0-9]*)"?|:\*)')
TYPE = "type.googleapis.com/google.cloud.aiplatform.v1."


class VertexAi:
    def __init__(self):
        self.discovery = Discovery("aiplatform.v1")
        self.lock = threading.RLock()
        self.jobs = {}
        # By project: until when what is created there is not found yet, and the state that jobs say they are in instead.
        self.hidden_s, self.future = {}, {}

    def answer(self, request, caller):
        for method, pattern, permission, function in ROUTES:
            found = re.fullmatch(PARENT + pattern, request.path)
            if request.method != method or not found:
                continue
            caller.check(permission, found["parent"])
            with self.lock:
                return function(self, found, request, caller)
        raise Refused(404, "NOT_FOUND", f"{request.method} {request.path}: there is no such method")

    def clear(self):
        for job in list(self.jobs.values()):
            job.remove()

    def create_job(self, found, request, caller):
        if request.query:
            raise Refused(400, "INVALID_ARGUMENT", f"Unknown name in {sorted(request.query)}: Cannot bind query parameter.")
        body = request.json()
        self.check_job(body)
        if account := body["jobSpec"].get("serviceAccount"):
            # "Users submitting jobs must have act-as permission on this run-as account."
            caller.check("iam.serviceAccounts.actAs", account)
        name = f"{found['parent']}/customJobs/{random.randrange(10**17, 10**18)}"
        job = CustomJob(name, body, DELAY_S)
        job.visible = time.monotonic() + self.hidden_s.get(found["project"], 0)
        job.future = self.future.get(found["project"])
        self.jobs[name] = job
        job.begin()
        return job.view()

    def check_job(self, body):
        self.discovery.check("GoogleCloudAiplatformV1CustomJob", body)
        spec, labels = body["jobSpec"], body.get("labels", {})
        if len(body["displayName"]) > DISPLAY_NAME_MAX:
            raise invalid("display_name", f"up to {DISPLAY_NAME_MAX} characters")
        if len(labels) > LABELS_MAX:
            raise invalid("labels", f"up to {LABELS_MAX}")
        for key, value in labels.items():
            if not LABEL_KEY.fullmatch(key) or not LABEL_VALUE.fullmatch(value):
                raise invalid("labels", f"'{key}={value}'")
        scheduling = spec.get("scheduling", {})
        if seconds(scheduling.get("timeout", "0s")) > TIMEOUT_MAX_S:
            raise invalid("job_spec.scheduling.timeout", "up to 7 days")
        if "maxWaitDuration" in scheduling and scheduling.get("strategy") != "FLEX_START":
            raise invalid("job_spec.scheduling.max_wait_duration", "only with FLEX_START")
        if "network" in spec and not NETWORK.fullmatch(spec["network"]):
            raise invalid("job_spec.network", "projects/{project}/global/networks/{network}")
        if spec.get("reservedIpRanges") and not spec.get("network"):
            raise invalid("job_spec.reserved_ip_ranges", "only with a network")
        for number, pool in enumerate(spec["workerPoolSpecs"]):
            check_pool(f"job_spec.worker_pool_specs[{number}]", pool)

    def job(self, found):
        job = self.jobs.get(f"{found['parent']}/customJobs/{found['job']}")
        if not job or job.visible > time.monotonic():
            raise Refused(404, "NOT_FOUND", f"The CustomJob \"{found['job']}\" does not exist.")
        return job

    def get_job(self, found, request, caller):
        return self.job(found).view()

    def list_jobs(self, found, request, caller):
        if unknown := set(request.query) - {"filter", "pageSize", "pageToken", "readMask"}:
            raise Refused(400, "INVALID_ARGUMENT", f"Unknown name in {sorted(unknown)}: Cannot bind query parameter.")
        fits = label_filter(request.query.get("filter", ""))
        own = [job for name, job in self.jobs.items() if name.startswith(found["parent"] + "/")]
        own = [job for job in own if job.visible <= time.monotonic() and fits(job.labels)]
        own.sort(key=lambda job: job.created, reverse=True)
        return page("customJobs", [job.view() for job in own], request)

    def cancel_job(self, found, request, caller):
        job = self.job(found)
        self.discovery.check("GoogleCloudAiplatformV1CancelCustomJobRequest", request.json())
        if job.is_over():
            raise Refused(400, "FAILED_PRECONDITION", f"The CustomJob is in state {job.state} and cannot be cancelled.")
        job.cancel()
        return {}

    def delete_job(self, found, request, caller):
        """No page says so; Google's own samples wait for the end of a job before they delete it."""
        job = self.job(found)
        if not job.is_over():
            raise Refused(400, "FAILED_PRECONDITION", f"The CustomJob is in state {job.state} and cannot be deleted.")
        del self.jobs[job.name]
        job.remove()
        name = f"{found['parent']}/operations/{uuid.uuid4().int % 10**18}"
        return {"name": name, "metadata": {"@type": TYPE + "DeleteOperationMetadata"}, "done": True}


def invalid(field, what):
    return Refused(400, "INVALID_ARGUMENT", f"List of found errors: 1.Field: {field}; Message: {what}.")


def check_pool(place, pool):
    container, machine = pool.get("containerSpec") or {}, pool.get("machineSpec") or {}
    if not container and not pool.get("pythonPackageSpec"):
        raise invalid(place, "a container_spec or python_package_spec is required")
    if not MACHINE_TYPE.fullmatch(machine.get("machineType", "")):
        raise invalid(f"{place}.machine_spec.machine_type", f"'{machine.get('machineType')}' is not supported")
    if ("acceleratorType" in machine) != (int(machine.get("acceleratorCount", 0)) > 0):
        raise invalid(f"{place}.machine_spec", "accelerator_type and accelerator_count go together")
    disk = pool.get("diskSpec", {})
    if disk.get("bootDiskType", DISK_TYPES[0]) not in DISK_TYPES:
        raise invalid(f"{place}.disk_spec.boot_disk_type", f"'{disk['bootDiskType']}' is not supported")
    if not DISK_MIN_GB <= int(disk.get("bootDiskSizeGb", DISK_MIN_GB)) <= DISK_MAX_GB:
        raise invalid(f"{place}.disk_spec.boot_disk_size_gb", f"from {DISK_MIN_GB} to {DISK_MAX_GB}")
    if int(pool.get("replicaCount", 0)) < 1:
        raise invalid(f"{place}.replica_count", "at least 1")
    names = [variable["name"] for variable in container.get("env", [])]
    if len(names) > VARIABLES_MAX:
        raise invalid(f"{place}.container_spec.env", f"up to {VARIABLES_MAX}")
    for name in names:
        if not IDENTIFIER.fullmatch(name) or names.count(name) > 1:
            raise invalid(f"{place}.container_spec.env", f"the name '{name}' is none, or is there twice")


def label_filter(text):
    """Of the language of filters there is what this project asks with; anything else is refused."""
    if not text:
        return lambda labels: True
    found = LABEL_FILTER.fullmatch(text)
    if not found:
        raise Refused(400, "INVALID_ARGUMENT", f"filter: this double does not know {text!r}")
    key, value = found.groups()
    return lambda labels: key in labels and value in (None, labels[key])


PARENT = r"/v1/(?P<parent>projects/(?P<project>[^/]+)/locations/[^/]+)"
JOB = r"/customJobs/(?P<job>\d+)"
# Permissions: https://docs.cloud.google.com/iam/docs/roles-permissions/aiplatform
ROUTES = [
    ("POST", r"/customJobs", "aiplatform.customJobs.create", VertexAi.create_job),
    ("GET", r"/customJobs", "aiplatform.customJobs.list", VertexAi.list_jobs),
    ("GET", JOB, "aiplatform.customJobs.get", VertexAi.get_job),
    ("DELETE", JOB, "aiplatform.customJobs.delete", VertexAi.delete_job),
    ("POST", JOB + ":cancel", "aiplatform.customJobs.cancel", VertexAi.cancel_job),
]
