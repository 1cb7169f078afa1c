#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A name server for one zone, for hosts in network namespaces: SRV and A records, UDP.

  name_server.py ADDRESS NAME=A:10.0.0.1 _service=SRV:10:1:7443:NAME …
"""

import socket
import struct
import sys

TYPES = {1: "A", 33: "SRV"}


def encoded(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.rstrip(".").split(".") if part) + b"\0"


def data_of(record):
    kind, *words = record.split(":")
    if kind == "A":
        return socket.inet_aton(words[0])
    priority, weight, port, target = words
    return struct.pack(">HHH", int(priority), int(weight), int(port)) + encoded(target)


def answer(query, records):
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    question = query[12:at + 5]
    kind, = struct.unpack(">H", query[at + 1:at + 3])
    name = ".".join(labels).lower()
    found = [r for owner, r in records if owner == name and r.startswith(TYPES.get(kind, "-") + ":")]
    known = any(owner == name for owner, _ in records)
    head = query[:2] + struct.pack(">HHHHH", 0x8580 if known else 0x8583, 1, len(found), 0, 0)
    return head + question + b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 1, len(data_of(r))) + data_of(r)
                                      for r in found)


def main():
    records = [tuple(word.split("=", 1)) for word in sys.argv[2:]]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind((sys.argv[1], 53))
        print("ready", flush=True)
        while True:
            query, peer = listening.recvfrom(512)
            listening.sendto(answer(query, records), peer)


if __name__ == "__main__":
    main()
