"""Judges requests by Google's discovery documents, which are in the package google-api-python-client."""

import importlib.util
import json
import os
import re

from refused import Refused

SHOWN_MAX = 80


class Discovery:
    """The schemas of one API."""

    def __init__(self, name):
        folder = os.path.dirname(importlib.util.find_spec("googleapiclient").origin)
        with open(f"{folder}/discovery_cache/documents/{name}.json", encoding="utf-8") as file:
            self.schemas = json.load(file)["schemas"]

    def check(self, schema, value):
        """Refuses unknown names, wrong types, unknown words, what is output only, and what is required and missing."""
        wrong = list(self.wrong({"$ref": schema}, value, ""))
        if wrong:
            raise Refused(400, "INVALID_ARGUMENT", "; ".join(wrong))

    def wrong(self, schema, value, place):
        if "$ref" in schema:
            schema = self.schemas[schema["$ref"]]
        kind = schema.get("type")
        where = place or "body"
        if kind == "object":
            if not isinstance(value, dict):
                yield invalid(where, "message", value)
            else:
                yield from self.wrong_fields(schema, value, place)
        elif kind == "array":
            if not isinstance(value, list):
                yield invalid(where, "repeated", value)
            else:
                for index, item in enumerate(value):
                    yield from self.wrong(schema["items"], item, f"{where}[{index}]")
        elif not is_scalar(schema, value):
            yield invalid(where, schema.get("format") or ("TYPE_ENUM" if "enum" in schema else kind), value)

    def wrong_fields(self, schema, value, place):
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        prefix = f"{place}." if place else ""
        for name, field in value.items():
            if name in known:
                if known[name].get("readOnly"):
                    yield f"'{prefix}{name}' is output only"
                elif field is not None:
                    yield from self.wrong(known[name], field, prefix + name)
            elif others:
                yield from self.wrong(others, field, prefix + name)
            else:
                yield f'Invalid JSON payload received. Unknown name "{name}" at \'{place or "body"}\': Cannot find field.'
        for name, field in known.items():
            if field.get("description", "").startswith("Required.") and value.get(name) in (None, "", [], {}):
                yield f"{prefix}{name}: field is required"


def invalid(place, kind, value):
    return f"Invalid value at '{place}' ({kind}), {json.dumps(value)[:SHOWN_MAX]}"


def is_scalar(schema, value):
    kind, form = schema.get("type"), schema.get("format")
    is_number = isinstance(value, int) and not isinstance(value, bool)
    # The JSON of protocol buffers takes numbers as texts as well.
    is_integer = is_number or (isinstance(value, str) and re.fullmatch(r"-?\d+", value) is not None)
    if kind == "string" and form in ("int64", "uint64"):
        return is_integer
    if kind == "string" and "enum" in schema:
        return value in schema["enum"]
    if kind == "string" and form == "google-duration":
        return isinstance(value, str) and re.fullmatch(r"\d+(\.\d{1,9})?s", value) is not None
    if kind == "string":
        return isinstance(value, str)
    if kind == "integer":
        return is_integer
    if kind == "number":
        return is_number or isinstance(value, float)
    if kind == "boolean":
        return isinstance(value, bool)
    return True
