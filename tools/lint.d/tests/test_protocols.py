# SPDX-License-Identifier: Apache-2.0
from unittest import mock

import protocols

# A page of the tests' own, so that the real ones may gain rows.
PAGES = {"docs/protocols/region.md": ("src/wire/region.proto", "REGION", {
    "frame": ["kRegionFrameBytesMax"], "reports in a message": ["kReportsPerMessageMax"],
    "an endpoint's id": [None], "instance, address": [None, "kAddressBytesMax"],
    "pace of logins": ["logins_per_second"], "connections of gateways": ["kGatewayLinksMax"]})}
PROTO = "enum RegionKind {\n  REGION_NONE = 0;\n  REGION_HELLO = 1;\n  REGION_PING = 60;\n}\n"
LIMITS = ("inline constexpr std::size_t kRegionFrameBytesMax = 4 * 1024 * 1024;\n"
          "inline constexpr std::size_t kReportsPerMessageMax = 4'096;\n")
MORE = {"src/gateway/gateway.h": "  std::uint32_t logins_per_second = 2'000;\n",
        "src/server/region.cc": "constexpr std::size_t kGatewayLinksMax = 1'000;\n",
        "src/server/gateway_link.cc": "constexpr std::size_t kAddressBytesMax = 256;\n"}
PAGE = ("| frame | number | from |\n|---|---|---|\n| `Hello` | 1 | gateway |\n| `RegionPing` | 60 | both |\n\n"
        "| limit | value | stops |\n|---|---|---|\n"
        "| frame | 4 MiB (`kRegionFrameBytesMax`) | memory |\n| reports in a message | 4,096 | long work |\n"
        "| an endpoint's id | 16 bytes exactly | work for nobody |\n"
        "| instance, address | 16 bytes, 256 bytes | memory |\n"
        "| pace of logins | 2,000 per second | a crowd |\n| connections of gateways | 1,000 | memory |\n")


def told(tree, page=PAGE, proto=PROTO, limits=LIMITS):
    with mock.patch.object(protocols, "PAGES", PAGES):
        return [f.message for f in protocols.check(tree({
            "docs/protocols/region.md": page, "src/wire/region.proto": proto, "src/wire/limits.h": limits, **MORE}))]


def test_true_page_is_fine(tree):
    assert told(tree) == []


def test_wrong_and_missing_numbers_of_messages(tree):
    assert told(tree, PAGE.replace("| 60 |", "| 61 |")) == ["RegionPing is not number 61 in src/wire/region.proto"]
    assert told(tree, proto=PROTO.replace("}", "  REGION_NEW = 7;\n}")) == [
        "the table of messages lacks REGION_NEW of src/wire/region.proto"]
    assert told(tree, PAGE.replace("`Hello`", "`Gone`")) == [
        "Gone is not number 1 in src/wire/region.proto",
        "the table of messages lacks REGION_HELLO of src/wire/region.proto"]


def test_wrong_missing_and_new_limits(tree):
    assert told(tree, PAGE.replace("4 MiB", "8 MiB")) == ["'frame' is not what kRegionFrameBytesMax is (4194304)"]
    assert told(tree, limits=LIMITS.replace("4'096", "5'000")) == [
        "'reports in a message' is not what kReportsPerMessageMax is (5000)"]
    assert told(tree, PAGE.replace("| connections of gateways | 1,000 | memory |\n", "")) == [
        "the table of limits lacks 'connections of gateways'"]
    assert "does not say which constants 'new'" in told(tree, PAGE + "| new | 7 | it |\n")[0]


def test_units():
    assert protocols.quantities("256 bytes a text, 64 entries, 32 KiB in all") == [256, 64, 32768]
    assert protocols.quantities("64 of 64 KiB") == [64, 65536]
    assert protocols.quantities("15 s") == [15000]
