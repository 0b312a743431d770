#!/usr/bin/env python3
"""Writes launchers/src/ecs/shapes.json: what RegisterTaskDefinition and RunTask take, by AWS's own model of ECS.

usage: ~/.cache/longshore-build/servers/python/bin/python3 tests/servers/ecs_shapes.py > launchers/src/ecs/shapes.json
"""

import json

import botocore.session

OPERATIONS = ("RegisterTaskDefinition", "RunTask")
NUMBERS = ("integer", "long", "double", "float")


def kind(shape, found):
    """The type in the form of launchers/src/ecs/shape.rs; structures are added to those that were found."""
    if shape.type_name == "structure":
        if shape.name not in found:
            found[shape.name] = {}
            found[shape.name] = {name: kind(inner, found) for name, inner in shape.members.items()}
        return shape.name
    if shape.type_name == "list":
        return f"[{kind(shape.member, found)}]"
    if shape.type_name == "map":
        return "{" + kind(shape.value, found) + "}"
    if words := getattr(shape, "enum", None):
        return "|".join(words) + ("|" if len(words) == 1 else "")
    if shape.type_name in NUMBERS:
        return "number"
    return "flag" if shape.type_name == "boolean" else "text"


found = {}
model = botocore.session.get_session().get_service_model("ecs")
for operation in OPERATIONS:
    kind(model.operation_model(operation).input_shape, found)
lines = [f"  {json.dumps(name)}: {json.dumps(found[name])}" for name in sorted(found)]
print("{\n" + ",\n".join(lines) + "\n}")
