"""What AWS's own models say of a request: names, types, words. AWS's servers check the same, and emulators do not."""

import botocore.session
import botocore.validate


class Refused(Exception):
    """A refusal, as AWS would give it."""

    def __init__(self, code, message, status=400):
        super().__init__(message)
        self.code = code
        self.status = status


class Model:
    """The model of a service."""

    def __init__(self, service):
        self.model = botocore.session.get_session().get_service_model(service)

    def check(self, operation, body):
        """Refuses what is not a request for this operation."""
        if operation not in self.model.operation_names:
            raise Refused("UnknownOperationException", f"There is no operation {operation}.")
        shape = self.model.operation_model(operation).input_shape
        report = botocore.validate.ParamValidator().validate(body, shape)
        problems = [report.generate_report()] if report.has_errors() else []
        problems += unknown(shape, body, operation)
        if problems:
            raise Refused("InvalidParameterException", "; ".join(problems))


def unknown(shape, value, place):
    """Members that a shape does not have, and words that an enumeration does not have: botocore lets them pass."""
    if shape.type_name == "structure" and isinstance(value, dict):
        for name, inner in value.items():
            if name in shape.members:
                yield from unknown(shape.members[name], inner, f"{place}.{name}")
            else:
                yield f'{place}: unknown member "{name}"'
    elif shape.type_name == "list" and isinstance(value, list):
        for index, inner in enumerate(value):
            yield from unknown(shape.member, inner, f"{place}[{index}]")
    elif shape.type_name == "string" and getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{place}: {value!r} is not one of {shape.enum}"
