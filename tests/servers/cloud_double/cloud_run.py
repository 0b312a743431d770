"""Jobs of Cloud Run's API v2: https://docs.cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs

What the schema does not say is said here, with the page that says it.
"""

import re
import threading
import time
import uuid

import docker_engine
from cloud_run_execution import Execution, now
from discovery import Discovery
from refused import Refused

# How long Cloud Run takes to prepare something, here.
DELAY_S = 0.2
PAGE_SIZE = 100
JOB_ID = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
# https://docs.cloud.google.com/run/docs/create-jobs
JOB_ID_MAX = 49
# https://docs.cloud.google.com/resource-manager/docs/labels-overview#requirements
LABEL_KEY, LABEL_VALUE = re.compile(r"[a-z][-_a-z0-9]{0,62}"), re.compile(r"[-_a-z0-9]{0,63}")
RESERVED_ANNOTATIONS = ("run.googleapis.com", "cloud.googleapis.com", "serving.knative.dev", "autoscaling.knative.dev")
# https://docs.cloud.google.com/run/docs/container-contract#jobs-env-vars
RESERVED_VARIABLES = {f"CLOUD_RUN_{name}" for name in ("JOB", "EXECUTION", "TASK_INDEX", "TASK_ATTEMPT", "TASK_COUNT")}
# https://docs.cloud.google.com/run/docs/configuring/jobs/cpu and memory-limits: MiB from and to.
SIZES = {1: (512, 4096), 2: (512, 8192), 4: (2048, 16384), 8: (4096, 32768)}
TIMEOUT_MAX_S = 168 * 3600
TYPE = "type.googleapis.com/google.cloud.run.v2."


class CloudRun:
    def __init__(self):
        self.discovery = Discovery("run.v2")
        self.lock = threading.RLock()
        self.jobs, self.executions, self.operations = {}, {}, {}
        # By project: until when what is created there is not found yet, and what a condition says instead.
        self.hidden_s, self.future = {}, {}
        # By project: the values of Secret Manager.
        self.secrets = {}

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
        for execution in list(self.executions.values()):
            execution.remove()

    # ---- operations: https://google.aip.dev/151

    def operation(self, parent, kind, resource, is_done):
        name = f"{parent}/operations/{uuid.uuid4()}"
        self.operations[name] = (kind, resource, is_done)
        return self.operation_view(name)

    def operation_view(self, name):
        kind, resource, is_done = self.operations[name]
        view = {"name": name, "metadata": {"@type": TYPE + kind, **resource}}
        done, error = is_done()
        if done:
            view["done"] = True
            view.update({"error": error} if error else {"response": {"@type": TYPE + kind, **resource}})
        return view

    def get_operation(self, found, request, caller):
        name = f"{found['parent']}/operations/{found['id']}"
        if name not in self.operations:
            raise Refused(404, "NOT_FOUND", "Requested entity was not found.")
        return self.operation_view(name)

    # ---- jobs

    def create_job(self, found, request, caller):
        parent, body, job_id = found["parent"], request.json(), request.query.get("jobId", "")
        if set(request.query) - {"jobId", "validateOnly"}:
            raise Refused(400, "INVALID_ARGUMENT", f"Unknown name in {sorted(request.query)}: Cannot bind query parameter.")
        if not JOB_ID.fullmatch(job_id) or len(job_id) > JOB_ID_MAX:
            raise Refused(400, "INVALID_ARGUMENT", f"job_id '{job_id}': up to {JOB_ID_MAX} lower-case letters, digits and '-'")
        self.check_job(job_id, body)
        account = body["template"]["template"].get("serviceAccount")
        if account:
            caller.check("iam.serviceAccounts.actAs", account)
        name = f"{parent}/jobs/{job_id}"
        if request.query.get("validateOnly") == "true":
            return self.operation(parent, "Job", {**body, "name": name}, lambda: (True, None))
        if name in self.jobs:
            raise Refused(409, "ALREADY_EXISTS", f"Resource '{job_id}' already exists.")
        time_now = now()
        job = {
            **body,
            "name": name,
            "uid": str(uuid.uuid4()),
            "generation": "1",
            "createTime": time_now,
            "updateTime": time_now,
            "executionCount": 0,
            "etag": f'"{uuid.uuid4().hex}"',
            "reconciling": True,
            "terminalCondition": {"type": "Ready", "state": "CONDITION_RECONCILING", "lastTransitionTime": time_now},
        }
        self.jobs[name] = job
        job["_visible"] = time.monotonic() + self.hidden_s.get(found["project"], 0)
        self.prepare(job)
        return self.operation(parent, "Job", view(job), lambda: self.job_is_ready(job))

    def prepare(self, job):
        """What Cloud Run does once it has accepted a job: looks for the image, and starts what was asked for."""

        def work():
            time.sleep(DELAY_S)
            image = job["template"]["template"]["containers"][0]["image"]
            is_there = docker_engine.has_image(image)
            with self.lock:
                condition = {"type": "Ready", "state": "CONDITION_SUCCEEDED", "lastTransitionTime": now()}
                if not is_there:
                    condition.update(state="CONDITION_FAILED", reason="CONTAINER_MISSING", message=f"Image '{image}' not found.")
                elif missing := self.missing_secrets(job):
                    message = f"Secret {missing[0]}/versions/latest was not found"
                    condition.update(state="CONDITION_FAILED", reason="SECRETS_ACCESS_CHECK_FAILED", message=message)
                elif self.jobs.get(job["name"]) is job and (token := job.get("startExecutionToken")):
                    self.start(job, {}, token)
                job.update(reconciling=False, terminalCondition=condition)

        threading.Thread(target=work, daemon=True).start()

    def missing_secrets(self, job):
        """https://docs.cloud.google.com/run/docs/configuring/jobs/secrets: they are looked for when a job is deployed."""
        project = job["name"].split("/")[1]
        variables = job["template"]["template"]["containers"][0].get("env", [])
        wanted = [variable["valueSource"]["secretKeyRef"]["secret"] for variable in variables if "valueSource" in variable]
        return [f"projects/{project}/secrets/{name}" for name in wanted if name not in self.secrets.get(project, {})]

    def job_is_ready(self, job):
        condition = job["terminalCondition"]
        failed = condition["state"] == "CONDITION_FAILED"
        return not job["reconciling"], {"code": 5, "message": condition["message"]} if failed else None

    def job(self, found):
        job = self.jobs.get(f"{found['parent']}/jobs/{found['job']}")
        if not job or job["_visible"] > time.monotonic():
            region, project = found["parent"].split("/")[3], found["project"]
            raise Refused(404, "NOT_FOUND", f"Resource '{found['job']}' of kind 'JOB' in region '{region}' in project '{project}' does not exist.")
        return job

    def get_job(self, found, request, caller):
        return view(self.job(found))

    def list_jobs(self, found, request, caller):
        prefix = f"{found['parent']}/jobs/"
        jobs = [view(job) for name, job in sorted(self.jobs.items()) if name.startswith(prefix)]
        return page("jobs", jobs, request)

    def patch_job(self, found, request, caller):
        job, body = self.job(found), request.json()
        self.check_job(found["job"], body)
        with self.lock:
            kept = {name: job[name] for name in ("name", "uid", "createTime", "executionCount", "_visible")}
            generation = str(int(job["generation"]) + 1)
            latest = job.get("latestCreatedExecution")
            job.clear()
            job.update({**body, **kept, "generation": generation, "updateTime": now(), "etag": f'"{uuid.uuid4().hex}"', "reconciling": True})
            job["terminalCondition"] = {"type": "Ready", "state": "CONDITION_RECONCILING", "lastTransitionTime": now()}
            if latest:
                job["latestCreatedExecution"] = latest
        self.prepare(job)
        return self.operation(found["parent"], "Job", view(job), lambda: self.job_is_ready(job))

    def delete_job(self, found, request, caller):
        job = self.job(found)
        own = {name: it for name, it in self.executions.items() if name.startswith(job["name"] + "/")}
        if any(not execution.is_over() for execution in own.values()):
            raise Refused(400, "FAILED_PRECONDITION", "The job has running executions; cancel them first.")
        del self.jobs[job["name"]]
        for name, execution in own.items():
            del self.executions[name]
            execution.remove()
        at = time.monotonic() + DELAY_S
        return self.operation(found["parent"], "Job", view(job), lambda: (time.monotonic() > at, None))

    def check_job(self, job_id, body):
        self.discovery.check("GoogleCloudRunV2Job", body)
        for labels in (body.get("labels", {}), body["template"].get("labels", {})):
            for key, value in labels.items():
                if not LABEL_KEY.fullmatch(key) or not LABEL_VALUE.fullmatch(value):
                    raise Refused(400, "INVALID_ARGUMENT", f"labels: '{key}={value}' is invalid")
        for annotations in (body.get("annotations", {}), body["template"].get("annotations", {})):
            for key in annotations:
                if key.split("/")[0] in RESERVED_ANNOTATIONS:
                    raise Refused(400, "INVALID_ARGUMENT", f"annotations: '{key}' is in a reserved namespace")
        for token in filter(None, (body.get("startExecutionToken"), body.get("runExecutionToken"))):
            if len(job_id) + len(token) >= 63 or not re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", token):
                raise Refused(400, "INVALID_ARGUMENT", f"execution token '{token}' is invalid for the job '{job_id}'")
        task = body["template"]["template"]
        if seconds(task.get("timeout", "600s")) > TIMEOUT_MAX_S:
            raise Refused(400, "INVALID_ARGUMENT", "template.template.timeout: must be at most 168h")
        if not task.get("containers"):
            raise Refused(400, "INVALID_ARGUMENT", "template.template.containers: at least one container is required")
        volumes = {volume["name"] for volume in task.get("volumes", [])}
        for container in task["containers"]:
            check_container(container, volumes)

    # ---- executions

    def run_job(self, found, request, caller):
        job, body = self.job(found), request.json()
        self.discovery.check("GoogleCloudRunV2RunJobRequest", body)
        overrides = body.get("overrides") or {}
        if overrides:
            # https://docs.cloud.google.com/run/docs/execute/jobs#override-job-configuration
            caller.check("run.jobs.runWithOverrides", job["name"])
        if job["terminalCondition"]["state"] != "CONDITION_SUCCEEDED":
            raise Refused(400, "FAILED_PRECONDITION", f"The job {found['job']} is not ready.")
        names = {container.get("name") for container in job["template"]["template"]["containers"]}
        for override in overrides.get("containerOverrides", []):
            if override.get("name") and override["name"] not in names:
                raise Refused(400, "INVALID_ARGUMENT", f"overrides.container_overrides: no container named '{override['name']}'")
        execution = self.start(job, overrides, uuid.uuid4().hex[:5])
        return self.operation(found["parent"], "Execution", execution.view(), lambda: (execution.is_over(), None))

    def start(self, job, overrides, token):
        project = job["name"].split("/")[1]
        execution = Execution(job, overrides, token, DELAY_S, self.secrets.get(project, {}))
        execution.visible = time.monotonic() + self.hidden_s.get(project, 0)
        execution.future = self.future.get(project)
        self.executions[execution.name] = execution
        job["executionCount"] += 1
        job["latestCreatedExecution"] = {"name": execution.name.split("/")[-1], "createTime": now()}
        execution.begin()
        return execution

    def execution(self, found):
        name = f"{found['parent']}/jobs/{found['job']}/executions/{found['execution']}"
        execution = self.executions.get(name)
        if not execution or execution.visible > time.monotonic():
            raise Refused(404, "NOT_FOUND", f"Resource '{found['execution']}' of kind 'EXECUTION' does not exist.")
        return execution

    def get_execution(self, found, request, caller):
        return self.execution(found).view()

    def list_executions(self, found, request, caller):
        prefix = f"{found['parent']}/jobs/{'' if found['job'] == '-' else found['job'] + '/'}"
        own = [it for name, it in self.executions.items() if name.startswith(prefix) and it.visible <= time.monotonic()]
        own.sort(key=lambda execution: execution.created, reverse=True)
        return page("executions", [execution.view() for execution in own], request)

    def list_tasks(self, found, request, caller):
        return page("tasks", [self.execution(found).task()], request)

    def cancel_execution(self, found, request, caller):
        execution = self.execution(found)
        self.discovery.check("GoogleCloudRunV2CancelExecutionRequest", request.json())
        if execution.is_over():
            raise Refused(400, "FAILED_PRECONDITION", "The execution is already complete and cannot be cancelled.")
        execution.cancel()
        return self.operation(found["parent"], "Execution", execution.view(), lambda: (execution.is_over(), None))

    def delete_execution(self, found, request, caller):
        execution = self.execution(found)
        if not execution.is_over():
            raise Refused(400, "FAILED_PRECONDITION", "The execution is running; cancel it first.")
        del self.executions[execution.name]
        execution.remove()
        return self.operation(found["parent"], "Execution", execution.view(), lambda: (True, None))


def view(job):
    return {name: value for name, value in job.items() if not name.startswith("_")}


def page(name, items, request):
    """https://google.aip.dev/158"""
    size = min(int(request.query.get("pageSize") or PAGE_SIZE), PAGE_SIZE)
    begin = int(request.query.get("pageToken") or 0)
    answer = {name: items[begin : begin + size]}
    if begin + size < len(items):
        answer["nextPageToken"] = str(begin + size)
    return answer


def seconds(text):
    return float(text.removesuffix("s"))


def check_container(container, volumes):
    if not container.get("image"):
        raise Refused(400, "INVALID_ARGUMENT", "template.template.containers.image: required")
    limits = (container.get("resources") or {}).get("limits") or {}
    if unknown := set(limits) - {"cpu", "memory", "nvidia.com/gpu"}:
        raise Refused(400, "INVALID_ARGUMENT", f"resources.limits: unsupported resource {sorted(unknown)}")
    cpus = {"1000m": 1, "2000m": 2, "4000m": 4, "8000m": 8}.get(limits.get("cpu"), limits.get("cpu", 1))
    if str(cpus) not in ("1", "2", "4", "8"):
        raise Refused(400, "INVALID_ARGUMENT", f"resources.limits.cpu: must be 1, 2, 4 or 8, got {limits['cpu']}")
    least, most = SIZES[int(cpus)]
    memory = memory_mib(limits.get("memory", "512Mi"))
    if not memory or not least <= memory <= most:
        raise Refused(400, "INVALID_ARGUMENT", f"resources.limits.memory: with {cpus} CPU from {least}Mi to {most}Mi, got {limits.get('memory')}")
    names = [variable["name"] for variable in container.get("env", [])]
    for name in names:
        if name in RESERVED_VARIABLES or name == "PORT":
            raise Refused(400, "INVALID_ARGUMENT", f"env: the name {name} is reserved")
        if names.count(name) > 1:
            raise Refused(400, "INVALID_ARGUMENT", f"env: the name {name} is set twice")
    for mount in container.get("volumeMounts", []):
        if mount["name"] not in volumes:
            raise Refused(400, "INVALID_ARGUMENT", f"volumeMounts: there is no volume '{mount['name']}'")


def memory_mib(text):
    found = re.fullmatch(r"(\d+)(Mi|Gi)", text)
    return int(found[1]) * {"Mi": 1, "Gi": 1024}[found[2]] if found else None


PARENT = r"/v2/(?P<parent>projects/(?P<project>[^/]+)/locations/[^/]+)"
JOB = r"/jobs/(?P<job>[^/:]+)"
EXECUTION = JOB + r"/executions/(?P<execution>[^/:]+)"
# Permissions: https://docs.cloud.google.com/iam/docs/roles-permissions/run
ROUTES = [
    ("GET", r"/operations/(?P<id>[^/:]+)", "run.operations.get", CloudRun.get_operation),
    ("POST", r"/jobs", "run.jobs.create", CloudRun.create_job),
    ("GET", r"/jobs", "run.jobs.list", CloudRun.list_jobs),
    ("GET", JOB, "run.jobs.get", CloudRun.get_job),
    ("PATCH", JOB, "run.jobs.update", CloudRun.patch_job),
    ("DELETE", JOB, "run.jobs.delete", CloudRun.delete_job),
    ("POST", JOB + ":run", "run.jobs.run", CloudRun.run_job),
    ("GET", JOB + "/executions", "run.executions.list", CloudRun.list_executions),
    ("GET", EXECUTION, "run.executions.get", CloudRun.get_execution),
    ("POST", EXECUTION + ":cancel", "run.executions.cancel", CloudRun.cancel_execution),
    ("DELETE", EXECUTION, "run.executions.delete", CloudRun.delete_execution),
    ("GET", EXECUTION + "/tasks", "run.tasks.list", CloudRun.list_tasks),
]
