# SPDX-License-Identifier: Apache-2.0
"""The protocol pages say what the code does: numbers of messages, values of limits.

A page's table of messages is held against the enum of its .proto file, both ways. Of its
table of limits each row is listed below with the constants whose values it states, in
their order; None stands for a value that has no constant.
"""

import re

from tree import Finding

CONSTANTS_IN = ("src/wire/limits.h", "src/link/limits.h", "src/content/limits.h", "src/gateway/gateway.h",
                "src/server/region.cc", "src/server/gateway_hub.h", "src/server/gateway_link.cc",
                "src/methods/channel.h", "src/agent/method_channels.h", "src/discovery/message.h",
                "src/discovery/responder.h", "src/discovery/seeker.h", "src/server/sweep.h", "src/net/probe.h",
                "src/server/chain_service.cc", "src/server/intake_service.h", "src/gateway/tiers.h", "src/gateway/upper.h")

PAGES = {
    "docs/protocols/link.md": ("src/wire/link.proto", "FRAME", {
        "frame": ["kFrameBytesMax"],
        "hello deadline": ["kHelloDeadline"],
        "admit deadline": ["kAdmitDeadline"],
        "facts": ["kFactBytesMax", "kFactEntriesMax", None],
        "held runs in `Hello`": ["kHeldRunsMax"],
        "held runs, held bytes on an endpoint": ["kHeldRunsMax", "kHeldBytesMax"],
        "concurrent commands": ["kConcurrentRunsMax"],
        "remembered run ids": ["kRecentRunsMax"],
        "inline result": ["kInlineResultBytesMax"],
        "transfers of one link": ["kHeldRunsMax"],
        "credit": ["kCreditSliceBytes", "kCreditBudgetBytes"],
        "credit stall": ["kCreditStall"],
        "output of a run": ["kOutputBytesDefault", "kOutputBytesCeiling"],
        "upcalls pending": ["kUpcallsPendingMax", "kUpcallBytesMax"],
        "addresses in `MOVED`": ["kMovedGatewaysMax", "kGatewayAddressBytesMax"],
        "other gateways in `Welcome`": ["kOtherGatewaysMax"],
        "reasons": ["kReasonBytesMax"],
    }),
    "docs/protocols/region.md": ("src/wire/region.proto", "REGION", {
        "frame": ["kRegionFrameBytesMax"],
        "reports in a message": ["kReportsPerMessageMax"],
        "an endpoint's id": [None],
        "`Hello.instance`, `Hello.nonce`, remote address in `LinkUp`": [None, None, "kAddressBytesMax"],
        "addresses of a gateway": ["kAddressesMax", "kGatewayAddressBytesMax"],
        "upcalls being answered, of all gateways": ["kUpcallsMax"],
        "chunks ahead of the server's disk": ["kChunksAheadBytesMax"],
        "pace of logins": ["logins_per_second"],
        "connections of gateways": ["kGatewayLinksMax"],
        "gateways above one, gateways behind one": ["kTiersMax", "kBehindMax"],
        "bytes of a tunnel that wait for one side": ["kTunnelAheadBytes"],
        "names in `GatewayHello.behind`, sentences in `.limits`": [
            "kBehindNamesMax", "kLimitsMax", "kLimitBytesMax"],
        "items in an `IntakeUp`": ["kIntakeItemsMax", "kUpcallBytesMax"],
        "bytes that wait to be sent": [None],
    }),
    "docs/protocols/discovery.md": (None, None, {
        "question, answer": ["kDatagramBytes"],
        "datagrams looked at": ["kHeardPerSecond"],
        "answers": ["kAnswersPerAddress", "kAnswersPerSecond"],
        "places in an answer": ["kPlacesMax"],
        "addresses found": ["kFoundMax", "kHeardMax"],
        "questions": ["kQuestions", None, None],
        "addresses of one look through networks": ["kSweepAddressesMax", "kSweepPerSecond"],
        "first line of a service": ["kProbeBytesMax"],
    }),
    "docs/protocols/method-channel.md": (None, None, {
        "line": ["kChannelLineBytesMax"],
        "lines a second": ["kChannelLinesPerSecond"],
        "lines that make no sense": ["kChannelBadLinesMax"],
        "calls waiting": ["kChannelCallsPendingMax"],
        "calls a second": ["kChannelCallsPerSecond"],
        "key of a start": ["kStartKeyBytesMax"],
        "calls of all methods of an endpoint waiting for the server": ["kMethodUpcallsMax"],
        "files fetched by a run": ["kFilesMax"],
        "text of a progress": ["kProgressTextBytesMax"],
        "targets of a run whose progress is kept": [None],
        "reply": ["kChannelLineBytesMax"],
        "replies that are not read": [None],
    }),
    # Its messages travel inside those of the two pages above.
    "docs/protocols/content.md": (None, None, {
        "piece": ["kChunkBytesMax"],
        "range": ["kRangeBytesMax"],
        "object": [None],
        "requests of a client": ["kRequestsPerClientMax"],
        "requests of all clients": ["kRequestsMax"],
        "objects held open": ["kOpenObjectsMax"],
        "loads under way": ["kFetchesMax"],
        "bytes handed to one link, to all": ["kClientBytesMax", "kServeBudgetBytes"],
        "stall": ["kServeStall"],
        "pause after a failed load": ["kMissPause"],
        "hashing anew on complaint": ["kRecheckPause"],
        "downloads under way, waiting": ["kDownloadsMax", "kDownloadsQueuedMax"],
        "waiters of a process": ["kWaitersMax"],
    }),
}

UNITS = {"KiB": 1024, "MiB": 1024 ** 2, "GiB": 1024 ** 3, "ms": 1, "s": 1000}
TIMES = {"milliseconds": 1, "seconds": 1000, "minutes": 60_000, "hours": 3_600_000}
# Names of kinds that differ from their message's name.
SPELT = {"UPCALL_UP": "UPCALL", "UPCALL_REPLY_DOWN": "UPCALL_REPLY", "REGION_PING": "PING", "REGION_PONG": "PONG",
         "INTAKE_UP": "INTAKE", "CONTENT_REQUEST_UP": "CONTENT_REQUEST", "CONTENT_DATA_DOWN": "CONTENT_DATA"}


def constants(tree):
    """{name: value} in bytes, counts and milliseconds."""
    found = {}
    for path in CONSTANTS_IN:
        if path not in tree.paths:
            continue
        for kind, name, value in re.findall(
                r"(\w+) (k[A-Z]\w+|[a-z]\w+_per_second)(?: = |\{)([\d'* ULl]+)[;}]", tree.text(path)):
            product = TIMES.get(kind, 1)
            for factor in value.split("*"):
                product *= int(re.sub(r"[^\d]", "", factor))
            found[name] = product
    return found


def quantities(text):
    """The numbers of a cell in bytes, counts and milliseconds: "64 of 64 KiB" -> [64, 65536]."""
    text = re.sub(r"`[^`]*`", "", text)
    return [int(number.replace(",", "")) * UNITS.get(unit, 1)
            for number, unit in re.findall(r"(\d[\d,]*)(?: (KiB|MiB|GiB|ms|s)\b)?", text)]


def kind_of(message):
    spelt = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", message).upper()
    return SPELT.get(spelt, spelt)


def tables(text):
    """{first heading: [(line, cells)]} of a page."""
    found, rows = {}, None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("|"):
            rows = None
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if rows is None:
            rows = found.setdefault(cells[0], [])
        elif not set(cells[0]) <= set("-:"):
            rows.append((number, cells))
    return found


def check_messages(tree, path, rows, proto, prefix):
    numbers = {name: int(number) for name, number in
               re.findall(rf"^\s*{prefix}_(\w+) = (\d+);", tree.text(proto), re.M) if number != "0"}
    told = {}
    for line, cells in rows:
        for message, number in zip(re.findall(r"`(\w+)`", cells[0]), re.findall(r"\d+", cells[1])):
            told[kind_of(message)] = int(number)
            if numbers.get(kind_of(message)) != int(number):
                yield Finding(path, line, "protocol-page", f"{message} is not number {number} in {proto}")
    for name in sorted(numbers.keys() - told.keys()):
        yield Finding(path, 0, "protocol-page", f"the table of messages lacks {prefix}_{name} of {proto}")


def check_limits(path, rows, limits, values):
    for line, cells in rows:
        names = limits.get(cells[0])
        if names is None:
            yield Finding(path, line, "protocol-page",
                          f"tools/lint.d/protocols.py does not say which constants '{cells[0]}' states")
            continue
        stated = quantities(cells[1])
        for at, name in enumerate(names):
            value = values.get(name)
            if name is not None and (at >= len(stated) or stated[at] != value):
                yield Finding(path, line, "protocol-page", f"'{cells[0]}' is not what {name} is ({value})")
    for gone in sorted(limits.keys() - {cells[0] for _, cells in rows}):
        yield Finding(path, 0, "protocol-page", f"the table of limits lacks '{gone}'")


def check(tree):
    findings, values = [], constants(tree)
    for path, (proto, prefix, limits) in PAGES.items():
        if path not in tree.paths:
            continue
        found = tables(tree.text(path))
        if proto:
            findings += check_messages(tree, path, found.get("frame", []), proto, prefix)
        findings += check_limits(path, found.get("limit", []), limits, values)
    return findings
