#!/usr/bin/python3
"""Reads the golden vectors a second time: with Python, the `cryptography` package and the RFCs, and none of
the Rust code. What it opens was sealed as WIRE.md says.

Debian: python3-cryptography. Prints "N passed, N failed"; fails if any did."""

import hashlib
import hmac
import json
import pathlib
import struct
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HERE = pathlib.Path(__file__).parent
HEADER = struct.Struct("<BBHIQQIHH")
HOP = struct.Struct("<IQ16s")


def vectors(name):
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def unhex(text):
    return bytes.fromhex(text)


# --- HKDF-SHA256 (RFC 5869)


def extract(salt, secret):
    return hmac.new(salt or bytes(32), secret, hashlib.sha256).digest()


def expand(key, info, length):
    block, out = b"", b""
    while len(out) < length:
        block = hmac.new(key, block + info + bytes([len(out) // 32 + 1]), hashlib.sha256).digest()
        out += block
    return out[:length]


def derive(secret, info, length):
    return expand(extract(b"", secret), info, length)


# --- X25519


def public_of(secret):
    key = X25519PrivateKey.from_private_bytes(secret).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def agree(secret, public):
    return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(public))


# --- HPKE, auth mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM (RFC 9180)

KEM = b"KEM" + struct.pack(">H", 0x0020)
HPKE = b"HPKE" + struct.pack(">HHH", 0x0020, 0x0001, 0x0002)
AUTH = b"\x02"


def labeled_extract(suite, salt, label, secret):
    return extract(salt, b"HPKE-v1" + suite + label + secret)


def labeled_expand(suite, key, label, info, length):
    return expand(key, struct.pack(">H", length) + b"HPKE-v1" + suite + label + info, length)


def hpke_open(encapsulated, to_secret, from_public, info, sealed):
    shared = agree(to_secret, encapsulated) + agree(to_secret, from_public)
    context = encapsulated + public_of(to_secret) + from_public
    secret = labeled_expand(KEM, labeled_extract(KEM, b"", b"eae_prk", shared), b"shared_secret", context, 32)
    schedule = AUTH + labeled_extract(HPKE, b"", b"psk_id_hash", b"") + labeled_extract(HPKE, b"", b"info_hash", info)
    root = labeled_extract(HPKE, secret, b"secret", b"")
    key = labeled_expand(HPKE, root, b"key", schedule, 32)
    nonce = labeled_expand(HPKE, root, b"base_nonce", schedule, 12)
    return AESGCM(key).decrypt(nonce, sealed, b"")


# --- Noise_XX_25519_AESGCM_SHA256 (Noise specification, revision 34)


class Symmetric:
    def __init__(self, prologue):
        self.h = self.chain = b"Noise_XX_25519_AESGCM_SHA256".ljust(32, b"\0")
        self.key = None
        self.mix_hash(prologue)

    def mix_hash(self, data):
        self.h = hashlib.sha256(self.h + data).digest()

    def mix_key(self, secret):
        both = derive_chain(self.chain, secret)
        self.chain, self.key, self.count = both[:32], both[32:], 0

    def open(self, sealed):
        if self.key is None:
            plain = sealed
        else:
            plain = AESGCM(self.key).decrypt(noise_nonce(self.count), sealed, self.h)
            self.count += 1
        self.mix_hash(sealed)
        return plain


def derive_chain(chain, secret):
    return expand(extract(chain, secret), b"", 64)


def noise_nonce(count):
    return struct.pack(">IQ", 0, count)


# --- The format


def ratcheted(given):
    key = unhex(given["generation_key"])
    for _ in range(given["ratchet_steps"]):
        key = derive(key, b"ratchet", 32)
    return key


def hop_key(given, label):
    return derive(unhex(given["hop_secret"]), b"conclave hop v1 " + label, 32)


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return value, at


def check_header(vector):
    given = vector["given"]
    names = ("kind", "level", "epoch", "stream", "sequence", "timestamp", "frame", "fragment", "fragments")
    assert HEADER.size == 32
    assert HEADER.unpack(unhex(vector["hex"])) == tuple(given[name] for name in names)


def check_datagram(vector):
    given, datagram = vector["given"], unhex(vector["hex"])
    assert len(datagram) <= 1200
    session, counter, hop_tag = HOP.unpack(datagram[:28])
    header, sealed = datagram[28:60], datagram[60:]
    assert session == given["session"]
    proven = datagram[:12] + header + sealed[-16:]
    nonce = struct.pack("<IQ", 0, counter)
    assert AESGCM(hop_key(given, b"uplink tag")).decrypt(nonce, hop_tag, proven) == b""

    fields = HEADER.unpack(header)
    epoch, stream, sequence = fields[2:5]
    assert epoch & 0xFF == given["ratchet_steps"]
    info = b"conclave media v1" + struct.pack("<IH", stream, epoch)
    key_and_salt = derive(ratcheted(given), info, 44)
    key, salt = key_and_salt[:32], key_and_salt[32:]
    nonce = bytes(a ^ b for a, b in zip(salt, struct.pack(">IQ", 0, sequence), strict=True))
    aead = {1: AESGCM, 2: ChaCha20Poly1305}[given["suite"]](key)
    assert aead.decrypt(nonce, sealed, header) == unhex(given["payload"])
    altered = bytes([sealed[0] ^ 1]) + sealed[1:]
    try:
        aead.decrypt(nonce, altered, header)
    except InvalidTag:
        return
    raise AssertionError("an altered packet opens")


def check_up(vector):
    given, datagram = vector["given"], unhex(vector["hex"])
    session, counter, tag = HOP.unpack(datagram[:28])
    assert (session, counter) == (given["session"], given["counter"])
    nonce = struct.pack("<IQ", 0, counter)
    aad = datagram[:12] + datagram[28:29]
    body = AESGCM(hop_key(given, b"uplink body")).decrypt(nonce, datagram[29:] + tag, aad)
    assert body == unhex(given["body"])


def check_down(vector):
    given, datagram = vector["given"], unhex(vector["hex"])
    kind, counter = struct.unpack("<BQ", datagram[:9])
    assert (kind, counter) == (5, given["counter"])
    nonce = struct.pack("<IQ", 0, counter)
    body = AESGCM(hop_key(given, b"downlink body")).decrypt(nonce, datagram[9:], datagram[:9])
    assert body == unhex(given["body"])


def check_envelope(vector):
    given, data = vector["given"], unhex(vector["hex"])
    epoch, at = varint(data, 0)
    suite, at = varint(data, at)
    assert (epoch, suite + 1) == (given["epoch"], given["suite"])
    encapsulated, sealed = data[at : at + 32], data[at + 32 :]
    assert len(sealed) == 48
    info = b"conclave key v1" + struct.pack("<IIHB", given["room"], given["sender"], epoch, given["suite"])
    info += unhex(given["sender_nonce"]) + unhex(given["receiver_nonce"])
    key = hpke_open(encapsulated, unhex(given["to_secret"]), unhex(given["from_public"]), info, sealed)
    assert key == ratcheted(given)


def check_identity(vector):
    given, data = vector["given"], unhex(vector["hex"])
    if vector["name"] == "public key":
        assert public_of(unhex(given["secret"])) == data
        return
    text = data.decode()
    assert text == given["text"]
    if vector["name"] == "safety number":
        members = b"".join(sorted(map(unhex, given["keys_and_nonces"])))
        digest = hashlib.sha256(b"conclave safety number v1" + members).digest()
        digits = f"{int.from_bytes(digest[:8], 'big') % 10**12:012}"
        assert text == " ".join((digits[:4], digits[4:8], digits[8:]))
        return
    digest = hashlib.sha256(unhex(given["public_key"])).digest()
    if vector["name"] == "fingerprint":
        assert text.replace("-", "") == digest.hex()
        return
    words = []
    for high, low in zip(digest[0:8:2], digest[1:8:2], strict=True):
        n = high << 8 | low
        c, v = "bdfghjklmnprstvz", "aiou"
        words.append(c[n >> 12] + v[n >> 10 & 3] + c[n >> 6 & 15] + v[n >> 4 & 3] + c[n & 15])
    assert text == "-".join(words)


def check_handshake(messages):
    """Follows the handshake with all secrets known."""
    given = messages[0]["given"]
    secret = {
        who: unhex(given[who]) for who in ("endpoint_secret", "relay_secret", "endpoint_ephemeral", "relay_ephemeral")
    }
    first, second, third, ping, pong = (unhex(message["hex"]) for message in messages)
    preface, first = first[:8], first[8:]
    assert preface == b"CNCL\0\1\0\0"

    def unframe(frame):
        (length,) = struct.unpack(">H", frame[:2])
        assert length == len(frame) - 2
        return frame[2:]

    first, second, third = map(unframe, (first, second, third))
    noise = Symmetric(preface)
    assert first == public_of(secret["endpoint_ephemeral"])
    noise.mix_hash(first)
    noise.open(b"")
    relay_ephemeral = second[:32]
    assert relay_ephemeral == public_of(secret["relay_ephemeral"])
    noise.mix_hash(relay_ephemeral)
    noise.mix_key(agree(secret["endpoint_ephemeral"], relay_ephemeral))
    relay_public = noise.open(second[32:80])
    assert relay_public == public_of(secret["relay_secret"])
    noise.mix_key(agree(secret["endpoint_ephemeral"], relay_public))
    assert noise.open(second[80:]) == b""
    endpoint_public = noise.open(third[:48])
    assert endpoint_public == public_of(secret["endpoint_secret"])
    noise.mix_key(agree(secret["relay_ephemeral"], endpoint_public))
    assert noise.open(third[48:]) == b""
    keys = derive_chain(noise.chain, b"")
    up, down = keys[:32], keys[32:]
    plain = AESGCM(up).decrypt(noise_nonce(0), unframe(ping), b"")
    assert plain[0] == 2 and varint(plain, 1) == (1_000_000, len(plain))
    plain = AESGCM(down).decrypt(noise_nonce(0), unframe(pong), b"")
    sent, at = varint(plain, 1)
    assert plain[0] == 3 and sent == 1_000_000 and varint(plain, at) == (2_000_000, len(plain))


def check_framing(vector):
    magic, a, b = struct.unpack(">4sHH", unhex(vector["hex"]))
    assert magic == b"CNCL"
    assert (a, b) == {"preface": (1, 0), "version refusal": (1, 1)}[vector["name"]]


def cases():
    for vector in vectors("framing.json"):
        yield vector["name"], check_framing, vector
    for vector in vectors("identity.json"):
        yield vector["name"], check_identity, vector
    for vector in vectors("envelopes.json"):
        yield vector["name"], check_envelope, vector
    for vector in vectors("media.json"):
        check = check_header if vector["name"] == "media header" else check_datagram
        yield vector["name"], check, vector
    for vector in vectors("hop.json"):
        check = check_down if vector["name"].endswith(" down") else check_up
        yield vector["name"], check, vector
    yield "handshake", check_handshake, vectors("handshake.json")


def main():
    passed = failed = 0
    for name, check, vector in cases():
        try:
            check(vector)
            passed += 1
        except Exception as error:  # whatever goes wrong is a vector that cannot be read
            failed += 1
            print(f"{name}: {type(error).__name__} {error}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
