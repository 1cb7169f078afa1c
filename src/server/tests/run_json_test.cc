// SPDX-License-Identifier: Apache-2.0
#include "server/run_json.h"

#include <gmock/gmock.h>

#include "server/json.h"

namespace muster::server {
namespace {

using core::Code;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

core::Result<jobs::RunSpec> read(std::string_view text) {
  auto body = parse_object(text);
  EXPECT_TRUE(body) << text;
  MUSTER_ASSIGN(auto request, read_run_request(*body));
  return request.spec;
}
std::string refusal(std::string_view text) {
  const auto spec = read(text);
  if (spec) return "";
  EXPECT_EQ(spec.error().code, Code::kInvalid);
  return spec.error().message;
}
std::string json_of(std::string_view text) {
  const auto spec = read(text);
  EXPECT_TRUE(spec);
  const auto run = jobs::make_run(*spec, core::wall_from_unix_ms(1'800'000'000'000), 1);
  EXPECT_TRUE(run) << run.error().message;
  return json::serialize(run_json(*run));
}

TEST(ReadRunRequest, TakesEveryMember) {
  const auto spec = read(R"({"selector": "os=linux", "queue_for_ms": 5000, "live_output": true,
    "description": "why", "limits": {"timeout_ms": 1000, "memory_bytes": 33554432,
      "output_bytes_max": 10, "open_files_max": 20, "file_bytes_max": 30},
    "command": {"argv": ["a", "b c"], "stdin_base64": "/w==", "user": "www",
      "directory": "/srv", "environment": {"A": "1=2", "B": ""}}})");
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->kind, jobs::RunKind::kCommand);
  EXPECT_EQ(spec->selector, "os=linux");
  EXPECT_EQ(spec->queue_for, 5s);
  EXPECT_TRUE(spec->live_output);
  EXPECT_EQ(spec->description, "why");
  EXPECT_THAT(spec->argv, ElementsAre("a", "b c"));
  EXPECT_EQ(spec->standard_input, "\xff");
  EXPECT_THAT(spec->environment, ElementsAre("A=1=2", "B="));
  EXPECT_EQ(spec->user, "www");
  EXPECT_EQ(spec->directory, "/srv");
  EXPECT_EQ(spec->limits.timeout_ms(), 1000U);
  EXPECT_EQ(spec->limits.memory_bytes(), 33554432U);
  EXPECT_EQ(spec->limits.output_bytes_max(), 10U);
  EXPECT_EQ(spec->limits.open_files_max(), 20U);
  EXPECT_EQ(spec->limits.file_bytes_max(), 30U);
  EXPECT_EQ(read(R"({"selector": "", "ping": {}})")->kind, jobs::RunKind::kPing);
}

TEST(ReadRunRequest, AsksForWhatIsNeeded) {
  EXPECT_THAT(refusal(R"({"ping": {}})"), HasSubstr("'selector' is required"));
  EXPECT_THAT(refusal(R"({"selector": "all"})"),
              HasSubstr("exactly one of 'command', 'method' and 'ping'"));
  EXPECT_THAT(refusal(R"({"selector": "", "ping": {}, "command": {"shell": "x"}})"),
              HasSubstr("exactly one"));
}

TEST(ReadRunRequest, NamesTheMemberThatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"selector": 1, "ping": {}})", "'selector' must be a string"},
      {R"({"selector": "", "ping": []})", "'ping' must be an object"},
      {R"({"selector": "", "ping": {"x": 1}})", "'ping.x'"},
      {R"({"selector": "", "ping": {}, "sudo": true})", "'sudo'"},
      {R"({"selector": "", "ping": {}, "queue_for_ms": -1})", "'queue_for_ms'"},
      {R"({"selector": "", "ping": {}, "queue_for_ms": 2592000001})", "'queue_for_ms'"},
      {R"({"selector": "", "ping": {}, "queue_for_ms": 1.5})", "'queue_for_ms'"},
      {R"({"selector": "", "ping": {}, "live_output": "yes"})", "'live_output'"},
      {R"({"selector": "", "ping": {}, "limits": {"timeout_ms": 0}})", "'limits.timeout_ms'"},
      {R"({"selector": "", "ping": {}, "limits": {"timeout_ms": 4294967296}})",
       "'limits.timeout_ms'"},
      {R"({"selector": "", "ping": {}, "limits": {"timeout": 1}})", "'limits.timeout'"},
      {R"({"selector": "", "ping": {}, "limits": 7})", "'limits' must be an object"},
      {R"({"selector": "", "command": {"argv": "ls"}})", "'command.argv'"},
      {R"({"selector": "", "command": {"argv": [1]}})", "'command.argv'"},
      {R"({"selector": "", "command": {"argv": ["a\u0000b"]}})", "'command.argv'"},
      {R"({"selector": "", "command": {"cmd": "ls"}})", "'command.cmd'"},
      {R"({"selector": "", "command": {"environment": {"": "x"}}})", "'command.environment'"},
      {R"({"selector": "", "command": {"environment": {"A=B": "x"}}})", "'command.environment'"},
      {R"({"selector": "", "command": {"environment": {"A": 1}}})", "'command.environment.A'"},
      {R"({"selector": "", "command": {"shell": "x", "stdin_base64": "?"}})",
       "'command.stdin_base64'"}};
  for (const auto& [text, why] : cases) EXPECT_THAT(refusal(text), HasSubstr(why)) << text;
}

TEST(ReadRunRequest, LongTextsAreRefused) {
  const auto with = [](const std::string& member, std::size_t bytes) {
    return R"({"selector": "", "ping": {}, ")" + member + "\": \"" + std::string(bytes, 'x') +
           "\"}";
  };
  EXPECT_EQ(refusal(with("description", jobs::kDescriptionBytesMax)), "");
  EXPECT_THAT(refusal(with("description", jobs::kDescriptionBytesMax + 1)),
              HasSubstr("'description' is longer"));
  EXPECT_THAT(refusal("{\"ping\": {}, \"selector\": \"" +
                      std::string(fleet::kSelectorBytesMax + 1, 'x') + "\"}"),
              HasSubstr("'selector' is longer"));
  std::string words;
  for (std::size_t i = 0; i <= jobs::kArgumentsMax; ++i) words += i == 0 ? "\"a\"" : ",\"a\"";
  EXPECT_THAT(refusal("{\"selector\": \"\", \"command\": {\"argv\": [" + words + "]}}"),
              HasSubstr("at most 4096"));
}

TEST(RunJson, ShowsTheCommandAsItWasWritten) {
  const std::string text = json_of(R"({"selector": "x", "command": {"shell": "echo \"hi\"",
    "environment": {"A": "1=2"}, "stdin_base64": "/w=="}, "limits": {"timeout_ms": 5000}})");
  EXPECT_THAT(text, HasSubstr(R"("shell":"echo \"hi\"")"));
  EXPECT_EQ(text.find("argv"), std::string::npos);
  EXPECT_THAT(text, HasSubstr(R"("environment":{"A":"1=2"})"));
  EXPECT_THAT(text, HasSubstr(R"("stdin_base64":"/w==")"));
  EXPECT_THAT(text, HasSubstr(R"("timeout_ms":5000)"));
  EXPECT_THAT(text, HasSubstr(R"("state":"running")"));
}

TEST(TargetJson, LeavesOutputOutThatIsTooLong) {
  const jobs::Run run;
  jobs::Target target;
  target.endpoint = core::EndpointId::of_public_key("a host");
  target.state = jobs::TargetState::kFailed;
  target.out = "four";
  target.err = "fives";
  target.err_bytes_cut = 1;
  const fleet::Registry registry;
  const auto object = target_json(run, target, registry, 4);
  EXPECT_EQ(object.at("stdout").as_string(), "four");
  EXPECT_FALSE(object.contains("stderr"));
  EXPECT_TRUE(object.at("truncated").as_bool());
  EXPECT_EQ(object.at("name").as_string(), target.endpoint.str())
      << "a host that was removed since";
}

}  // namespace
}  // namespace muster::server
