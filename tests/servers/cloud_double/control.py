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
            "grant": self.grant,
            "revoke": self.revoke,
            "used": self.used,
            "containers": self.containers,
            "schema": self.schema,
            **self.double.container_instances.controls(),
        }
        if what not in actions:
            raise Refused(404, "NOT_FOUND", request.path)
        return actions[what](**request.json()) or {}

    def hide(self, project, seconds):
        """What is created in the project from now on is not found for a while."""
        self.double.run.hidden_s[project] = seconds

    def future(self, project, state):
        """Executions that start in the project from now on say that they are in this state."""
        self.double.run.future[project] = state

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

    def schema(self, api, name):
        """A vendor's published schema."""
        return {"run": self.double.run, "logging": self.double.logging}[api].discovery.schemas[name]
