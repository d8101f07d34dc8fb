#!/usr/bin/python3
"""Requests, words and the sample approval of the station against proto/portal.openapi.yaml, the authority.

usage: contract-test.py TEST-MESSAGES SOURCE-ROOT"""
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from scenario.contract import Contract  # noqa: E402

METHODS = {"issuance": "PUT"}  # all others: POST


def words_of(source, name):
    """A NULL-terminated list of words in proto/portal/words.c."""
    body = re.search(name + r"\[\] = \{(.*?)\};", source, re.S).group(1)
    return re.findall(r'"([a-z_]+)"', body)


def main():
    program, root = sys.argv[1:]
    contract = Contract()
    lines = subprocess.run([program, "bodies"], check=True, capture_output=True, text=True).stdout.splitlines()
    for line in lines:
        what, path, body = line.split(" ", 2)
        operation = contract.operation(METHODS.get(what, "POST"), path)
        assert operation["operationId"] == what, (what, path)
        contract.validator(operation["requestBody"]["content"]["application/json"]["schema"]).validate(json.loads(body))
    assert len(lines) == 9

    with open(f"{root}/proto/portal/words.c", encoding="utf-8") as file:
        source = file.read()
    for name, schema in (("portal_what_words", "What"), ("portal_stage_words", "Stage"), ("portal_cause_words", "Cause"),
                         ("portal_blank_stage_words", "BlankStage"), ("portal_chip_fate_words", "ChipFate")):
        assert sorted(words_of(source, name)) == sorted(contract.document["components"]["schemas"][schema]["enum"]), name

    with open(f"{root}/tests/data/approval.json", encoding="utf-8") as file:
        contract.named("ApprovalPayload").validate(json.load(file))
    print(f"{len(lines)} requests, 5 word lists and the sample approval agree with the contract")


if __name__ == "__main__":
    main()
