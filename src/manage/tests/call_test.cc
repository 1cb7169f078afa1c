// SPDX-License-Identifier: Apache-2.0
#include "manage/call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "manage/failures.h"
#include "manage/neighbours.h"
#include "manage/operation.h"
#include "manage/proxy.h"

namespace muster::manage {
namespace {

using core::Code;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using Way = std::vector<std::string>;

net::Request asking(std::string target, net::Pairs more = {}) {
  net::Request request;
  request.method = "POST";
  request.target = std::move(target);
  request.headers = {{"host", "x"}, {"muster-management", "1"}};
  for (auto& each : more) request.headers.push_back(std::move(each));
  return request;
}

Code refusal(const net::Request& request) {
  const auto call = parse_call(request);
  return call ? Code::kInternal : call.error().code;
}

TEST(Call, NamesOperationArgumentsAndWays) {
  const auto call = parse_call(asking("/file.get?path=data%2Fa%20b&via=b%2Fc&via=*",
                                      {{"muster-trail", "aa,bb"}, {"muster-time-left", "1500"}}));
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_EQ(call->operation, "file.get");
  EXPECT_EQ(call->argument("path"), "data/a b");
  EXPECT_THAT(call->via, ElementsAre(Way{"b", "c"}, Way{"*"}));
  EXPECT_THAT(call->trail, ElementsAre("aa", "bb"));
  EXPECT_EQ(call->time_left, std::chrono::milliseconds(1500));
}

TEST(Call, TheSignIsThereOnceOrTheCallIsRefused) {
  EXPECT_TRUE(has_sign({{"muster_management", "x"}}));
  EXPECT_FALSE(has_sign({{"x-muster-management", "1"}}));
  auto twice = asking("/status", {{"muster-management", "1"}});
  EXPECT_EQ(refusal(twice), Code::kInvalid);
  auto other = asking("/status");
  other.headers[1].second = "2";
  EXPECT_EQ(refusal(other), Code::kInvalid);
  auto get = asking("/status");
  get.method = "GET";
  EXPECT_EQ(refusal(get), Code::kInvalid);
  EXPECT_EQ(refusal(asking("/status", {{"origin", "https://x"}})), Code::kDenied);
  EXPECT_EQ(refusal(asking("/status", {{"sec-fetch-site", "same-origin"}})), Code::kDenied);
}

TEST(Call, WhatIsNoCall) {
  for (const char* target :
       {"/", "status", "/Status", "/a/b", "/status?a=1&a=2", "/status?x=%", "/status?via=B",
        "/status?via=*/b", "/status?via=", "/status?via=a//b"})
    EXPECT_EQ(refusal(asking(target)), Code::kInvalid) << target;
  EXPECT_EQ(refusal(asking("/status?via=a/b/c/d/e")), Code::kLimit);
  EXPECT_EQ(refusal(asking("/status", {{"muster-trail", "a,b,c,d,e"}})), Code::kLimit);
  EXPECT_EQ(refusal(asking("/status", {{"muster-time-left", "soon"}})), Code::kInvalid);
  std::string many = "/status?via=a";
  for (std::size_t i = 0; i < kViaMax; ++i) many += "&via=a";
  EXPECT_EQ(refusal(asking(many)), Code::kLimit);
}

TEST(Call, GoesOnAsItCame) {
  const auto call = parse_call(asking("/file.list?path=a%26b", {{"muster-trail", "aa"}}));
  ASSERT_TRUE(call);
  const auto next = onward(*call, {{"c", "d"}}, "bb", std::chrono::milliseconds(700));
  EXPECT_EQ(next.target, "/file.list?path=a%26b&via=c%2Fd");
  EXPECT_THAT(next.headers,
              ElementsAre(Pair("Muster-Management", "1"), Pair("Muster-Trail", "aa,bb"),
                          Pair("Muster-Time-Left", "700")));
}

TEST(Call, RangesOfAFile) {
  const auto range = [](const char* header) { return parse_range(header, 100); };
  EXPECT_EQ((*range("bytes=10-19"))->first, 10U);
  EXPECT_EQ((*range("bytes=10-19"))->count, 10U);
  EXPECT_EQ((*range("bytes=90-"))->count, 10U);
  EXPECT_EQ((*range("bytes=90-1000"))->count, 10U);
  EXPECT_EQ((*range("bytes=-30"))->first, 70U);
  for (const char* passed_over : {"lines=1-2", "bytes=1-2,4-5", "bytes=5-4", "bytes=", "bytes=a-"})
    EXPECT_FALSE(*range(passed_over)) << passed_over;
  EXPECT_FALSE(range("bytes=100-"));
}

TEST(Operation, KnowsItsArguments) {
  const auto put = find_operation("file.put");
  ASSERT_TRUE(put);
  auto call = parse_call(asking("/file.put?path=a/b&size=1"));
  EXPECT_THAT(check_arguments(**put, *call).error().message, HasSubstr("sha256"));
  call = parse_call(asking("/file.put?path=a/b&size=1&sha256=0&x=1"));
  EXPECT_THAT(check_arguments(**put, *call).error().message, HasSubstr("'x'"));
  EXPECT_FALSE(find_operation("nothing"));
  EXPECT_EQ(text(*parse_permissions("write,view")), "view,write");
  EXPECT_FALSE(parse_permissions("view,"));
}

TEST(FailureLimit, IsPerAddressAndPasses) {
  FailureLimit limit;
  core::MonoTime now{std::chrono::hours(1)};
  for (int i = 0; i < FailureLimit::kFailuresMax; ++i) EXPECT_FALSE(limit.failed("a", now));
  EXPECT_TRUE(limit.failed("a", now));
  EXPECT_FALSE(limit.failed("b", now));
  EXPECT_FALSE(limit.failed("a", now + FailureLimit::kWindow));
  for (std::size_t i = 0; i < FailureLimit::kAddressesMax; ++i)
    (void)limit.failed(std::to_string(i), now);
  EXPECT_TRUE(limit.failed("one more than are remembered", now));
}

TEST(Neighbours, FirstStepsAreEachHostOnce) {
  const auto steps = first_steps({{"b", "c"}, {"*"}, {"b", "d"}, {"b", "c"}}, {"a", "b"});
  EXPECT_THAT(steps, ElementsAre(Step{"b", {{"c"}, {"d"}}}, Step{"a", {}}));
}

TEST(Proxy, PassesOnWhatIsTheClients) {
  net::Request request;
  request.remote_address = "192.0.2.1";
  request.headers = {{"host", "x"},
                     {"connection", "close, X-Hop, cookie"},
                     {"x-hop", "1"},
                     {"cookie", "a=b"},
                     {"x_forwarded_for", "6.6.6.6"},
                     {"forwarded", "for=6.6.6.6"},
                     {"muster-trail", "x"},
                     {"te", "trailers"},
                     {"via", "1.0 before"}};
  const auto headers = headers_onward(request, "me");
  ASSERT_TRUE(headers);
  EXPECT_THAT(
      *headers,
      ElementsAre(Pair("host", "x"), Pair("cookie", "a=b"),
                  Pair("Via", "1.0 before, 1.1 muster-me"), Pair("X-Forwarded-For", "192.0.2.1"),
                  Pair("X-Forwarded-Proto", "https"), Pair("X-Forwarded-Host", "x")));
  request.headers = {{"via", "1.1 muster-me"}};
  EXPECT_EQ(headers_onward(request, "me").error().code, Code::kConflict);
  request.headers = {{"authorization", "Bearer mht1.a.b"}};
  EXPECT_EQ(headers_onward(request, "me").error().code, Code::kInvalid);
  EXPECT_THAT(
      headers_back({{"muster-management", "1"}, {"connection", "x"}, {"x", "1"}, {"y", "2"}}),
      ElementsAre(Pair("y", "2")));
}

TEST(Proxy, AddressesOfApplications) {
  EXPECT_EQ(parse_application("http://127.0.0.1:8080")->port, 8080);
  EXPECT_EQ(parse_application("http://[::1]/")->port, 80);
  EXPECT_EQ(parse_application("unix:/run/x.sock")->host, "/run/x.sock");
  for (const char* wrong :
       {"127.0.0.1:80", "https://x", "unix:x", "unix:/", "http://", "http://a/b"})
    EXPECT_FALSE(parse_application(wrong)) << wrong;
}

}  // namespace
}  // namespace muster::manage
