"""Writes the schemas of a CustomResourceDefinition as kubeconform reads them: custom-schemas.py <file> <folder>"""

import json
import pathlib
import sys

import yaml


def closed(schema):
    """The API server drops what a schema does not name; here it fails."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inside = {name: closed(value) for name, value in schema.items()}
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and not is_open:
        inside["additionalProperties"] = False
    return inside


file, folder = sys.argv[1], pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
for document in yaml.safe_load_all(pathlib.Path(file).read_text()):
    spec = document["spec"]
    for version in spec["versions"]:
        schema = closed(version["schema"]["openAPIV3Schema"])
        schema["properties"]["metadata"] = {"type": "object"}
        name = f"{spec['names']['kind'].lower()}-{spec['group'].split('.')[0]}-{version['name']}.json"
        (folder / name).write_text(json.dumps(schema))
