"""Reading of Cloud Logging: https://docs.cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list

Of its query language there is what this project asks with; anything else is refused.
"""

import json
import re

from discovery import Discovery
from refused import Refused

PAGE_SIZE = 50
PAGE_SIZE_MAX = 1000
CLAUSES = {
    "type": re.compile(r'resource\.type="(.+)"'),
    "job": re.compile(r'resource\.labels\.job_name="(.+)"'),
    "job_id": re.compile(r'resource\.labels\.job_id="(.+)"'),
    "task": re.compile(r'resource\.labels\.task_name="(.+)"'),
    "location": re.compile(r'resource\.labels\.location="(.+)"'),
    "execution": re.compile(r'labels\."run\.googleapis\.com/execution_name"="(.+)"'),
    "log": re.compile(r"logName=\((.+)\)"),
    "since": re.compile(r'timestamp>="(.+)"'),
}


class CloudLogging:
    def __init__(self, run, vertex):
        self.run, self.vertex = run, vertex
        self.discovery = Discovery("logging.v2")

    def answer(self, request, caller):
        body = request.json()
        self.discovery.check("ListLogEntriesRequest", body)
        projects = body.get("resourceNames", [])
        if len(projects) != 1 or not re.fullmatch(r"projects/[^/]+", projects[0]):
            raise Refused(400, "INVALID_ARGUMENT", "resourceNames: one project is expected")
        caller.check("logging.logEntries.list", projects[0])
        wanted = read_filter(body.get("filter", ""))
        kinds = {"cloud_run_job": self.of_execution, "ml_job": self.of_custom_job}
        if wanted.get("type") not in kinds:
            raise Refused(400, "INVALID_ARGUMENT", f"filter: this double has no {wanted.get('type')}")
        entries = kinds[wanted["type"]](projects[0], wanted)
        order = body.get("orderBy", "timestamp asc")
        if order not in ("timestamp asc", "timestamp desc"):
            raise Refused(400, "INVALID_ARGUMENT", f"orderBy: {order}")
        entries.sort(key=lambda entry: (entry["timestamp"], entry["insertId"]), reverse=order.endswith("desc"))
        size, begin = min(body.get("pageSize", PAGE_SIZE), PAGE_SIZE_MAX), int(body.get("pageToken") or 0)
        answer = {"entries": entries[begin : begin + size]}
        if begin + size < len(entries):
            answer["nextPageToken"] = str(begin + size)
        return answer

    def of_execution(self, project, wanted):
        name = f"{project}/locations/{wanted['location']}/jobs/{wanted['job']}/executions/{wanted['execution']}"
        resource = {"type": "cloud_run_job", "labels": {"job_name": wanted["job"], "location": wanted["location"]}}
        labels = {"run.googleapis.com/execution_name": wanted["execution"]}
        return entries(self.run.executions.get(name), f"{project}/logs/run.googleapis.com%2F", resource, labels, wanted)

    def of_custom_job(self, project, wanted):
        """https://docs.cloud.google.com/sdk/gcloud/reference/ai/custom-jobs/stream-logs: all of a container is task_name's."""
        jobs = self.vertex.jobs.items()
        job = next((it for name, it in list(jobs) if name.startswith(f"{project}/") and name.endswith(f"/{wanted['job_id']}")), None)
        if wanted.get("task") != "workerpool0-0":
            raise Refused(400, "INVALID_ARGUMENT", "filter: this double has the log of workerpool0-0 and no other")
        resource = {"type": "ml_job", "labels": {"job_id": wanted["job_id"], "task_name": wanted["task"]}}
        return entries(job, f"{project}/logs/workerpool0-0", resource, {}, wanted)


def entries(source, log_prefix, resource, labels, wanted):
    """What the container of an execution or a job has put out, as entries of a log."""
    logs = set(re.findall(r'"([^"]+)"', wanted.get("log", "")))
    since, found = in_full(wanted.get("since", "")), []
    for number, (time, stream, text) in enumerate(source.lines() if source else []):
        log = log_prefix + stream if resource["type"] == "cloud_run_job" else log_prefix
        if (logs and log not in logs) or time < since:
            continue
        entry = {
            "insertId": f"{number:010}",
            "timestamp": time,
            "receiveTimestamp": time,
            "logName": log,
            "resource": resource,
            "labels": labels,
        }
        found.append({**entry, **payload(text)})
    return found


def in_full(time):
    """A time with all nine digits of its fraction, as the engine writes it."""
    whole, _, fraction = time.removesuffix("Z").partition(".")
    return f"{whole}.{fraction:0<9}Z" if time else ""


def payload(text):
    """https://docs.cloud.google.com/run/docs/logging#using-json: lines of JSON are read as such."""
    if text.startswith("{"):
        try:
            return {"jsonPayload": json.loads(text)}
        except ValueError:
            pass
    return {"textPayload": text}


def read_filter(text):
    wanted = {}
    for clause in text.split(" AND "):
        for name, pattern in CLAUSES.items():
            if found := pattern.fullmatch(clause):
                wanted[name] = found[1]
                break
        else:
            raise Refused(400, "INVALID_ARGUMENT", f"filter: this double does not know {clause!r}")
    return wanted
