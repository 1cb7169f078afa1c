# SPDX-License-Identifier: Apache-2.0
import cpp
import sizes
from conftest import rules


def body(lines):
    return "".join(f"  x = {i};\n" for i in range(lines))


def test_long_function_fails(tree):
    findings = sizes.check(tree({"src/core/a.cc": "void f() {\n" + body(69) + "}\n"}))
    assert rules(findings) == ["function-size"] and "71 lines" in findings[0].message


def test_function_at_the_limit_is_fine(tree):
    assert sizes.check(tree({"src/core/a.cc": "void f() {\n" + body(68) + "}\n"})) == []


def test_long_file_warns_then_fails(tree):
    warned = sizes.check(tree({"src/core/a.cc": "int a;\n" * 401}))
    assert rules(warned) == ["file-size"] and warned[0].warning
    failed = sizes.check(tree({"src/core/a.cc": "int a;\n" * 601}))
    assert rules(failed) == ["file-size"] and not failed[0].warning


def test_long_python_function_fails(tree):
    text = "def f():\n" + "".join(f"    x = {i}\n" for i in range(70))
    assert rules(sizes.check(tree({"tools/a.py": text}))) == ["function-size"]
    assert rules(sizes.check(tree({"tools/b": "#!/usr/bin/python3\n" + text}))) == ["function-size"]


def test_generated_files_are_exempt(tree):
    assert sizes.check(tree({"console/src/schema.ts": "// auto-generated\n" + "a;\n" * 900})) == []


def names(text):
    return [name for name, _, _ in cpp.functions(text)]


def test_class_is_not_a_function_but_its_methods_are():
    text = "class A {\n public:\n  A() = default;\n  int b() const {\n    return 1;\n  }\n" + "  int c_;\n" * 100 + "};\n"
    assert cpp.functions(text) == [("b", 4, 6)]


def test_namespaces_structs_enums_and_tables_are_not_functions():
    assert names("namespace a::b {\nstruct B { int x{1}; std::string y = f(2); };\n"
                 "enum class E : int { kA, kB };\n"
                 "constexpr std::array<U, 2> kT = {U{1}, U{g(2)}};\n}  // namespace\n"
                 'extern "C" {\nint z;\n}\n') == []


def test_functions_in_all_their_shapes():
    text = """
template <typename T>
auto Foo<T>::bar(int a, std::vector<int> v = {1, 2}) const -> Result<T> {
  return {};
}
Foo::Foo(int a)
    : a_(a), b_{a}, c_({1, 2}) {
  if (a) { b_ = 1; }
}
bool operator==(const A& a, const A& b) { return true; }
A::~A() { stop(); }
TEST(Suite, name) { EXPECT_EQ(1, 1); }
const auto kTwice = [](int x) { return 2 * x; };
runtime::Task<void> Loop::run(std::span<const int> s) noexcept {
  co_return;
}
int table[] = {1, 2};
"""
    assert names(text) == ["Foo<T>::bar", "Foo::Foo", "operator==", "A::~A", "TEST(Suite, name)",
                           "kTwice", "Loop::run"]


def test_lambdas_and_local_classes_belong_to_the_function_around_them():
    text = "void f() {\n  auto g = [&](int a) {\n    struct L { int h() { return 1; } };\n  };\n  g(1);\n}\nint k() {\n}\n"
    assert [(first, last) for _, first, last in cpp.functions(text)] == [(1, 6), (7, 8)]


def test_braces_in_literals_comments_and_macros_do_not_count():
    text = ('void f() {\n  a("}{{");\n  b(\'{\');\n  // }\n  /* } } */\n  c(R"x(}}} ")x");\n  n = 1\'000;\n}\n'
            "#define M(x) \\\n  do {        \\\n  } while (0\nvoid g() {\n}\n")
    assert [(first, last) for _, first, last in cpp.functions(text)] == [(1, 8), (12, 13)]


def test_constructor_with_brace_initialisers_is_measured_whole():
    text = "A::A(int x) : a_{x},\n  b_{x} {\n" + body(80) + "}\n"
    assert cpp.functions(text)[0][1:] == (1, 83)
