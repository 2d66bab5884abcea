#!/usr/bin/env python3
"""A loop device around the ciphers of `cryptography`, and an adapter that lets Lawbook judge it.

What units become is the library's, and so are equal halves and units that are too long. The
device is ours: where units lie, their numbers and IVs, and which requests and attachments fit.
"""

import hashlib
import json
import sys

import cryptography
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

UNITS, MOST_UNIT = [512, 1024, 2048, 4096], 16 << 20
OFFERS = {("aes_xts", "plain64"): [256, 512], ("aes_cbc", "essiv_sha256"): [128, 192, 256]}
NAMES = ["cipher", "iv", "key_bits", "unit_bytes", "large_sectors"]
CAN = "image flips offsets first far size_limit read_only crypt_unit partial_units"
PROFILE = {"equal_halves": "decrypt_only", "partial_requests": "refused"}
PROFILE["ciphers"] = [dict(zip(NAMES, [*offer, OFFERS[offer], UNITS, True])) for offer in OFFERS]
PROFILE |= dict.fromkeys(CAN.split(), True)
PROFILE |= dict.fromkeys("none xor transfers block_size".split(), False)
EVENTS = {"show": "image", "flip": "flipped", "reopen": "reopened", "attach": "attached"}
EVENTS |= {"write": "written", "read": "read", "crypt_unit": "crypted"}


class Refused(Exception):
    """A request was refused, and changed nothing. The text is an error of the contract."""


def need(fits, error):
    if not fits:
        raise Refused(error)


class UnitCipher:
    """A transform under a key, of one unit at a time."""

    def __init__(self, key, cipher, key_bits, unit_bytes, large_sectors, iv=None):
        self.is_xts, self.unit_bytes = cipher == "aes_xts", unit_bytes
        self.step = unit_bytes // 512 if large_sectors else 1
        need(key_bits in OFFERS.get((cipher, iv), []), "unsupported")
        # That a unit is too long for XTS, the library says.
        need(unit_bytes in UNITS or (self.is_xts and unit_bytes > MOST_UNIT), "unsupported")
        self.key = bytes.fromhex(key["bytes"]["bytes"])
        need(len(self.key) * 8 == key_bits, "bad_key")

    def crypt(self, direction, n, unit):
        iv = n.to_bytes(16, "little")
        if not self.is_xts:
            salted = algorithms.AES(hashlib.sha256(self.key).digest())
            iv = Cipher(salted, modes.ECB()).encryptor().update(iv)
        cipher = Cipher(algorithms.AES(self.key), modes.XTS(iv) if self.is_xts else modes.CBC(iv))
        try:
            context = cipher.encryptor() if direction == "encrypt" else cipher.decryptor()
            return context.update(unit) + context.finalize()
        except ValueError as error:
            raise Refused("unit_too_long" if len(unit) > MOST_UNIT else "bad_key") from error


def answer(ask, *arguments, **fields):
    try:
        data = ask(*arguments, **fields)
    except Refused as error:
        return {"refused": {"error": str(error)}}
    return {"done": {}} if data is None else {"data": {"bytes": data.hex()}}


class Case:
    """A device and its image. Each kind of op has its method, with its fields for arguments."""

    def __init__(self, backing_bytes, attachment, far=None):
        self.backing_bytes, self.plan, self.image = backing_bytes, attachment, {}
        self.reopen({})

    def fit(self, transform, key, offset_bytes, first, size_limit_bytes, read_only, block_bytes):
        need("cipher" in transform, "unsupported")
        cipher = UnitCipher(key, **transform["cipher"])
        room, unit = self.backing_bytes - offset_bytes, cipher.unit_bytes
        length = size_limit_bytes or room
        need(offset_bytes % (512 * cipher.step) == first % cipher.step == 0, "misfit")
        need(0 < length <= room and length % unit == 0, "misfit")
        cipher.crypt("encrypt", 0, bytes(min(unit, MOST_UNIT + 16)))  # The library may refuse.
        return cipher, offset_bytes // 512, length, first, read_only

    def step(self, op):
        ((kind, fields),) = op.items()
        if kind in ("write", "read"):
            return {EVENTS[kind]: {"answers": getattr(self, kind)(**fields)}}
        return {EVENTS[kind]: {"answer": answer(getattr(self, kind), **fields)}}

    def split(self, ask, sector, whole, cuts):
        pieces = zip([0, *cuts], [*cuts, len(whole)])
        return [answer(ask, sector + a // 512, whole[a:b]) for a, b in pieces]

    def write(self, sector, data, cuts=(), segments=(), then=None):
        return self.split(self.put, sector, bytes.fromhex(data), cuts)

    def read(self, sector, sectors, cuts=(), segments=()):
        return self.split(self.get, sector, range(512 * sectors), cuts)

    def crypt_request(self, direction, sector, data):
        unit_bytes, done = self.cipher.unit_bytes, b""
        need(sector * 512 + len(data) <= self.length, "past_end")
        need(sector * 512 % unit_bytes == len(data) % unit_bytes == 0, "partial")
        for at in range(0, len(data), unit_bytes):
            n = (self.first + self.start + sector + at // 512) % 2**64 // self.cipher.step
            done += self.cipher.crypt(direction, n, data[at : at + unit_bytes])
        return done

    def put(self, sector, data):
        need(not self.read_only, "read_only")
        data, sector = self.crypt_request("encrypt", sector, data), self.start + sector
        self.image |= {sector + at // 512: data[at : at + 512] for at in range(0, len(data), 512)}

    def get(self, sector, whole):
        data = self.show(self.start + sector, len(whole) // 512)
        return self.crypt_request("decrypt", sector, data)

    def show(self, sector, sectors):
        return b"".join(self.image.get(at, bytes(512)) for at in range(sector, sector + sectors))

    def flip(self, byte, bit):
        sector = bytearray(self.show(byte // 512, 1))
        sector[byte % 512] ^= 1 << bit
        self.image[byte // 512] = bytes(sector)

    def attach(self, change):
        self.fit(**self.plan | change)

    def reopen(self, change):
        now = self.fit(**self.plan | change)
        self.cipher, self.start, self.length, self.first, self.read_only = now
        self.plan |= change

    def crypt_unit(self, direction, transform, key, n, data):
        return UnitCipher(key, **transform["cipher"]).crypt(direction, n, bytes.fromhex(data))


def run(id, setup, ops):
    case = Case(**setup)
    return {"id": id, "events": [case.step(op) for op in ops]}


greeting = json.loads(sys.stdin.readline())
assert greeting == {"lawbook": 1, "mechanism": "loopdev"}, greeting
greeting |= {"name": "python-cryptography", "version": cryptography.__version__, "profile": PROFILE}
print(json.dumps(greeting), flush=True)
for line in sys.stdin:
    print(json.dumps(run(**json.loads(line))), flush=True)
