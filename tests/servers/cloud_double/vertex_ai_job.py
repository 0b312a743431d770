"""A custom job of Vertex AI: one machine with one container, which is a real one."""

import os
import re
import threading
import time

import docker_engine
from cloud_run_execution import SIGNAL_BASE, now

GRACE_S = 10
# What a machine has here; what it would have there does not fit on a tester's.
MEMORY_BYTES = 2 << 30
# What messages look like, from reports of users: https://github.com/GoogleCloudPlatform/vertex-ai-samples/issues/1898
EXITED = "The replica workerpool0-0 exited with a non-zero status of {code}. Termination reason: {reason}."
SEE_LOGS = "\nTo find out more about why your job exited please check the logs: https://console.cloud.google.com/logs/viewer"
OUT_OF_MEMORY = "The replica workerpool0-0 ran out-of-memory and exited with a non-zero status of 137(SIGKILL)."
OVER = ("JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED")


class CustomJob:
    def __init__(self, name, body, delay_s):
        self.name, self.body, self.delay_s, self.created = name, body, delay_s, now()
        self.labels = body.get("labels", {})
        self.visible, self.future = 0, None
        self.state, self.error = "JOB_STATE_QUEUED", None
        self.started = self.ended = self.container = None
        self.is_cancelled = False
        self.lock = threading.Lock()

    def begin(self):
        threading.Thread(target=self.work, daemon=True).start()

    def is_over(self):
        return self.ended is not None

    def work(self):
        time.sleep(self.delay_s)
        if self.is_cancelled:
            return self.end_cancelled()
        self.state = "JOB_STATE_PENDING"
        spec = self.body["jobSpec"]["workerPoolSpecs"][0]["containerSpec"]
        if not docker_engine.has_image(spec["imageUri"]):
            return self.end("JOB_STATE_FAILED", 5, f"Failed to pull image: {spec['imageUri']}: not found.")
        try:
            self.start(spec)
        except docker_engine.Failed as failed:
            message = EXITED.format(code=128, reason="StartError")
            return self.end("JOB_STATE_FAILED", 3, f"{message} \n Termination log message: {failed}")
        self.run()

    def start(self, spec):
        env = {}
        for variable in spec.get("env", []):
            env[variable["name"]] = expanded(variable["value"], env)
        args = [expanded(argument, env) for argument in spec.get("args", [])]
        env["CLOUD_ML_JOB_ID"] = self.name.split("/")[-1]
        made = docker_engine.Container(spec["imageUri"], spec.get("command"), args, env, MEMORY_BYTES, os.cpu_count())
        with self.lock:
            self.container = made
        time.sleep(self.delay_s)
        if not self.is_cancelled:
            made.start()
            self.started, self.state = now(), "JOB_STATE_RUNNING"

    def run(self):
        """Waits for the end of the container."""
        if not self.started:
            return self.end_cancelled()
        if self.is_cancelled:
            self.container.stop(GRACE_S)
        is_late = threading.Event()

        def stop():
            is_late.set()
            self.container.stop(GRACE_S)

        scheduling = self.body["jobSpec"].get("scheduling", {})
        timer = threading.Timer(float(scheduling.get("timeout", "604800s").removesuffix("s")), stop)
        timer.start()
        code, is_out_of_memory = self.container.wait()
        timer.cancel()
        self.container.keep_lines()
        if code == 0:
            self.end("JOB_STATE_SUCCEEDED")
        elif self.is_cancelled:
            self.end_cancelled()
        elif is_late.is_set():
            self.end("JOB_STATE_FAILED", 4, "The job timed out.")
        elif is_out_of_memory:
            self.end("JOB_STATE_FAILED", 8, OUT_OF_MEMORY + SEE_LOGS)
        else:
            shown = f"{code}(SIGKILL)" if code == SIGNAL_BASE + 9 else code
            self.end("JOB_STATE_FAILED", 3, EXITED.format(code=shown, reason="Error") + SEE_LOGS)

    def cancel(self):
        self.is_cancelled = True
        self.state = "JOB_STATE_CANCELLING"
        with self.lock:
            container = self.container
        if container and self.started:
            threading.Thread(target=container.stop, args=(GRACE_S,), daemon=True).start()

    def end_cancelled(self):
        # "it becomes a job with a CustomJob.error value with a google.rpc.Status.code of 1", in customJobs.cancel
        self.end("JOB_STATE_CANCELLED", 1, "CANCELED")

    def end(self, state, code=None, message=None):
        if code:
            self.error = {"code": code, "message": message}
        self.state, self.ended = state, now()

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
        view = {
            **self.body,
            "name": self.name,
            # A word that is not in any list yet.
            "state": self.future or self.state,
            "createTime": self.created,
            "updateTime": self.ended or self.started or self.created,
        }
        optional = {"startTime": self.started, "endTime": self.ended, "error": self.error}
        return {**view, **{name: value for name, value in optional.items() if value}}


def expanded(text, env):
    """ "$(VAR_NAME) are expanded … can be escaped with a double $$", in GoogleCloudAiplatformV1EnvVar"""

    def value(found):
        if found[0].startswith("$$"):
            return found[0][1:]
        return env.get(found[1], found[0])

    return re.sub(r"\$?\$\(([A-Za-z_][A-Za-z0-9_]*)\)", value, text)
