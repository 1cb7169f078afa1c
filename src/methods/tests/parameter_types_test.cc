// SPDX-License-Identifier: Apache-2.0
#include "methods/parameter_types.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace muster::methods {
namespace {

ParameterType type(std::string_view text) {
  auto parsed = ParameterType::parse(text);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().message);
  return parsed ? *parsed : ParameterType::any();
}

struct Fits {
  std::string_view type;
  std::vector<std::string_view> good;
  std::vector<std::string_view> bad;
};

TEST(ParameterTypeTest, JudgesValues) {
  const Fits cases[] = {
      {"String", {R"("")", R"("x")"}, {"1", "null", "[]", "true"}},
      {"String[1]", {R"("x")"}, {R"("")"}},
      {"String[2, 3]", {R"("äö")", R"("abc")"}, {R"("a")", R"("abcd")", R"("ä")"}},
      {"String[default, 2]", {R"("")", R"("ab")"}, {R"("abc")"}},
      {"Integer", {"1", "-5", "18446744073709551615"}, {"1.5", R"("1")", "null"}},
      {"Integer[1]", {"1", "99"}, {"0", "-1"}},
      {"Integer[default, 5]", {"5", "-100"}, {"6", "18446744073709551615"}},
      {"Float", {"1.5", "1", "-0.5"}, {R"("1.5")", "true"}},
      {"Float[0.5, 1.5]", {"0.5", "1"}, {"0.4", "2"}},
      {"Numeric", {"1", "1.5"}, {R"("1")"}},
      {"Boolean", {"true", "false"}, {"0", R"("true")", "null"}},
      {"Boolean[true]", {"true"}, {"false"}},
      {"Array", {"[]", "[1, \"a\"]"}, {"{}", "1"}},
      {"Array[String]", {"[]", R"(["a"])"}, {"[1]", R"(["a", 1])"}},
      {"Array[Integer, 1, 2]", {"[1]", "[1, 2]"}, {"[]", "[1, 2, 3]"}},
      {"Array[2]", {"[1, 2]"}, {"[1]"}},
      {"Hash", {"{}", R"({"a": 1})"}, {"[]"}},
      {"Hash[String[1], Integer]", {R"({"a": 1})"}, {R"({"": 1})", R"({"a": "x"})"}},
      {"Hash[Integer, String]", {R"({"1": "x"})"}, {R"({"a": "x"})"}},
      {"Hash[String, Any, 1]", {R"({"a": null})"}, {"{}"}},
      {"Struct[{a => String, Optional[b] => Integer, 'c' => Optional[Float]}]",
       {R"({"a": ""})", R"({"a": "", "b": 1, "c": null})"},
       {"{}", R"({"a": 1})", R"({"a": "", "b": null})", R"({"a": "", "d": 1})"}},
      {"Struct[{NotUndef['a'] => Optional[String]}]", {R"({"a": null})"}, {"{}"}},
      {"Tuple[String, Integer]", {R"(["a", 1])"}, {R"(["a"])", R"(["a", 1, 2])", R"([1, "a"])"}},
      {"Tuple[String, Integer, 1, 3]", {R"(["a"])", R"(["a", 1, 2])"}, {"[]", R"(["a", "b"])"}},
      {"Optional[String]", {"null", R"("a")"}, {"1"}},
      {"Optional['on']", {"null", R"("on")"}, {R"("off")"}},
      {"NotUndef", {"1", "[]"}, {"null"}},
      {"NotUndef[Optional[Integer]]", {"1"}, {"null", R"("x")"}},
      {"Variant[Integer, Enum[auto]]", {"1", R"("auto")"}, {R"("x")", "1.5"}},
      {"Enum[option1, 'option 2', Big]", {R"("option1")", R"("option 2")", R"("Big")"}, {R"("x")"}},
      {"Enum[a, b, true]", {R"("A")", R"("b")"}, {R"("c")"}},
      {"Pattern[/^a+$/, /\\d/]", {R"("aa")", R"("x5")", R"("b\naa")"}, {R"("b")", "5"}},
      {"Pattern[/\\A[a-z]+\\Z/]", {R"("ab")", R"("ab\n")"}, {R"("ab\nc")"}},
      {"Regexp", {R"("a+")"}, {"1"}},
      {"Sensitive[String[3]]", {R"("abc")"}, {R"("ab")"}},
      {"Data", {"null", "[1]", R"({"a": []})"}, {}},
      {"Any", {"null", "1"}, {}},
      {"Undef", {"null"}, {"0"}},
      {"Scalar", {"1", "true", R"("a")"}, {"null", "[]"}},
      {"Collection[1]", {"[1]", R"({"a": 1})"}, {"[]", "{}", "1"}},
      {"Timestamp", {R"("2026-11-22T10:00:00Z")"}, {"1"}},
      {"TargetSpec", {R"("a")", R"(["a", "b"])"}, {"1"}},
      {"Stdlib::Absolutepath", {R"("/etc")", R"("C:\\x")"}, {R"("etc")", R"("")"}},
      {"Stdlib::Unixpath", {R"("/")", R"("/a/b c/")"}, {R"("/a\nb")", R"("a/b")"}},
      {"Stdlib::Port", {"0", "65535"}, {"65536", R"("80")", "-1"}},
      {"Stdlib::Fqdn", {R"("a.example.com")", R"("host")"}, {R"("a..b")", R"("-a")", R"("a b")"}},
      {"Stdlib::HTTPUrl", {R"("http://x/y")", R"("HTTPS://x")"}, {R"("ftp://x")", R"("http://")"}},
      {"Stdlib::Httpurl", {R"("http://x/y")"}, {R"("x")"}},
      {"Stdlib::IP::Address",
       {R"("10.0.0.1")", R"("10.0.0.0/8")", R"("::1")", R"("fe80::/64")"},
       {R"("10.0.0.256")", R"("x")"}},
      {"Stdlib::Filemode", {R"("0644")", R"("u=rw,go=r")"}, {R"("999")", R"("x")"}},
      {"Stdlib::MAC", {R"("00:11:22:aa:BB:cc")"}, {R"("00:11")"}},
      {"Stdlib::Yes_no", {R"("YES")", R"("no")"}, {R"("y")"}},
      {"Variant[Array[Stdlib::Port], Stdlib::Port]", {"[1]", "1"}, {"[-1]", "-1"}},
      {"Foo::Bar", {"1", "null"}, {}},
  };
  for (const Fits& c : cases) {
    const ParameterType judged = type(c.type);
    for (const auto value : c.good)
      EXPECT_TRUE(judged.check(json::parse(value))) << c.type << " should accept " << value;
    for (const auto value : c.bad)
      EXPECT_FALSE(judged.check(json::parse(value))) << c.type << " should refuse " << value;
  }
}

TEST(ParameterTypeTest, ReadsTypesAsPuppetWritesThem) {
  for (const char* text : {"  String [ 1 , 2 ] ", "Array[String,]", "Enum['a',\"b\\n\"]",
                           "Hash[String, Array[Hash[String, Variant[String, Integer]]]]",
                           "Struct[{\n  a => Integer[0],\n  'b c' => Any,\n}]", "Integer[-5, -1]",
                           "Float[-1e3, 2.5]", "Pattern[/a\\/b/, 'x+']", "Pattern[Regexp[/a/]]",
                           "Iterable[String]", "SemVer['>=1.0.0']", "Optional[Sensitive]"})
    EXPECT_TRUE(ParameterType::parse(text)) << text;
  struct Wrong {
    std::string text;
    std::size_t column;
  };
  const Wrong cases[] = {{"", 1},
                         {"string", 1},
                         {"Strin", 1},
                         {"String[1", 9},
                         {"String[]", 1},
                         {"String[1] x", 11},
                         {"Array[Strng]", 7},
                         {"Array[String, -1]", 15},
                         {"Array[String, 3, 1]", 15},
                         {"Integer[a]", 9},
                         {"Integer[5, 1]", 1},
                         {"Integer[99999999999999999999]", 9},
                         {"Enum[Integer[1]]", 6},
                         {"Pattern[/(/]", 9},
                         {"Pattern[/a]", 9},
                         {"Enum['a]", 6},
                         {"Struct[a]", 1},
                         {"Struct[{a => String, a => String}]", 22},
                         {"Hash[String]", 1},
                         {"Optional[String, Integer]", 1},
                         {"Callable", 1},
                         {"Stdlib::Port[1]", 1},
                         {"Float[-inf]", 7}};
  for (const Wrong& c : cases) {
    const auto parsed = ParameterType::parse(c.text);
    ASSERT_FALSE(parsed) << c.text;
    EXPECT_EQ(parsed.error().column, c.column) << c.text << ": " << parsed.error().message;
    EXPECT_TRUE(parsed.error().message.starts_with("column ")) << parsed.error().message;
  }
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "Array[";
  EXPECT_FALSE(ParameterType::parse(deep + "Any" + std::string(100, ']')));
  EXPECT_FALSE(ParameterType::parse(std::string(kTypeBytesMax + 1, 'A')));
}

TEST(ParameterTypeTest, SaysWhereAndWhatWasExpected) {
  const ParameterType hosts = type("Array[Struct[{name => String[1], port => Stdlib::Port}]]");
  const auto wrong =
      hosts.check(json::parse(R"([{"name": "a", "port": 1}, {"name": "b", "port": "x"}])"));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().path, "[1].port");
  EXPECT_EQ(wrong.error().text(), "[1].port: expected a port from 0 to 65535, got the text 'x'");
  EXPECT_EQ(hosts.check(json::parse(R"([{"name": "a"}])")).error().text(),
            "[0].port: expected a port from 0 to 65535, got nothing");
  EXPECT_EQ(hosts.check(json::parse(R"([{"name": "a", "port": 1, "p\n": 1}])")).error().text(),
            "[0].p\\x0a: expected no such member, got the number 1");
  // Of several alternatives, the one that was meant.
  EXPECT_EQ(
      type("Variant[Array[Integer], Enum[all]]").check(json::parse("[1, \"a\"]")).error().text(),
      "[1]: expected a whole number, got the text 'a'");
  EXPECT_EQ(type("Variant[Integer, Enum[all]]").check(json::parse("[]")).error().text(),
            "expected a whole number, or 'all', got a list of 0");
  const auto secret = type("String[1, 5]").check(json::value(std::string(1000, 'x')));
  EXPECT_EQ(secret.error().found, "a text of 1000 characters");
}

TEST(ParameterTypeTest, DescribesItselfInPlainWords) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"String", "text"},
      {"String[1]", "text that is not empty"},
      {"String[2, 5]", "text of 2 to 5 characters"},
      {"Integer[1, 65535]", "a whole number from 1 to 65535"},
      {"Integer[1]", "a whole number, at least 1"},
      {"Float[default, 2.5]", "a number, at most 2.5"},
      {"Boolean", "true or false"},
      {"Enum[a, b]", "one of 'a', 'b'"},
      {"Optional[Integer]", "a whole number, or nothing"},
      {"Array[String[1], 1]", "a list of at least 1 element, each text that is not empty"},
      {"Hash[String, Integer]", "an object, each value a whole number"},
      {"Struct[{a => String, Optional[b] => Boolean}]",
       "an object with a: text; b: true or false (may be left out)"},
      {"Pattern[/^x/]", "text that matches /^x/"},
      {"Variant[Integer, Enum[auto]]", "a whole number, or 'auto'"},
      {"Tuple[String, Integer]", "a list: text, then a whole number"},
      {"Stdlib::Absolutepath", "an absolute path"},
      {"Any", "anything"},
      {"Foo::Bar", "Foo::Bar"},
  };
  for (const auto& [text, words] : cases) EXPECT_EQ(type(text).describe(), words) << text;
}

TEST(ParameterTypeTest, WarnsOfWhatItCannotCheck) {
  EXPECT_EQ(type("Array[Foo::Bar]").warnings().size(), 1U);
  const ParameterType looks = type("Pattern[/\\A(?!x)/]");
  ASSERT_EQ(looks.warnings().size(), 1U);
  EXPECT_NE(looks.warnings()[0].find("(?!"), std::string::npos);
  EXPECT_TRUE(looks.check(json::value("xyz")));
  for (const char* ruby : {"(?<=a)b", "(a)\\1", "(?>a)", "[a&&b]", "[a[b]]", "a{2000}", "(?x) a"})
    EXPECT_EQ(type("Pattern[/" + std::string(ruby) + "/]").warnings().size(), 1U) << ruby;
}

TEST(ParameterTypeTest, ReadsRubysExpressionsAsRubyDoes) {
  struct Match {
    std::string_view pattern;
    std::string_view good;
    std::string_view bad;
  };
  const Match cases[] = {
      {"^b$", "a\nb\nc", "ab"},  // lines, not the whole text
      {"\\Ab\\z", "b", "b\n"},
      {"\\A\\h+\\z", "0aF", "0g"},
      {"\\A[\\h-]+\\z", "a-1", "g"},
      {"\\A(?m:a.b)\\z", "a\nb", "ab"},  // Ruby's m lets the dot take line feeds
      {"\\Aa.b\\z", "axb", "a\nb"},
      {"\\A(?i)abc\\z", "ABC", "abd"},
      {"\\A(?<word>a+)\\z", "aa", "b"},
      {"\\A[[:alpha:]]+\\z", "ä", "1"},
      {"\\A[]a]\\z", "]", "b"},
      {"\\A\\/x\\z", "/x", "x"},
  };
  for (const Match& c : cases) {
    const ParameterType judged = type("Pattern[/" + std::string(c.pattern) + "/]");
    EXPECT_TRUE(judged.warnings().empty()) << c.pattern;
    EXPECT_TRUE(judged.check(json::value(c.good))) << c.pattern;
    EXPECT_FALSE(judged.check(json::value(c.bad))) << c.pattern;
  }
}

// A backtracking engine would not end within anybody's life.
TEST(ParameterTypeTest, ExpressionsAreLinearInTheText) {
  const ParameterType evil = type("Pattern[/\\A(a+)+(a+)+(a|aa)*\\z/]");
  EXPECT_FALSE(evil.check(json::value(std::string(100'000, 'a') + "b")));
}

TEST(ParameterTypeTest, TextBecomesWhatTheTypeAsksFor) {
  struct Word {
    std::string_view type;
    std::string_view text;
    std::string_view json;  // empty: refused
  };
  const Word cases[] = {
      {"String", "5", R"("5")"},
      {"Integer", "5", "5"},
      {"Integer", "x", ""},
      {"Float", "5", "5"},
      {"Boolean", "true", "true"},
      {"Boolean", "yes", ""},
      {"Enum[true, x]", "true", R"("true")"},
      {"Any", "5", "5"},
      {"Any", "five", R"("five")"},
      {"Any", "{\"a\": 1}", R"({"a":1})"},
      {"Variant[Integer, String]", "5", "5"},
      {"Variant[Integer, String]", "five", R"("five")"},
      {"Optional[Integer]", "null", "null"},
      {"Array[String]", "a,b", R"(["a","b"])"},
      {"Array[String]", "a", R"(["a"])"},
      {"Array[String]", "", "[]"},
      {"Array[String]", R"(["a,b"])", R"(["a,b"])"},
      {"Optional[Array[Integer]]", "1,2", "[1,2]"},
      {"Array[Integer]", "1,x", ""},
      {"Array[Integer]", "[1, \"x\"]", ""},
      {"Hash", "{\"a\": 1}", R"({"a":1})"},
      {"Hash", "a=1", ""},
      {"Struct[{a => Integer}]", "{\"a\": 1}", R"({"a":1})"},
      {"String[3]", "ab", ""},
      {"Pattern[/^\\d+$/]", "12", R"("12")"},
      {"Stdlib::Port", "80", "80"},
      {"Sensitive[String]", "1", R"("1")"},
  };
  for (const Word& c : cases) {
    const auto value = type(c.type).from_text(c.text);
    EXPECT_EQ(value ? json::serialize(*value) : "", c.json) << c.type << " " << c.text;
  }
  EXPECT_EQ(type("Array[Integer]").from_text("1,x").error().text(),
            "[1]: expected a whole number, got the text 'x'");
}

TEST(ParameterTypeTest, KnowsNullSecretsAndChoices) {
  EXPECT_TRUE(type("Optional[String]").accepts_null());
  EXPECT_TRUE(type("Variant[Undef, Integer]").accepts_null());
  EXPECT_TRUE(type("Data").accepts_null());
  EXPECT_FALSE(type("String").accepts_null());
  EXPECT_TRUE(type("Optional[Sensitive[String]]").is_sensitive());
  EXPECT_FALSE(type("String").is_sensitive());
  EXPECT_EQ(type("Optional[Enum[a, b]]").choices(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(type("Variant[Boolean, Enum[auto]]").choices(),
            (std::vector<std::string>{"true", "false", "auto"}));
}

}  // namespace
}  // namespace muster::methods
