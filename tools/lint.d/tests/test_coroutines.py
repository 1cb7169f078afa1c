# SPDX-License-Identifier: Apache-2.0
import coroutines
from conftest import rules

HEAD = "// SPDX-License-Identifier: Apache-2.0\n"


def test_references_to_temporaries_fail(tree):
    for text in ("Task<void> f(const std::string& name);",
                 "runtime::Task<core::Result<int>> X::f(int a,\n    const wire::Upcall& b) {",
                 "Task<std::map<int, std::vector<int>>> f(Thing&& thing);"):
        assert rules(coroutines.check(tree({"src/core/a.cc": HEAD + text}))) == ["coroutine-reference"], text


def test_values_and_lasting_references_pass(tree):
    for text in ("Task<void> f(std::string name);", "Task<void> f(Region& region, Request& request) {",
                 "void f(const std::string& name);", "Task<void> f() { g(const_cast<X&>(x)); }"):
        assert coroutines.check(tree({"src/core/a.cc": HEAD + text})) == [], text
