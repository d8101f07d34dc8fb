"""proto/portal.openapi.yaml as a judge: every exchange of the tests is held against it."""
import json
import os
import re

import jsonschema
import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Contract:
    def __init__(self):
        with open(os.path.join(ROOT, 'proto', 'portal.openapi.yaml'), encoding='utf-8') as f:
            self.document = yaml.safe_load(f)
        self.seen = set()       # operationId, status

    def resolve(self, node):
        while '$ref' in node:
            target = self.document
            for part in node['$ref'][2:].split('/'):
                target = target[part]
            node = target
        return node

    def validator(self, schema):
        whole = {'components': self.document['components'], 'allOf': [schema]}
        return jsonschema.Draft202012Validator(whole)

    def named(self, name):
        return self.validator({'$ref': f'#/components/schemas/{name}'})

    def operation(self, method, path):
        """The operation of a concrete path, or None."""
        path = path.split('?')[0]
        for template, item in self.document['paths'].items():
            pattern = re.escape(template).replace(r'\{id\}', '[^/]+').replace(r'\{sha256\}', '[^/]+')
            if re.fullmatch(pattern, path) and method.lower() in item:
                return item[method.lower()]
        return None

    def request_fits(self, method, path, body):
        schema = self.operation(method, path)['requestBody']['content']['application/json']['schema']
        return self.validator(schema).is_valid(body)

    def check_answer(self, method, path, status, headers, body):
        """Raises when the answer is not what the contract describes; returns the JSON, or the bytes of a photo."""
        operation = self.operation(method, path)
        if operation is None:       # an unknown path has the general error
            response = self.document['components']['responses']['Error']
            assert status == 404, status
        else:
            self.seen.add((operation['operationId'], status))
            responses = operation['responses']
            response = self.resolve(responses.get(str(status), responses['default']))
        kind = headers['Content-Type']
        assert kind in response['content'], f'{method} {path} {status}: {kind}'
        assert len(body) == int(headers['Content-Length'])
        assert len(body) <= 1 << 20
        if status in (429, 503):
            assert headers['Retry-After'].isdigit()
        if kind != 'application/json':
            return body
        value = json.loads(body.decode())
        self.validator(response['content'][kind]['schema']).validate(value)
        return value

    def operations(self):
        return {operation['operationId'] for item in self.document['paths'].values()
                for verb, operation in item.items() if verb in ('get', 'post', 'put')}
