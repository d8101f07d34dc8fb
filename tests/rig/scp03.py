"""The host's side of SCP03 (GPC Amendment D), for tests: AES from libcrypto by ctypes, the rest written here.

It shares nothing with the product or the card simulator; tests/scenario/card-sim-test.py proves it on published bytes.
"""
import ctypes

_lib = ctypes.CDLL('libcrypto.so.3')
for _name in ('EVP_CIPHER_CTX_new', 'EVP_aes_128_ecb', 'EVP_aes_192_ecb', 'EVP_aes_256_ecb'):
    getattr(_lib, _name).restype = ctypes.c_void_p

TEST_MASTER = bytes.fromhex('404142434445464748494A4B4C4D4E4F')
ISD = bytes.fromhex('A000000151000000')


def _ecb(key, data, encrypt):
    cipher = {16: _lib.EVP_aes_128_ecb, 24: _lib.EVP_aes_192_ecb, 32: _lib.EVP_aes_256_ecb}[len(key)]()
    ctx = ctypes.c_void_p(_lib.EVP_CIPHER_CTX_new())
    out, n = ctypes.create_string_buffer(len(data) + 32), ctypes.c_int()
    try:
        assert _lib.EVP_CipherInit_ex(ctx, ctypes.c_void_p(cipher), None, key, None, int(encrypt)) == 1
        assert _lib.EVP_CIPHER_CTX_set_padding(ctx, 0) == 1
        assert _lib.EVP_CipherUpdate(ctx, out, ctypes.byref(n), data, len(data)) == 1
    finally:
        _lib.EVP_CIPHER_CTX_free(ctx)
    return out.raw[:n.value]


def _xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def aes(key, block):
    return _ecb(key, block, True)


def cbc_encrypt(key, iv, data):
    out = b''
    for k in range(0, len(data), 16):
        iv = aes(key, _xor(iv, data[k:k + 16]))
        out += iv
    return out


def cbc_decrypt(key, iv, data):
    return _xor(_ecb(key, data, False), (iv + data)[:len(data)])


def _double(block):
    n = int.from_bytes(block, 'big') << 1
    return ((n & (1 << 128) - 1) ^ (0x87 if n >> 128 else 0)).to_bytes(16, 'big')


def cmac(key, data):
    """NIST SP 800-38B."""
    k1 = _double(aes(key, bytes(16)))
    blocks = max(1, -(-len(data) // 16))
    last = data[16 * (blocks - 1):]
    last = _xor(last, k1) if len(last) == 16 else _xor((last + b'\x80').ljust(16, b'\0'), _double(k1))
    return cbc_encrypt(key, bytes(16), data[:16 * (blocks - 1)] + last)[-16:]


def kdf3(master, kdd, role):
    """Card key by kdf3; role 1 ENC, 2 MAC, 3 DEK; as long as the master."""
    blocks = (cmac(master, bytes([i, 0, 0, 0, role, 0]) + kdd) for i in (1, 2))
    return b''.join(blocks)[:len(master)]


def factory_keys(kdd, master=TEST_MASTER):
    return [kdf3(master, kdd, role) for role in (1, 2, 3)]


def kcv(key):
    return aes(key, b'\x01' * 16)[:3]


def derive(key, constant, n_bits, context):
    """AmdD 4.1.5."""
    blocks = (cmac(key, bytes(11) + bytes([constant, 0]) + n_bits.to_bytes(2, 'big') + bytes([i]) + context)
              for i in (1, 2))
    return b''.join(blocks)[:n_bits // 8]


def pad(data):
    return (data + b'\x80').ljust((len(data) // 16 + 1) * 16, b'\0')


def unpad(data):
    data = data.rstrip(b'\0')
    if data[-1:] != b'\x80':
        raise ValueError('padding')
    return data[:-1]


class Channel:
    """One channel: begin() with the answer of INITIALIZE UPDATE, then wrap() and unwrap()."""

    def __init__(self, keys, host_challenge):
        self.keys, self.host = keys, host_challenge
        self.n = len(host_challenge)
        self.mcv, self.ctr, self.level = bytes(16), 0, 0

    def initialize_update(self, kvn=0):
        return bytes([0x80, 0x50, kvn, 0, self.n]) + self.host + b'\0'

    def begin(self, answer):
        """Takes the answer without status word; True when the card knows the keys."""
        n, body = self.n, answer[13:]
        self.kdd, self.kvn, self.scp, self.i = answer[:10], answer[10], answer[11], answer[12]
        self.card, self.cryptogram, self.seq = body[:n], body[n:2 * n], body[2 * n:]
        context, bits = self.host + self.card, 8 * len(self.keys[0])
        self.s_enc = derive(self.keys[0], 4, bits, context)
        self.s_mac = derive(self.keys[1], 6, bits, context)
        self.s_rmac = derive(self.keys[1], 7, bits, context)
        self.host_cryptogram = derive(self.s_mac, 1, 8 * n, context)
        return derive(self.s_mac, 0, 8 * n, context) == self.cryptogram

    def expected_challenge(self, aid=ISD):
        return derive(self.keys[0], 2, 8 * self.n, self.seq + aid)

    def external_authenticate(self, level):
        apdu = self._mac(bytes([0x84, 0x82, level, 0]), self.host_cryptogram)
        self.level = level
        return apdu

    def _mac(self, header, data):
        body = header + bytes([len(data) + self.n]) + data
        self.mcv = cmac(self.s_mac, self.mcv + body)
        return body + self.mcv[:self.n]

    def wrap(self, apdu, le=True):
        """Plain short APDU (header, Lc, data; a trailing Le is dropped) to the protected one."""
        data = apdu[5:5 + apdu[4]] if len(apdu) > 5 else b''
        if self.level & 0x02:
            self.ctr += 1
            if data:
                data = cbc_encrypt(self.s_enc, aes(self.s_enc, self.ctr.to_bytes(16, 'big')), pad(data))
        return self._mac(bytes([apdu[0] | 4]) + apdu[1:4], data) + (b'\0' if le else b'')

    def unwrap(self, answer):
        """Plain answer with status word; raises ValueError when the R-MAC is wrong."""
        data, sw = answer[:-2], answer[-2:]
        if not self.level & 0x10 or not (sw == b'\x90\0' or sw[0] in (0x62, 0x63)):
            return answer
        data, mac = data[:-self.n], data[-self.n:]
        if cmac(self.s_rmac, self.mcv + data + sw)[:self.n] != mac:
            raise ValueError('R-MAC')
        if self.level & 0x20 and data:
            icv = aes(self.s_enc, ((1 << 127) | self.ctr).to_bytes(16, 'big'))
            data = unpad(cbc_decrypt(self.s_enc, icv, data))
        return data + sw


def store_data(objects, room=239):
    """Blocks of plain STORE DATA (P1 08, last 88) for [(dgi, bytes)]; a DGI header is never cut."""
    blocks, block = [], b''
    for dgi, value in objects:
        n = len(value)
        head = dgi.to_bytes(2, 'big') + (bytes([n]) if n < 255 else b'\xff' + n.to_bytes(2, 'big'))
        if len(block) + len(head) > room:
            blocks.append(block)
            block = b''
        block += head
        while value:
            if len(block) == room:
                blocks.append(block)
                block = b''
            take = room - len(block)
            block, value = block + value[:take], value[take:]
    blocks.append(block)
    last = len(blocks) - 1
    return [bytes([0x80, 0xE2, 0x88 if k == last else 0x08, k & 255, len(b)]) + b for k, b in enumerate(blocks)]
