#!/usr/bin/python3
"""proto/station.openapi.yaml against the core's own tables: every route and no other, the same spoil causes, words of
states, valid OpenAPI references. Usage: station-api-test.py SOURCE-ROOT"""
import re
import sys

import yaml


def source(root, name):
    with open(f'{root}/{name}', encoding='utf-8') as file:
        return file.read()


def references(node):
    if isinstance(node, dict):
        if '$ref' in node:
            yield node['$ref']
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def routes_of_the_core(root):
    text = source(root, 'daemon/core/web/api.c')
    return {(m.lower(), p) for m, p in re.findall(r'\{ "(GET|POST|PUT)", "(/v1/[^"]*)"', text)}


def main():
    root = sys.argv[1]
    document = yaml.safe_load(source(root, 'proto/station.openapi.yaml'))
    described = {(m, p) for p, item in document['paths'].items() for m in item if m != 'parameters'}
    assert described == routes_of_the_core(root), described ^ routes_of_the_core(root)
    operations = [item[m]['operationId'] for item in document['paths'].values() for m in item if m != 'parameters']
    assert len(operations) == len(set(operations))
    for reference in references(document):
        node = document
        for part in reference.removeprefix('#/').split('/'):
            node = node[part]
    causes = re.search(r'spoil_causes\[\] = \{(.*?)\}', source(root, 'daemon/core/custody/spoil.c'), re.S).group(1)
    assert re.findall(r'"([a-z_]+)"', causes) == document['components']['schemas']['Cause']['enum']
    for cause in document['components']['schemas']['Cause']['enum']:
        assert cause in source(root, 'daemon/ctl/commands.c'), cause
    states = set(re.findall(r'\{ A, "(\w+)"', source(root, 'daemon/core/ledger/machine.c')))
    assert set(document['components']['schemas']['Waiting']['properties']['state']['enum']) <= states
    print(f'{len(described)} operations described')


main()
