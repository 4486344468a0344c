"""Checks that every example of an OpenAPI 3.1 document on stdin fits the schema that it is an example of."""

import json
import sys

import jsonschema_rs

document = json.load(sys.stdin)
seen = 0
faults = []


def check(where, schema, example):
    global seen
    seen += 1
    whole = {**schema, "components": document["components"]}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    faults.extend(f"{where}: {error.message}" for error in validator.iter_errors(example))


def examples_of(holder):
    if "example" in holder:
        yield holder["example"]
    examples = holder.get("examples", [])
    yield from ([entry["value"] for entry in examples.values()] if isinstance(examples, dict) else examples)


def walk_schema(where, schema):
    """A schema's own examples, and those of what it is made of."""
    if not isinstance(schema, dict):
        return
    for example in examples_of(schema):
        check(where, {key: value for key, value in schema.items() if key not in ("example", "examples")}, example)
    for name, part in schema.get("properties", {}).items():
        walk_schema(f"{where}.{name}", part)
    for word in ("oneOf", "anyOf", "allOf", "prefixItems"):
        for part in schema.get(word, []):
            walk_schema(where, part)
    for word in ("items", "additionalProperties"):
        walk_schema(where, schema.get(word))


def walk_content(where, content):
    for kind, media in content.items():
        if "json" not in kind:
            continue
        for example in examples_of(media):
            check(where, media["schema"], example)
        walk_schema(where, media.get("schema"))


def has_example(content):
    """Whether a reader sees something real: beside the schema, or on it."""
    for kind, media in content.items():
        if "json" not in kind or any(True for _ in examples_of(media)):
            continue
        schema = media["schema"]
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        if not any(True for _ in examples_of(schema)):
            return False
    return True


for name, schema in document["components"]["schemas"].items():
    walk_schema(name, schema)
for path, operations in document["paths"].items():
    for method, operation in operations.items():
        where = f"{method.upper()} {path}"
        for parameter in operation.get("parameters", []):
            for example in examples_of(parameter):
                check(f"{where} {parameter['name']}", parameter["schema"], example)
            walk_schema(f"{where} {parameter['name']}", parameter["schema"])
        bodies = [("body", operation["requestBody"])] if "requestBody" in operation else []
        answers = [(status, answer) for status, answer in operation["responses"].items() if status.startswith("2")]
        for part, value in bodies + list(operation["responses"].items()):
            walk_content(f"{where} {part}", value.get("content", {}))
        for part, value in bodies + answers:
            if not has_example(value.get("content", {})):
                faults.append(f"{where} {part}: has no example")

print(f"{seen} examples")
sys.exit("\n".join(faults) if faults else 0)
