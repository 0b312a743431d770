"""An execution of a Cloud Run job: one task, which is a real container, through its attempts."""

import datetime
import threading
import time
import uuid

import docker_engine

# https://docs.cloud.google.com/run/docs/container-contract#jobs-termination
TERMINATION_GRACE_S = 10
SIGNAL_BASE = 128


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Execution:
    def __init__(self, job, overrides, token, delay_s, secrets):
        self.job_name = job["name"]
        self.name = f"{job['name']}/executions/{job['name'].split('/')[-1]}-{token}"
        self.delay_s, self.created, self.visible, self.future = delay_s, now(), 0, None
        self.secrets = secrets
        self.labels, self.annotations = job["template"].get("labels", {}), job["template"].get("annotations", {})
        self.task_template = overridden(job["template"]["template"], overrides)
        self.uid = str(uuid.uuid4())
        self.lock = threading.Lock()
        self.container = None
        self.is_cancelled = False
        self.started = self.completed = None
        self.running = self.retried = 0
        self.result = {}
        self.condition = {"type": "Completed", "state": "CONDITION_RECONCILING", "lastTransitionTime": self.created}
        self.counts = {"succeededCount": 0, "failedCount": 0, "cancelledCount": 0}

    def begin(self):
        threading.Thread(target=self.work, daemon=True).start()

    def is_over(self):
        return self.completed is not None

    def work(self):
        time.sleep(self.delay_s)
        retries = int(self.task_template.get("maxRetries", 3))
        for attempt in range(retries + 1):
            if self.is_cancelled:
                return self.end_cancelled()
            try:
                self.attempt(attempt)
            except docker_engine.Failed as failed:
                self.result = {"status": {"code": 9, "message": f"The container could not be started: {failed}"}}
            if self.is_cancelled:
                return self.end_cancelled()
            if self.result.get("exitCode") == 0:
                return self.end("CONDITION_SUCCEEDED", None, "Execution completed successfully.", "succeededCount")
            if attempt < retries:
                self.retried = 1
        task = f"{self.name.split('/')[-1]}-task0"
        message = self.result["status"]["message"]
        self.end("CONDITION_FAILED", "NON_ZERO_EXIT_CODE", f"Task {task} failed with message: {message}", "failedCount")

    def attempt(self, number):
        container = self.task_template["containers"][0]
        short = self.name.split("/")[-1]
        env = {variable["name"]: self.value(variable) for variable in container.get("env", [])}
        env.update(CLOUD_RUN_JOB=self.job_name.split("/")[-1], CLOUD_RUN_EXECUTION=short, CLOUD_RUN_TASK_INDEX="0")
        env.update(CLOUD_RUN_TASK_ATTEMPT=str(number), CLOUD_RUN_TASK_COUNT="1")
        limits = container.get("resources", {}).get("limits", {})
        memory = limits.get("memory", "512Mi")
        memory_bytes = int(memory[:-2]) << {"Mi": 20, "Gi": 30}[memory[-2:]]
        cpus = float(limits.get("cpu", "1").replace("000m", ""))
        made = docker_engine.Container(container["image"], container.get("command"), container.get("args"), env, memory_bytes, cpus)
        with self.lock:
            before, self.container = self.container, made
        if before:
            before.remove()
        if self.is_cancelled:
            return
        made.start()
        self.started, self.running = self.started or now(), 1
        if self.is_cancelled:
            made.stop(TERMINATION_GRACE_S)
        self.result = self.ended(made)
        self.running = 0

    def value(self, variable):
        if source := variable.get("valueSource"):
            return self.secrets[source["secretKeyRef"]["secret"]]
        return variable.get("value", "")

    def ended(self, container):
        """Waits for the end of a container: the result of the attempt."""
        limit_s = float(self.task_template.get("timeout", "600s").removesuffix("s"))
        is_late = threading.Event()

        def stop():
            is_late.set()
            container.stop(TERMINATION_GRACE_S)

        timer = threading.Timer(limit_s, stop)
        timer.start()
        code, is_out_of_memory = container.wait()
        timer.cancel()
        container.keep_lines()
        if is_late.is_set():
            return {"status": {"code": 4, "message": "The configured timeout was reached."}}
        if is_out_of_memory:
            return {"termSignal": 9, "status": {"code": 8, "message": "The configured memory limit was reached."}}
        if code == 0:
            return {"exitCode": 0, "status": {}}
        status = {"code": 10, "message": f"The container exited with an error."}
        if code - SIGNAL_BASE in (6, 9, 11, 15):
            return {"termSignal": code - SIGNAL_BASE, "status": status}
        return {"exitCode": code, "status": status}

    def cancel(self):
        self.is_cancelled = True
        self.condition = {**self.condition, "executionReason": "CANCELLING"}
        with self.lock:
            container = self.container
        if container and self.started:
            threading.Thread(target=container.stop, args=(TERMINATION_GRACE_S,), daemon=True).start()

    def end_cancelled(self):
        self.end("CONDITION_FAILED", "CANCELLED", "The execution was cancelled.", "cancelledCount")

    def end(self, state, reason, message, count):
        self.condition = {"type": "Completed", "state": state, "message": message, "lastTransitionTime": now()}
        if reason:
            self.condition["executionReason"] = reason
        self.counts[count] = 1
        self.running, self.completed = 0, now()

    def remove(self):
        with self.lock:
            container = self.container
        if container:
            container.remove()

    def lines(self):
        """Triples of time, stream and text."""
        with self.lock:
            container = self.container
        try:
            return container.lines() if container and self.started else []
        except docker_engine.Failed:
            return container.kept or []

    def view(self):
        condition = dict(self.condition)
        if self.future:
            # A word that is not in any list yet.
            condition["state"] = self.future
        return {
            "name": self.name,
            "uid": self.uid,
            "generation": "1",
            "createTime": self.created,
            "labels": self.labels,
            "annotations": self.annotations,
            "job": self.job_name.split("/")[-1],
            "parallelism": 1,
            "taskCount": 1,
            "template": self.task_template,
            "reconciling": not self.is_over(),
            "conditions": [condition],
            "runningCount": self.running,
            "retriedCount": self.retried,
            **self.counts,
            **({"startTime": self.started} if self.started else {}),
            **({"completionTime": self.completed} if self.completed else {}),
        }

    def task(self):
        short = self.name.split("/")[-1]
        return {"name": f"{self.name}/tasks/{short}-task0", "execution": short, "index": 0, "lastAttemptResult": self.result}


def overridden(template, overrides):
    """The template with what is different in one execution."""
    containers = [dict(container) for container in template["containers"]]
    for override in overrides.get("containerOverrides", []):
        container = next((it for it in containers if it.get("name") == override.get("name")), containers[0])
        if override.get("args") or override.get("clearArgs"):
            container["args"] = override.get("args", [])
        env = {variable["name"]: variable for variable in container.get("env", [])}
        env.update({variable["name"]: variable for variable in override.get("env", [])})
        container["env"] = list(env.values())
    changed = {"timeout": overrides["timeout"]} if "timeout" in overrides else {}
    return {**template, **changed, "containers": containers}
