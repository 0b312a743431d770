"""Judges requests by the models that Azure publishes for Python. They are read, not executed: their library is not needed."""

import ast
import importlib.util
import json
import os
import re

from arm import ArmRefused

SHOWN_MAX = 80


class AzureModels:
    """The models of one package."""

    def __init__(self, package):
        folder = importlib.util.find_spec(package).submodule_search_locations[0]
        self.models, self.enums, self.bases = {}, {}, {}
        for name in sorted(name for name in os.listdir(f"{folder}/models") if name.endswith(".py")):
            with open(f"{folder}/models/{name}", encoding="utf-8") as file:
                for item in ast.parse(file.read()).body:
                    if isinstance(item, ast.ClassDef):
                        self.read(item)

    def read(self, item):
        values = {}
        for part in item.body:
            if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name):
                try:
                    values[part.targets[0].id] = ast.literal_eval(part.value)
                except ValueError:
                    pass
        if "_attribute_map" not in values:
            if any("Enum" in ast.unparse(base) for base in item.bases):
                self.enums[item.name] = [value for value in values.values() if isinstance(value, str)]
            return
        self.bases[item.name] = [base.id for base in item.bases if isinstance(base, ast.Name)]
        self.models[item.name] = (values["_attribute_map"], values.get("_validation", {}), words_of(item))

    def words(self, model, field):
        """The words that a field may have; None: any."""
        for name in [model, *self.bases[model]]:
            if name in self.models and (enum := self.models[name][2].get(field)) in self.enums:
                return self.enums[enum]
        return None

    def check(self, model, value):
        """Refuses unknown names, wrong types, unknown words, what only answers have, and what is required and missing."""
        wrong = list(self.wrong(model, value, ""))
        if wrong:
            message = f"The request content was invalid and could not be deserialized: '{'; '.join(wrong)}'."
            raise ArmRefused(400, "InvalidRequestContent", message)

    def wrong(self, model, value, place):
        if not isinstance(value, dict):
            yield f"{place or 'the body'} is no {model}"
            return
        attributes, rules, _ = self.models[model]
        known = {attribute["key"]: (field, attribute["type"]) for field, attribute in attributes.items()}
        flat = dict(flattened(value, {key.split(".")[0] for key in known if "." in key}))
        for key, item in flat.items():
            where = f"{place}.{key}".lstrip(".")
            if key not in known:
                yield f"Could not find member '{key}' on object of type '{model}'. Path '{where}'"
                continue
            field, kind = known[key]
            if rules.get(field, {}).get("readonly"):
                yield f"'{where}' is read-only"
            elif item is not None:
                yield from self.wrong_item(kind, item, where, self.words(model, field))
        for key, (field, _) in known.items():
            if rules.get(field, {}).get("required") and flat.get(key) in (None, "", [], {}):
                yield f"Required property '{key}' not found in JSON. Path '{place}'"

    def wrong_item(self, kind, item, where, words):
        if kind.startswith("["):
            if not isinstance(item, list):
                yield f"'{where}' is no list"
            else:
                for index, part in enumerate(item):
                    yield from self.wrong_item(kind[1:-1], part, f"{where}[{index}]", words)
        elif kind.startswith("{"):
            if not isinstance(item, dict):
                yield f"'{where}' is no map"
            else:
                for name, part in item.items():
                    yield from self.wrong_item(kind[1:-1], part, f"{where}.{name}", None)
        elif kind in self.models:
            yield from self.wrong(kind, item, where)
        elif not is_scalar(kind, item) or (words and item not in words):
            yield f"Error converting value {json.dumps(item)[:SHOWN_MAX]} to type '{kind}'. Path '{where}'"


def words_of(item):
    """The enums that the fields of a model have: only its constructor says so."""
    found = {}
    for part in item.body:
        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
            for argument in part.args.kwonlyargs:
                text = ast.unparse(argument.annotation) if argument.annotation else ""
                if enum := re.search(r"Union\[str, '_models\.(\w+)'\]", text):
                    found[argument.arg] = enum[1]
    return found


def flattened(value, prefixes):
    """Fields that Azure puts below `properties`, and its models beside the others."""
    for name, item in value.items():
        if name in prefixes and isinstance(item, dict):
            for inner, part in item.items():
                yield f"{name}.{inner}", part
        elif name not in prefixes:
            yield name, item


def is_scalar(kind, value):
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind in ("str", "iso-8601"):
        return isinstance(value, str)
    if kind == "int":
        return is_number and int(value) == value
    if kind == "float":
        return is_number
    if kind == "bool":
        return isinstance(value, bool)
    return True
