#!/usr/bin/python3
"""Requests, words and the sample approval of the station against proto/portal.openapi.yaml, the authority.

usage: contract-test.py TEST-MESSAGES SOURCE-ROOT"""
import json
import re
import subprocess
import sys

import jsonschema
import yaml


def validator(contract, schema):
    """A JSON Schema (the dialect of OpenAPI 3.1) with the contract's components."""
    return jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": contract["components"]})


def operation_schema(contract, what):
    words = {"shipment_receipt": "shipmentReceipt"}
    for path, item in contract["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and operation.get("operationId") == words.get(what, what):
                reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
                return path, method, reference.rsplit("/", 1)[1]
    raise AssertionError(f"no operation {what}")


def words_of(source, name):
    """A NULL-terminated list of words in proto/portal/words.c."""
    body = re.search(name + r"\[\] = \{(.*?)\};", source, re.S).group(1)
    return re.findall(r'"([a-z_]+)"', body)


def main():
    program, root = sys.argv[1:]
    with open(f"{root}/proto/portal.openapi.yaml", encoding="utf-8") as file:
        contract = yaml.safe_load(file)
    lines = subprocess.run([program, "bodies"], check=True, capture_output=True, text=True).stdout.splitlines()
    for line in lines:
        what, path, body = line.split(" ", 2)
        template, _, schema = operation_schema(contract, what)
        assert re.fullmatch(re.sub(r"\{id\}", "[A-Z0-9-]+", template), path), (template, path)
        validator(contract, schema).validate(json.loads(body))
    assert len(lines) == 8

    with open(f"{root}/proto/portal/words.c", encoding="utf-8") as file:
        source = file.read()
    for name, schema in (("portal_what_words", "What"), ("portal_stage_words", "Stage"), ("portal_cause_words", "Cause"),
                         ("portal_blank_stage_words", "BlankStage"), ("portal_chip_fate_words", "ChipFate")):
        assert sorted(words_of(source, name)) == sorted(contract["components"]["schemas"][schema]["enum"]), name

    with open(f"{root}/tests/data/approval.json", encoding="utf-8") as file:
        validator(contract, "ApprovalPayload").validate(json.load(file))
    print(f"{len(lines)} requests, 5 word lists and the sample approval agree with the contract")


if __name__ == "__main__":
    main()
