#!/usr/bin/env python3
"""decode: a reader of backup files, written from docs/FORMAT.md alone.

    decode.py [--key FILE | --passphrase FILE] [--trust FILE]... BACKUP            the manifest
    decode.py ... BACKUP TABLE                                                     its rows

It knows nothing of mig's source and shares no code with it.  Exit 5: refused.
"""
import argparse
import base64
import hashlib
import json
import sys
import zlib

import nacl.bindings as nacl


class Refused(Exception):
    pass


def need(ok, why):
    if not ok:
        raise Refused(why)


def number(data, at, size):
    return int.from_bytes(data[at:at + size], "little")


def hash_(data, key=b""):
    return hashlib.blake2b(data, digest_size=32, key=key).digest()


def derive(key, name, context):
    return hash_(name.ljust(16, b"\0") + context, key)


def aead_open(sealed, aad, nonce, key, what):
    try:
        return nacl.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, aad, nonce, key)
    except Exception:
        raise Refused(what + " does not decrypt") from None


def no_twins(pairs):
    names = [k for k, _ in pairs]
    need(len(names) == len(set(names)), "a JSON object has a key twice")
    return dict(pairs)


def from_json(data, what):
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=no_twins)
    except ValueError:
        raise Refused(what + " is not JSON") from None
    need(isinstance(value, dict), what + " is not an object")
    return value


def argon(phrase, salt, passes, kib):
    need(1 <= passes <= 16 and 8 <= kib <= 1048576, "asks for too much Argon2id")
    return nacl.crypto_pwhash_alg(32, phrase, salt, passes, kib * 1024, nacl.crypto_pwhash_ALG_ARGON2ID13)


# --- keys as text -----------------------------------------------------------

def text_bytes(line, prefix):
    line = line.strip()
    need(line.startswith(prefix), "not a " + prefix + " line")
    rest = line[len(prefix):]
    data = base64.urlsafe_b64decode(rest + "=" * (-len(rest) % 4))
    need(hash_(data[:-4])[:4] == data[-4:], "a key line is damaged")
    return data


class Key:
    def __init__(self, line, phrase=None):
        data = text_bytes(line, "mig-key-")
        kind = data[0]
        if kind > 16:
            need(len(data) == 165 and phrase is not None, "the key needs a passphrase")
            wrap = argon(phrase, data[9:25], number(data, 1, 4), number(data, 5, 4))
            seed = aead_open(data[113:161], data[:113], data[25:49], wrap, "the key")
            kind -= 16
        else:
            need(len(data) == 37, "a key line is damaged")
            seed = data[1:33]
        none = bytes(32)
        self.sign, _ = nacl.crypto_sign_seed_keypair(derive(seed, b"mig sign", none))
        self.box = None
        if kind == 1:
            self.box, self.box_secret = nacl.crypto_box_seed_keypair(derive(seed, b"mig box", none))


# --- the file ---------------------------------------------------------------

class Backup:
    def __init__(self, data):
        self.data = data
        self.load_ends()
        self.load_index()

    def load_ends(self):
        data = self.data
        need(len(data) >= 128 and data[:8] == bytes.fromhex("894d49470d0a1a0a"), "no magic")
        self.head = head = data[:128]
        need(hash_(head[:96]) == head[96:], "head: checksum")
        need(number(head, 8, 2) == 1 and number(head, 10, 2) == 1, "version or suite")
        self.chunk_max = number(head, 12, 4)
        label_len = number(head, 16, 4)
        self.slots_size = number(head, 20, 4)
        need(1 <= self.chunk_max <= 67108864 and label_len <= 65536, "head: bounds")
        need(4096 <= self.slots_size <= 65536 and self.slots_size % 4096 == 0, "head: slots_size")
        need(not any(head[24:32]) and not any(head[64:96]), "head: zero")
        self.id = head[32:64]
        self.slots_at = (128 + label_len + 4095) // 4096 * 4096
        self.frames_at = self.slots_at + 2 * self.slots_size
        need(len(data) >= self.frames_at + 400, "no footer")
        self.footer = foot = data[-400:]
        need(foot[:8] == b"MIGFOOT1", "no footer")
        self.signer = foot[272:304]
        try:
            nacl.crypto_sign_open(foot[336:] + b"mig backup footer v1\0" + foot[:336], self.signer)
        except Exception:
            raise Refused("footer: signature") from None
        need(not any(foot[92:96]) and not any(foot[192:240]), "footer: zero")
        need(number(foot, 8, 8) == len(data), "footer: size of the file")
        need(foot[16:48] == self.id, "footer: archive_id")
        self.label_bytes = data[128:128 + label_len]
        need(hash_(head) == foot[96:128], "head: not the signed one")
        need(hash_(self.label_bytes) == foot[128:160], "label: not the signed one")
        need(not any(data[128 + label_len:self.slots_at]), "padding")
        self.label = from_json(self.label_bytes, "label")
        self.context = hash_(head + self.label_bytes)

    def load_index(self):
        data, foot = self.data, self.footer
        index_at, entries = number(foot, 56, 8), number(foot, 64, 8)
        need(number(foot, 48, 8) == self.frames_at, "footer: frames_offset")
        need(index_at + entries * 64 + 400 == len(data), "footer: index_offset")
        index = data[index_at:-400]
        need(hash_(index) == foot[160:192], "index: not the signed one")
        at, rows, plain = self.frames_at, 0, 0
        self.streams = {}
        for i in range(entries):
            e = index[i * 64:i * 64 + 64]
            need(number(e, 0, 8) == at, "index: tiling")
            frame = {"at": at, "fixed": e[8:32], "hash": e[32:], "length": number(e, 8, 4), "type": e[12],
                     "flags": e[13], "stream": number(e, 16, 4), "sequence": number(e, 20, 4),
                     "rows": number(e, 24, 4), "plain": number(e, 28, 4)}
            need(frame["type"] in (1, 2) and frame["flags"] < 4 and not any(e[14:16]), "index: frame")
            need((frame["type"] == 2) == (frame["stream"] == 0xffffffff), "index: stream")
            need(frame["plain"] <= self.chunk_max, "index: plain length")
            if frame["type"] == 1:
                rows += frame["rows"]
                plain += frame["plain"]
            self.streams.setdefault(frame["stream"], []).append(frame)
            at += 48 + frame["length"]
        need(at == index_at and rows == number(foot, 72, 8) and plain == number(foot, 80, 8), "index: sums")
        need(len(self.streams) - 1 == number(foot, 88, 4) and 0xffffffff in self.streams, "index: streams")
        for frames in self.streams.values():
            frames.sort(key=lambda f: f["sequence"])
            need([f["sequence"] for f in frames] == list(range(len(frames))), "index: sequence")
            need([f["flags"] & 1 for f in frames] == [0] * (len(frames) - 1) + [1], "index: final")

    def copies(self):
        good = []
        for i in (0, 1):
            at = self.slots_at + i * self.slots_size
            copy = self.data[at:at + self.slots_size]
            count = number(copy, 16, 4)
            if hash_(copy[:-32]) == copy[-32:] and copy[:8] == b"MIGSLOTS" and 1 <= count <= (len(copy) - 128) // 192:
                good.append(copy)
        need(good, "both copies of the slots are damaged")
        return sorted(good, key=lambda c: -number(c, 8, 8))

    def unlock(self, key, phrase):
        for copy in self.copies():
            for i in range(number(copy, 16, 4)):
                record = copy[64 + i * 192:256 + i * 192]
                if record[0] == 1 and key is not None and key.box == record[40:72]:
                    plain = nacl.crypto_box_seal_open(record[72:184], key.box, key.box_secret)
                    need(plain[32:] == self.id, "slot of another file")
                    dek = plain[:32]
                elif record[0] == 2 and phrase is not None:
                    wrap = argon(phrase, record[16:32], number(record, 8, 4), number(record, 12, 4))
                    dek = aead_open(record[56:104], self.id + record[:56], record[32:56], wrap, "the slot")
                else:
                    continue
                self.keys = {n: derive(dek, n, self.context) for n in (
                    b"mig data", b"mig manifest", b"mig footer mac", b"mig slots mac", b"mig commitment")}
                need(self.keys[b"mig commitment"] == copy[32:64], "commitment")
                need(hash_(copy[:-64], self.keys[b"mig slots mac"]) == copy[-64:-32], "slots: MAC")
                need(hash_(self.footer[:240], self.keys[b"mig footer mac"]) == self.footer[240:272], "footer: MAC")
                return
        raise Refused("wrong key")

    def frame(self, f):
        stored = self.data[f["at"]:f["at"] + 48 + f["length"]]
        where = "frame at offset %d" % f["at"]
        need(hash_(stored) == f["hash"], where + ": hash")
        need(stored[:24] == f["fixed"], where + ": header")
        key = self.keys[b"mig data" if f["type"] == 1 else b"mig manifest"]
        packed = aead_open(stored[48:], self.id + stored[:48], stored[24:48], key, where)
        z = zlib.decompressobj()
        plain = z.decompress(packed, f["plain"] + 1)
        need(z.eof and not z.unused_data and len(plain) == f["plain"], where + ": zlib")
        if f["type"] == 1:
            need(plain.count(b"\n") == f["rows"], where + ": rows")
            need(f["flags"] & 2 or not plain or plain.endswith(b"\n"), where + ": ends inside a row")
        return plain

    def content(self, stream):
        need(stream in self.streams, "no stream %d" % stream)
        return b"".join(self.frame(f) for f in self.streams[stream])


# --- rows -------------------------------------------------------------------

MASK = (1 << 64) - 1


def siphash128(key, data):
    """SipHash-2-4, 128 bits of output."""
    def rotl(x, n):
        return (x << n | x >> (64 - n)) & MASK

    k0, k1 = number(key, 0, 8), number(key, 8, 8)
    v0, v1 = k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d ^ 0xee
    v2, v3 = k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573

    def rounds(n):
        nonlocal v0, v1, v2, v3
        for _ in range(n):
            v0 = (v0 + v1) & MASK
            v1 = rotl(v1, 13) ^ v0
            v0 = rotl(v0, 32)
            v2 = (v2 + v3) & MASK
            v3 = rotl(v3, 16) ^ v2
            v0 = (v0 + v3) & MASK
            v3 = rotl(v3, 21) ^ v0
            v2 = (v2 + v1) & MASK
            v1 = rotl(v1, 17) ^ v2
            v2 = rotl(v2, 32)

    end = len(data) - len(data) % 8
    words = [number(data, i, 8) for i in range(0, end, 8)]
    words.append(number(data, end, len(data) - end) | (len(data) & 255) << 56)
    for m in words:
        v3 ^= m
        rounds(2)
        v0 ^= m
    v2 ^= 0xee
    rounds(4)
    low = v0 ^ v1 ^ v2 ^ v3
    v1 ^= 0xdd
    rounds(4)
    return low | (v0 ^ v1 ^ v2 ^ v3) << 64


def digest(content):
    total = 0
    for line in content.split(b"\n")[:-1]:
        total += siphash128(b"mig row digest 1", line)
    return "%032x" % (total % (1 << 128))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--key")
    p.add_argument("--passphrase")
    p.add_argument("--trust", action="append", default=[])
    p.add_argument("--no-digest", action="store_true")
    p.add_argument("backup")
    p.add_argument("table", nargs="?")
    a = p.parse_args()
    phrase = open(a.passphrase, "rb").read().rstrip(b"\r\n") if a.passphrase else None
    try:
        key = Key(open(a.key).read(), phrase) if a.key else None
        trusted = [text_bytes(open(f).read(), "mig-pub-")[1:33] for f in a.trust] + ([key.sign] if key else [])
        b = Backup(open(a.backup, "rb").read())
        need(b.signer in trusted, "the signer is not trusted")
        b.unlock(key, phrase)
        manifest = from_json(b.content(0xffffffff), "manifest")
        for t in manifest["tables"]:
            if a.table in (None, t["name"]) and t["stream"]:
                content = b.content(t["stream"])
                need(content.count(b"\n") == t["rows"] and len(content) == t["bytes"], "rows of " + t["name"])
                need(a.no_digest or digest(content) == t["digest"], "digest of " + t["name"])
                if a.table:
                    sys.stdout.buffer.write(content)
    except Refused as e:
        print("decode: refused: %s" % e, file=sys.stderr)
        return 5
    if not a.table:
        json.dump(manifest, sys.stdout, ensure_ascii=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
