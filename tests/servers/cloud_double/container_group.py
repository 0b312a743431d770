"""A container group: one real container, through its states: https://learn.microsoft.com/en-us/azure/container-instances/container-state"""

import copy
import datetime
import threading
import time

import docker_engine

TERMINATION_GRACE_S = 10
GIGABYTE = 1_000_000_000
# https://learn.microsoft.com/en-us/azure/container-instances/container-instances-resource-and-quota-limits
RUNNING_LOG_BYTES, ENDED_LOG_BYTES, ENDED_LOG_LINES = 4 << 20, 16 << 10, 1000
# Until then, Azure is busy with a group, and refuses to change it.
TRANSITIONS = ("Pending", "Creating")


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class ContainerGroup:
    def __init__(self, scope, name, body, delay_s):
        self.scope, self.name, self.body, self.delay_s = scope, name, body, delay_s
        self.lock = threading.Lock()
        self.visible, self.future, self.cannot_pull = 0, None, False
        self.is_stopped = self.is_deleting = False
        self.container = None
        self.starts = 0
        self.reset()

    def reset(self):
        self.provisioning, self.state, self.events = "Pending", "Pending", []
        self.current = {"state": "Waiting"}

    def begin(self):
        threading.Thread(target=self.work, daemon=True).start()

    def is_over(self):
        return self.state in ("Succeeded", "Failed", "Stopped")

    def is_transitioning(self):
        return self.provisioning in TRANSITIONS and not self.is_over() and not self.cannot_pull

    def event(self, kind, name, message):
        time_now = now()
        self.events.append({"count": 1, "firstTimestamp": time_now, "lastTimestamp": time_now, "name": name, "message": message, "type": kind})

    def work(self):
        time.sleep(self.delay_s)
        image = self.body["properties"]["containers"][0]["properties"]["image"]
        self.provisioning = "Creating"
        self.event("Normal", "Pulling", f'pulling image "{image}"')
        if self.cannot_pull:
            # It goes on trying: https://learn.microsoft.com/en-us/azure/container-instances/container-instances-troubleshooting
            self.event("Warning", "Failed", f'Failed to pull image "{image}": manifest unknown')
            return
        time.sleep(self.delay_s)
        if self.is_stopped or self.is_deleting:
            return
        self.event("Normal", "Pulled", f'Successfully pulled image "{image}"')
        try:
            self.run()
        except docker_engine.Failed as failed:
            self.event("Warning", "Failed", f"Error: Failed to start container: {failed}")
            self.provisioning, self.state = "Failed", "Failed"

    def run(self):
        spec = self.body["properties"]["containers"][0]["properties"]
        env = {it["name"]: it.get("value", it.get("secureValue", "")) for it in spec.get("environmentVariables", [])}
        requests = spec["resources"]["requests"]
        command = spec.get("command")
        entrypoint, arguments = (command[:1], command[1:]) if command else (None, None)
        memory_bytes = int(requests["memoryInGB"] * GIGABYTE)
        made = docker_engine.Container(spec["image"], entrypoint, arguments, env, memory_bytes, requests["cpu"])
        with self.lock:
            before, self.container = self.container, made
            is_unwanted = self.is_deleting or self.is_stopped
        if before:
            before.remove()
        if is_unwanted:
            return made.remove()
        made.start()
        self.starts += 1
        self.event("Normal", "Started", "Started container")
        self.current = {"state": "Running", "startTime": now(), "detailStatus": ""}
        self.state = "Running"
        self.provisioning = "Succeeded"
        if self.is_stopped:
            made.stop(TERMINATION_GRACE_S)
        code, is_out_of_memory = made.wait()
        made.keep_lines()
        detail = "OOMKilled" if is_out_of_memory else "Completed" if code == 0 else "Error"
        self.current = {**self.current, "state": "Terminated", "exitCode": code, "finishTime": now(), "detailStatus": detail}
        self.state = "Stopped" if self.is_stopped else "Succeeded" if code == 0 else "Failed"

    def stop(self):
        with self.lock:
            self.is_stopped, container = True, self.container
        if self.current["state"] == "Running":
            threading.Thread(target=container.stop, args=(TERMINATION_GRACE_S,), daemon=True).start()
        elif not self.is_over():
            self.state = "Stopped"

    def again(self):
        """A group that is over is deployed as new: https://learn.microsoft.com/en-us/azure/container-instances/container-instances-update#limitations"""
        self.is_stopped = False
        self.reset()
        self.begin()

    def remove(self):
        with self.lock:
            self.is_deleting, container = True, self.container
        if container:
            container.remove()

    def log(self, tail, has_times):
        with self.lock:
            container = self.container
        if not container or self.current["state"] == "Waiting":
            return None
        try:
            lines = container.lines()
        except docker_engine.Failed:
            lines = container.kept or []
        texts = [f"{time} {text}\n" if has_times else f"{text}\n" for time, _, text in lines]
        if tail is not None:
            texts = texts[len(texts) - min(tail, len(texts)):]
        if self.is_over():
            texts = texts[-ENDED_LOG_LINES:]
        limit = ENDED_LOG_BYTES if self.is_over() else RUNNING_LOG_BYTES
        return cut(texts, limit)

    def view(self, with_instance):
        view = copy.deepcopy(self.body)
        properties = view["properties"]
        for credential in properties.get("imageRegistryCredentials", []):
            credential.pop("password", None)
        for container in properties["containers"]:
            for variable in container["properties"].get("environmentVariables", []):
                variable.pop("secureValue", None)
        kind = "Microsoft.ContainerInstance/containerGroups"
        view.update(id=f"{self.scope}/providers/{kind}/{self.name}", name=self.name, type=kind)
        properties["provisioningState"] = self.future or ("Deleting" if self.is_deleting else self.provisioning)
        if with_instance:
            current = dict(self.current)
            if self.future and current["state"] == "Waiting":
                current["state"] = self.future
            properties["containers"][0]["properties"]["instanceView"] = {"restartCount": 0, "currentState": current, "events": self.events}
            properties["instanceView"] = {"state": self.future if self.future and self.state == "Pending" else self.state, "events": []}
        return view


def cut(texts, limit):
    """The last whole lines within a limit of bytes."""
    size, first = 0, len(texts)
    while first > 0 and size + len(texts[first - 1].encode()) <= limit:
        first -= 1
        size += len(texts[first].encode())
    return "".join(texts[first:])
