"""Damaged and hostile bytes, made from good ones by a seeded generator."""

import gzip
import hashlib
import io
import zipfile
import zlib

#: Numbers at which sizes and signs go wrong.
NUMBERS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**40,
           2**62, 2**63 - 1, 2**63, 2**64 - 1)  # fmt: skip
_MOST = 1 << 16  # bytes of a mutant before it is packed
_BOMB = gzip.compress(bytes(1 << 23))


def mutated(content, random, tokens):
    """Return bytes with one to eight changes."""
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 3, 5, 8))):
        random.choice(_CHANGES)(data, random, tokens)
    return bytes(data[:_MOST])


def _flip(data, random, _):
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _byte(data, random, _):
    if data:
        data[random.randrange(len(data))] = random.choice((0, 10, 13, 34, 44, 0x7F, 0x80, 0xFF))


def _number(data, random, _):
    width, order = random.choice((1, 2, 4, 8)), random.choice(("little", "big"))
    number = random.choice(NUMBERS) % 256**width
    place = random.randrange(len(data) + 1)
    data[place : place + width] = number.to_bytes(width, order)


def _digits(data, random, _):
    """Replace a number in text by another one."""
    places = [place for place, byte in enumerate(data) if 48 <= byte <= 57]
    if places:
        place = random.choice(places)
        data[place : place + 1] = str(random.choice((-1, 1)) * random.choice(NUMBERS)).encode()


def _token(data, random, tokens):
    if tokens:
        place, token = random.randrange(len(data) + 1), random.choice(tokens)
        data[place : place + random.choice((0, len(token)))] = token


def _range(data, random):
    first = random.randrange(len(data) + 1)
    return first, min(len(data), first + random.choice((1, 2, 4, 16, 64, 512)))


def _delete(data, random, _):
    first, last = _range(data, random)
    del data[first:last]


def _repeat(data, random, _):
    first, last = _range(data, random)
    data[last:last] = data[first:last] * random.choice((1, 1, 2, 100))


def _cut(data, random, _):
    del data[random.randrange(len(data) + 1) :]


_CHANGES = (_flip, _flip, _byte, _number, _number, _digits, _token, _token, _delete, _repeat, _cut)


# What makes bytes a file -------------------------------------------------------------------------


def plain(content, random):
    return content


def gzipped(content, random):
    """Compress; now and then with megabytes of zeros behind."""
    return gzip.compress(content, 1, mtime=0) + (_BOMB if random.random() < 0.01 else b"")


def sealed(content, random):
    return content + f"\nsha256 {hashlib.sha256(content).hexdigest()}\n".encode()


def sealed_zip(content, random):
    """Seal like `bitmix.data.save_dataset`, whose seal is the comment of a zip file."""
    return sealed(content[:-2] + (73).to_bytes(2, "little"), random)


def sealed_json(content, random):
    start = content.rpartition(b"sha256 ")[0]
    return start + f'sha256 {hashlib.sha256(start).hexdigest()}"\n}}\n'.encode()


def with_checksums_of_png(content, random):
    """Correct the checksum of each chunk, so that readers get past it."""
    data, place = bytearray(content), 8
    while place + 12 <= len(data):
        end = place + 8 + int.from_bytes(data[place : place + 4], "big")
        if end + 4 > len(data):
            break
        data[end : end + 4] = zlib.crc32(data[place + 4 : end]).to_bytes(4, "big")
        place = end + 4
    return bytes(data)


def with_checksums_of_tar(content, random):
    """Correct the checksum of each header, so that readers get past it."""
    data = bytearray(content)
    for start in range(0, len(data) - 511, 512):
        if data[start + 257 : start + 262] == b"ustar":
            data[start + 148 : start + 156] = b" " * 8
            total = sum(data[start : start + 512])
            data[start + 148 : start + 156] = b"%06o\0 " % total
    return bytes(data)


def from_bytes(seeds, tokens=(), forms=(plain,)):
    """Return a function that makes a mutant of one of the seeds, in one of the forms.

    Most are damaged before they get their form, so that checksums are right; some after it.
    """

    def make(random):
        content, form = random.choice(seeds), random.choice(forms)
        if random.random() < 0.8:
            return form(mutated(content, random, tokens), random)
        return mutated(form(content, random), random, tokens)

    return make


def from_zips(seeds, tokens=(), forms=(plain,)):
    """Return a function like that of `from_bytes`; most mutants have one damaged member."""
    whole = from_bytes(seeds, tokens, forms)

    def make(random):
        if random.random() < 0.3:
            return whole(random)
        buffer = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(random.choice(seeds))) as seed:
            names = seed.namelist()
            bad = random.choice(names)
            kind = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
            with zipfile.ZipFile(buffer, "w", kind) as file:
                for name in names:
                    content = seed.read(name)
                    if name == bad:
                        content = mutated(content, random, tokens)
                        content += bytes(1 << 20) if random.random() < 0.01 else b""
                    file.writestr(zipfile.ZipInfo(name), content, kind)
        return random.choice(forms)(buffer.getvalue(), random)

    return make
