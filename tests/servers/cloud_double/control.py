"""What a test may do that no client can: look behind the services, and have things happen.

Everything is about one project or one caller, so that tests do not disturb each other.
"""

from refused import Refused


class Control:
    def __init__(self, double):
        self.double = double

    def answer(self, request):
        what = request.path.removeprefix("/_double/")
        actions = {
            "hide": self.hide,
            "future": self.future,
            "secret": self.secret,
            "grant": self.grant,
            "revoke": self.revoke,
            "used": self.used,
            "containers": self.containers,
            "custom_jobs": self.custom_jobs,
            "schema": self.schema,
            **self.double.container_instances.controls(),
        }
        if what not in actions:
            raise Refused(404, "NOT_FOUND", request.path)
        return actions[what](**request.json()) or {}

    def hide(self, project, seconds):
        """What is created in the project from now on is not found for a while."""
        self.double.run.hidden_s[project] = self.double.vertex.hidden_s[project] = seconds

    def future(self, project, state):
        """Executions and custom jobs that start in the project from now on say that they are in this state."""
        self.double.run.future[project] = self.double.vertex.future[project] = state

    def secret(self, project, name, value):
        """Secret Manager has this from now on."""
        self.double.run.secrets.setdefault(project, {})[name] = value

    def grant(self, caller, permissions):
        """From now on the caller may do no more than this."""
        self.double.tokens.of(caller).grants = set(permissions)

    def revoke(self, caller, forever=False):
        """The caller's tokens are good no longer; with `forever`, there are no others either."""
        self.double.tokens.revoke(caller)
        self.double.tokens.of(caller).is_revoked = forever

    def used(self, caller):
        """The permissions that the caller has needed, and the tokens that it was given."""
        caller = self.double.tokens.of(caller)
        return {"permissions": sorted(caller.used), "tokens": caller.count}

    def containers(self, name):
        """The jobs and executions whose names begin so, and the containers of these."""
        found = [it for full, it in list(self.double.run.executions.items()) if full.startswith(name)]
        jobs = [job for job in list(self.double.run.jobs) if f"{job}/".startswith(name)]
        containers = [it.container.id for it in found if it.container]
        return {"jobs": jobs, "executions": [it.name for it in found], "containers": containers}

    def custom_jobs(self, project, run=""):
        """The custom jobs of the project, or of a run in it, and their containers."""
        found = [job for name, job in list(self.double.vertex.jobs.items()) if name.startswith(f"projects/{project}/")]
        found = [job for job in found if run in ("", job.labels.get("longshore-run"))]
        containers = [job.container.id for job in found if job.container]
        return {"jobs": [job.view() for job in found], "containers": containers}

    def schema(self, api, name):
        """A vendor's published schema."""
        services = {"run": self.double.run, "logging": self.double.logging, "vertex": self.double.vertex}
        return services[api].discovery.schemas[name]
