"""Reads both OpenAPI documents as clients do, and lets validators judge them.

    validate.py URL KEY
"""

import sys
import urllib.request

import json
import yaml
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV31SpecValidator
from swagger_spec_validator.validator20 import validate_spec

url, key = sys.argv[1:]


def read(version, accept):
    request = urllib.request.Request(f"{url}/api/docs?openapi={version}", headers={"X-API-Key": key, "Accept": accept})
    with urllib.request.urlopen(request) as answer:
        return answer.read().decode()


for version, validator in (("2.0", OpenAPIV2SpecValidator), ("3.1", OpenAPIV31SpecValidator)):
    document = json.loads(read(version, "application/json"))
    assert yaml.safe_load(read(version, "application/x-yaml")) == document, f"the YAML of {version} is another document"
    assert yaml.safe_load(read(version, "")) == document, f"the text of {version} is another document"
    faults = [f"{list(fault.absolute_path)}: {fault.message}" for fault in validator(document).iter_errors()]
    assert not faults, faults
    print(version, len(document["paths"]), "paths")
validate_spec(json.loads(read("2.0", "application/json")))
