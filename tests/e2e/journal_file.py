"""The journal's bytes, as daemon/storage/FORMAT.md has them: to find a record, to damage it, to append a crafted one."""
import struct
from collections import namedtuple

HEADER = 36
HEAD = 12
Record = namedtuple("Record", "at number type payload")


def crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


class Journal:
    """The whole records of a file, up to the first that does not fit."""

    def __init__(self, path):
        data = path.read_bytes()
        self.first = int(path.stem.rpartition("-")[2], 16)
        self.records, at, number = [], HEADER, self.first
        while at + HEAD <= len(data):
            size, kind = struct.unpack_from("<IB", data, at)
            low = int.from_bytes(data[at + 5:at + 8], "little")
            if low != number & 0xFFFFFF or at + HEAD + size > len(data):
                break
            self.records.append(Record(at, number, kind, data[at + HEAD:at + HEAD + size]))
            at, number = at + HEAD + size, number + 1
        self.end = at
        self.next_number = number


def write_records(path, *records):
    """Appends (type, payload) with right numbers and checksums where the whole records end."""
    journal = Journal(path)
    out, number = bytearray(path.read_bytes()[:journal.end]), journal.next_number
    for kind, payload in records:
        head = struct.pack("<IB", len(payload), kind) + struct.pack("<I", number & 0xFFFFFF)[:3]
        out += head + struct.pack("<I", crc32c(struct.pack("<Q", number) + head + payload)) + payload
        number += 1
    path.write_bytes(out)


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def zigzag(number):
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)


def text(value):
    return struct.pack("<I", len(value)) + value.encode()


def series_payload(series, source, sensor, metric, labels=0):
    return varint(series) + varint(source) + text(sensor) + text(metric) + text("") + struct.pack("<I", labels)


def batch_payload(source, readings, count=None):
    """(series less the one before less one, event time less the one before, value as coded) each; no fingerprint."""
    body = b"".join(zigzag(series) + zigzag(time) + varint(value) for series, time, value in readings)
    return b"\0" + varint(source) + varint(1000) + varint(len(readings) if count is None else count) + body
