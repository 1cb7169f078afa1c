// SPDX-License-Identifier: Apache-2.0
#include "server/json.h"

#include <gmock/gmock.h>

namespace muster::server {
namespace {

using core::Code;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

json::object object_of(std::string_view text) {
  auto parsed = parse_object(text);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return parsed ? *parsed : json::object{};
}

/// Why reading `text` by `read` is refused; empty where it is not.
std::string refusal(std::string_view text, const std::function<void(Members&)>& read) {
  const json::object object = object_of(text);
  Members members(object, "it.");
  read(members);
  const auto done = members.done();
  if (done) return "";
  EXPECT_EQ(done.error().code, Code::kInvalid);
  return done.error().message;
}

TEST(ParseObject, TakesOneObjectAndNothingElse) {
  EXPECT_TRUE(parse_object(R"( {"a": [1, {"b": null}]} )"));
  for (const std::string_view bad :
       {"", " ", "{", "[]", "1", "null", "\"text\"", "{} {}", "{}x", "{\"a\":}", "{'a':1}",
        "{\"a\":1,}", "\xff", "{\"a\":\"\xff\"}", "{\"a\":NaN}"}) {
    const auto parsed = parse_object(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().code, Code::kInvalid) << bad;
    EXPECT_THAT(parsed.error().message, HasSubstr("the body")) << bad;
  }
  EXPECT_THAT(parse_object("{\"a\": oops}").error().message, HasSubstr("at byte 7"));
}

TEST(ParseObject, DepthIsBounded) {
  const auto nested = [](std::size_t depth) {
    return "{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(parse_object(nested(15)));
  EXPECT_FALSE(parse_object(nested(16)));
  EXPECT_FALSE(parse_object(nested(100'000)));
}

TEST(Members, WhatNobodyReadIsRefused) {
  const auto nothing = [](Members&) {};
  EXPECT_EQ(refusal("{}", nothing), "");
  EXPECT_THAT(refusal(R"({"selektor": 1})", nothing), HasSubstr("no member 'it.selektor'"));
  const std::string ugly = refusal("{\"a\\u0001\\u001b[31m\": 1}", nothing);
  EXPECT_EQ(ugly.find('\x1b'), std::string::npos);
  EXPECT_LT(refusal("{\"" + std::string(5000, 'k') + "\": 1}", nothing).size(), 300U);
}

TEST(Members, TheFirstErrorIsTheOneThatIsTold) {
  EXPECT_THAT(refusal(R"({"a": 1, "b": 2, "more": 3})",
                      [](Members& m) {
                        m.text("b", 9);
                        m.text("a", 9);
                      }),
              HasSubstr("'it.b' must be a string"));
}

TEST(Members, Text) {
  const auto read = [](Members& m) { m.text("t", 4); };
  EXPECT_EQ(refusal("{}", read), "");
  EXPECT_EQ(refusal(R"({"t": ""})", read), "");
  EXPECT_EQ(refusal(R"({"t": "four"})", read), "");
  EXPECT_THAT(refusal(R"({"t": "fives"})", read), HasSubstr("'it.t' is longer than 4 bytes"));
  EXPECT_THAT(refusal(R"({"t": "ääx"})", read), HasSubstr("longer"));  // bytes, not characters
  EXPECT_THAT(refusal("{\"t\": \"a\\u0000\"}", read), HasSubstr("NUL"));
  for (const std::string_view bad : {"null", "1", "true", "[]", "{}"})
    EXPECT_THAT(refusal("{\"t\": " + std::string(bad) + "}", read), HasSubstr("must be a string"));
  const auto required = [](Members& m) { m.required_text("t", 4); };
  EXPECT_THAT(refusal("{}", required), HasSubstr("'it.t' is required"));
  const json::object empty;
  EXPECT_EQ(Members(empty).text("t", 4, "otherwise"), "otherwise");
  EXPECT_FALSE(Members(empty).maybe_text("t", 4));
}

TEST(Members, Integer) {
  const auto read = [](std::string_view text) {
    const json::object object = object_of("{\"n\": " + std::string(text) + "}");
    Members members(object);
    const auto number = members.maybe_integer("n", 0, 10);
    EXPECT_EQ(number.has_value(), members.done().has_value()) << text;
    return number;
  };
  EXPECT_EQ(read("0"), 0);
  EXPECT_EQ(read("10"), 10);
  for (const std::string_view bad :
       {"-1", "11", "1.5", "1.0", "1e1", "\"1\"", "null", "true", "9223372036854775808",
        "18446744073709551615", "18446744073709551616", "-9223372036854775809"})
    EXPECT_FALSE(read(bad)) << bad;
  const json::object large = object_of(R"({"n": 9223372036854775807})");
  EXPECT_EQ(Members(large).maybe_integer("n", 0, INT64_MAX), INT64_MAX);
  EXPECT_THAT(refusal(R"({"n": 11})", [](Members& m) { m.maybe_integer("n", 0, 10); }),
              HasSubstr("a whole number from 0 to 10"));
}

TEST(Members, FlagAndObject) {
  const auto flag = [](Members& m) { m.flag("f", true); };
  EXPECT_EQ(refusal(R"({"f": false})", flag), "");
  EXPECT_THAT(refusal(R"({"f": 0})", flag), HasSubstr("true or false"));
  EXPECT_THAT(refusal(R"({"f": "true"})", flag), HasSubstr("true or false"));
  const json::object empty;
  EXPECT_TRUE(Members(empty).flag("f", true));
  EXPECT_FALSE(Members(empty).flag("f", false));
  EXPECT_THAT(refusal(R"({"o": []})", [](Members& m) { EXPECT_FALSE(m.object("o")); }),
              HasSubstr("must be an object"));
}

TEST(Members, ListsAreBounded) {
  const auto read = [](Members& m) { m.texts("l", 2, 3); };
  EXPECT_EQ(refusal("{}", read), "");
  EXPECT_EQ(refusal(R"({"l": ["a", "abc"]})", read), "");
  EXPECT_THAT(refusal(R"({"l": ["a", "b", "c"]})", read), HasSubstr("at most 2 strings"));
  EXPECT_THAT(refusal(R"({"l": "a"})", read), HasSubstr("a list"));
  for (const std::string_view bad : {R"("four")", R"(1)", R"(null)", R"(["a"])", R"("\u0000")"})
    EXPECT_THAT(refusal("{\"l\": [" + std::string(bad) + "]}", read), HasSubstr("3 bytes")) << bad;
}

TEST(Members, MapsAreBounded) {
  const auto read = [](Members& m) { m.text_map("m", 2, 3); };
  EXPECT_EQ(refusal(R"({"m": {"a": "1", "b": "2"}})", read), "");
  EXPECT_THAT(refusal(R"({"m": {"a": "1", "b": "2", "c": "3"}})", read),
              HasSubstr("more than 2 members"));
  EXPECT_THAT(refusal(R"({"m": {"a": 1}})", read), HasSubstr("'it.m.a' must be a string"));
  EXPECT_THAT(refusal(R"({"m": {"a": "1234"}})", read), HasSubstr("'it.m.a' is longer"));
  EXPECT_THAT(refusal(R"({"m": ["a"]})", read), HasSubstr("must be an object"));
}

TEST(LimitOf, IsAWholeNumberWithinBounds) {
  const auto of = [](std::string text) {
    net::Request request;
    request.query = {{"limit", std::move(text)}};
    return limit_of(request);
  };
  EXPECT_EQ(limit_of(net::Request{}).value(), 100U);
  EXPECT_EQ(of("1").value(), 1U);
  EXPECT_EQ(of("1000").value(), 1000U);
  for (const char* bad :
       {"", "0", "1001", "-1", "+5", " 5", "5 ", "5x", "0x5", "1e2", "18446744073709551617"})
    EXPECT_EQ(of(bad).error().code, Code::kInvalid) << bad;
}

TEST(SetOutput, BytesThatAreNoTextAreCoded) {
  json::object object;
  set_output(object, "stdout", "grüße\n");
  set_output(object, "stderr", "\xff\n");
  set_output(object, "empty", "");
  EXPECT_EQ(json::serialize(object), "{\"stdout\":\"grüße\\n\",\"stderr_base64\":\"/wo=\"}");
}

}  // namespace
}  // namespace muster::server
