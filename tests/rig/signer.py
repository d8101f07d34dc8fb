"""Signs as the portal does: a CA, one leaf per purpose (OU approvals, receipts, reissues), compact JWS with ES256.

Keys and certificates are made with the openssl command in a folder of the caller's."""
import base64
import json
import os
import subprocess

TYPES = {'approvals': 'mohr-approval', 'receipts': 'mohr-receipt', 'reissues': 'mohr-reissue'}


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def openssl(*args, data=None):
    return subprocess.run(['openssl', *args], input=data, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE).stdout


def raw_signature(der):
    """ECDSA-Sig-Value to r || s, 32 bytes each."""
    def number(at):
        return int.from_bytes(der[at + 2:at + 2 + der[at + 1]], 'big'), at + 2 + der[at + 1]
    r, at = number(2)
    s, _ = number(at)
    return r.to_bytes(32, 'big') + s.to_bytes(32, 'big')


class Portal:
    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.ca = f'{folder}/portal-ca.pem'
        self._key('portal-ca')
        openssl('req', '-new', '-x509', '-sha256', '-days', '30', '-key', f'{folder}/portal-ca.key', '-subj',
                '/C=IR/O=TVTO/CN=Portal Test CA', '-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-out', self.ca)
        for unit in TYPES:
            self._leaf(unit)

    def _key(self, name):
        openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', f'{self.folder}/{name}.key')

    def _leaf(self, unit):
        self._key(unit)
        path = f'{self.folder}/{unit}'
        with open(f'{path}.cnf', 'w') as f:
            f.write('basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n')
        openssl('req', '-new', '-key', f'{path}.key', '-subj', f'/C=IR/O=TVTO/OU={unit}/CN=Portal {unit}', '-out',
                f'{path}.csr')
        openssl('x509', '-req', '-in', f'{path}.csr', '-CA', self.ca, '-CAkey', f'{self.folder}/portal-ca.key',
                '-CAcreateserial', '-days', '20', '-sha256', '-extfile', f'{path}.cnf', '-out', f'{path}.pem')

    def sign(self, unit, payload, typ=None):
        """payload: bytes, or an object that becomes JSON."""
        if not isinstance(payload, bytes):
            payload = json.dumps(payload, ensure_ascii=False).encode()
        leaf = openssl('x509', '-in', f'{self.folder}/{unit}.pem', '-outform', 'DER')
        header = {'alg': 'ES256', 'typ': typ or TYPES[unit], 'x5c': [base64.b64encode(leaf).decode()]}
        text = b64url(json.dumps(header).encode()) + '.' + b64url(payload)
        der = openssl('dgst', '-sha256', '-sign', f'{self.folder}/{unit}.key', data=text.encode())
        return text + '.' + b64url(raw_signature(der))
