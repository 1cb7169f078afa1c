# SPDX-License-Identifier: Apache-2.0
import layers
from conftest import rules


def found(tree, path, *lines):
    return layers.check(tree({path: "\n".join(lines) + "\n"}))


def test_lower_level_is_fine(tree):
    assert found(tree, "src/net/a.cc", '#include "core/result.h"', "#include <vector>") == []


def test_upward_include_fails(tree):
    findings = found(tree, "src/core/a.h", "", '#include "net/http.h"')
    assert rules(findings) == ["level"]
    assert findings[0].line == 2 and "upward" in findings[0].message


def test_sideways_include_fails(tree):
    assert "sideways" in found(tree, "src/jobs/a.cc", '#include "fleet/registry.h"')[0].message


def test_tests_obey_levels_too(tree):
    assert rules(found(tree, "src/core/tests/a_test.cc", '#include "wire/frame.h"')) == ["level"]


def test_module_without_level_fails(tree):
    assert rules(found(tree, "src/fancy/a.cc", '#include "core/result.h"')) == ["level"]


def test_foreign_detail_fails(tree):
    assert rules(found(tree, "src/net/a.cc", '#include "runtime/detail/precompiled.h"')) == ["private"]
    assert rules(found(tree, "tests/sim/a.cc", '#include "net/detail/tls.h"')) == ["private"]
    assert found(tree, "src/net/tests/b_test.cc", '#include "net/detail/tls.h"') == []


def test_parent_folder_include_fails(tree):
    assert rules(found(tree, "src/net/a.cc", '#include "../core/result.h"')) == ["level"]


def test_foreign_headers_stay_where_they_belong(tree):
    for module, header in [("agent", "boost/beast/core.hpp"), ("access", "openssl/ssl.h"),
                           ("link", "boost/asio.hpp"), ("jobs", "sqlite3.h"),
                           ("identity", "sodium.h"), ("core", "boost/asio/ip/tcp.hpp")]:
        assert rules(found(tree, f"src/{module}/a.cc", f"#include <{header}>")) == ["foreign-header"], header
    for module, header in [("net", "boost/beast/core.hpp"), ("identity", "openssl/x509.h"),
                           ("runtime", "boost/asio.hpp"), ("store", "sqlite3.h"), ("access", "sodium.h")]:
        assert found(tree, f"src/{module}/b.cc", f"#include <{header}>") == [], header


def test_core_may_use_openssl_in_sources_only(tree):
    assert found(tree, "src/core/a.cc", "#include <openssl/evp.h>") == []
    assert rules(found(tree, "src/core/a.h", "#include <openssl/evp.h>")) == ["foreign-header"]


def test_file_cycle_fails(tree):
    findings = layers.check(tree({"src/core/a.h": '#include "core/b.h"\n',
                                  "src/core/b.h": '#include "core/c.h"\n',
                                  "src/core/c.h": '#include "core/a.h"\n'}))
    assert rules(findings) == ["cycle"]
    assert "core/a.h" in findings[0].message


def test_commented_include_counts_for_nothing(tree):
    assert found(tree, "src/core/a.h", '// #include "net/http.h"') == []


def test_agent_allow_list_by_include(tree):
    findings = layers.check(tree({"src/agent/a.cc": '#include "methods/runner.h"\n',
                                  "src/methods/runner.h": '#include "store/database.h"\n'}))
    assert rules(findings) == ["agent"] and "store" in findings[0].message


def test_agent_allow_list_by_link(tree):
    findings = layers.check(tree({"src/agent/CMakeLists.txt": "muster_module(agent DEPS methods)\n",
                                  "src/methods/CMakeLists.txt": "muster_module(methods DEPS net store LIBS x)\n"}))
    assert rules(findings) == ["agent"] and "store" in findings[0].message


def test_linking_upward_fails(tree):
    findings = layers.check(tree({"src/net/CMakeLists.txt": "muster_module(net ASIO DEPS core jobs)\n"}))
    assert rules(findings) == ["level"]
