// SPDX-License-Identifier: Apache-2.0
#include "cli/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "cli/exit_code.h"
#include "cli/tests/fakes.h"
#include "core/bytes.h"

namespace muster::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Config : public ::testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/muster_config_XXXXXX";
    folder = ::mkdtemp(path);
    variables = {{"HOME", folder}, {"MUSTER_STATE", folder + "/state"}};
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  Environment environment() {
    return [this](const char* name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
  }

  std::string folder;
  std::map<std::string, std::string> variables;
};

TEST_F(Config, EnvironmentThenLoginThenState) {
  auto none = find_region(environment());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, core::Code::kUnauthorized);
  EXPECT_THAT(none.error().message, HasSubstr("muster login"));
  EXPECT_THAT(none.error().message, HasSubstr("muster up"));

  ASSERT_TRUE(save_region(state_file(environment()),
                          {"https://state:7443", "pem", "", "mat1.state", "", ""}));
  EXPECT_EQ(find_region(environment()).value().server, "https://state:7443");

  ASSERT_TRUE(save_region(login_file(environment()),
                          {"https://login:7443", "", "fp", "mat1.login", "id1", ""}));
  const auto login = find_region(environment()).value();
  EXPECT_EQ(login.server, "https://login:7443");
  EXPECT_EQ(login.ca_fingerprint, "fp");
  EXPECT_EQ(login.token_id, "id1");
  struct stat info{};
  ASSERT_EQ(::stat(login_file(environment()).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);

  variables["MUSTER_SERVER"] = "env";
  EXPECT_THAT(find_region(environment()).error().message, HasSubstr("MUSTER_TOKEN"));
  variables["MUSTER_TOKEN"] = "mat1.env";
  EXPECT_THAT(find_region(environment()).error().message, HasSubstr("MUSTER_CA"));
  variables["MUSTER_CA_FINGERPRINT"] = "abcd-efgh";
  EXPECT_THAT(find_region(environment()).error().message, HasSubstr("MUSTER_CA_FINGERPRINT: not"));
  const std::string fingerprint = core::to_base32(core::sha256("a certificate"));
  variables["MUSTER_CA_FINGERPRINT"] = fingerprint.substr(0, 4) + "-" + fingerprint.substr(4);
  EXPECT_EQ(find_region(environment()).value().ca_fingerprint, fingerprint);
  variables["MUSTER_CA"] = folder + "/nosuch";
  EXPECT_EQ(find_region(environment()).error().code, core::Code::kInvalid);
  std::ofstream(folder + "/ca.pem") << "the pem";
  variables["MUSTER_CA"] = folder + "/ca.pem";
  const auto region = find_region(environment()).value();
  EXPECT_EQ(region.server, "https://env:7443");
  EXPECT_EQ(region.token, "mat1.env");
  EXPECT_EQ(region.ca_pem, "the pem");
}

TEST_F(Config, ADamagedFileIsNamedNotSkipped) {
  ASSERT_TRUE(save_region(state_file(environment()), {"https://s:7443", "pem", "", "t", "", ""}));
  std::filesystem::create_directories(login_file(environment()).parent_path());
  std::ofstream(login_file(environment())) << "{\"server\":";
  const auto region = find_region(environment());
  ASSERT_FALSE(region);
  EXPECT_THAT(region.error().message, HasSubstr("client.json cannot be used"));
}

TEST_F(Config, SeveralServersOfARegionAreKept) {
  Region region{"", "pem", "", "t", "", ""};
  ASSERT_TRUE(set_servers(region, "one,https://two:7000,[2001:db8::1]"));
  EXPECT_EQ(region.server, "https://one:7443");
  EXPECT_EQ(region.others,
            (std::vector<std::string>{"https://two:7000", "https://[2001:db8::1]:7443"}));
  ASSERT_TRUE(save_region(login_file(environment()), region));
  EXPECT_EQ(find_region(environment()).value().others, region.others);
  for (const char* bad : {"", ",one", "one,,two", "one,http://two"})
    EXPECT_FALSE(set_servers(region, bad)) << bad;
}

TEST(Server, AddressesAreBroughtToOneForm) {
  EXPECT_EQ(normal_server("box").value(), "https://box:7443");
  EXPECT_EQ(normal_server("https://box:99/").value(), "https://box:99");
  EXPECT_EQ(normal_server("[2001:db8::1]").value(), "https://[2001:db8::1]:7443");
  EXPECT_EQ(normal_server("192.0.2.1:7000").value(), "https://192.0.2.1:7000");
  for (const char* bad :
       {"", "http://box", "box:0", "box:99999", "box:x", "a b", "box/path", "user@box", "::1"}) {
    EXPECT_FALSE(normal_server(bad)) << bad;
  }
}

TEST_F(Config, TheCommandForANewMachineNamesWhatReachesTheServer) {
  Program program;
  program.environment["MUSTER_SERVER"] = "https://127.0.0.1:7443";
  program.server.on("POST /v1/join-tokens", R"({"token":"mjt1.a.b.c","uses_left":1})", 201);
  program.run({"token", "create"});
  EXPECT_THAT(program.terminal.output, HasSubstr("enrol --server 127.0.0.1:7443 --token mjt1"));
  EXPECT_THAT(program.terminal.errors, HasSubstr("start the server with --listen"));
  program.terminal = {};
  program.server.on("GET /v1/servers",
                    R"({"servers":[{"role":"standing","addresses":["10.0.0.9:7443"]},
                        {"role":"leader","addresses":["127.0.0.1:7443","10.0.0.1:7443"]}]})");
  program.run({"token", "create"});
  EXPECT_THAT(program.terminal.output, HasSubstr("enrol --server 10.0.0.1:7443 --token mjt1"));
  EXPECT_THAT(program.terminal.errors, Not(HasSubstr("--listen")));
}

TEST_F(Config, LoginShowsTheFingerprintMakesATokenAndKeepsIt) {
  Program program;
  program.environment = variables;
  program.presented = "abcdefgh";
  program.server.on("POST /v1/login", R"({"user":"admin","role":"admin"})");
  program.server.on("POST /v1/api-tokens", R"({"id":"t1","token":"mat1.t1.secret"})", 201);
  program.server.on("POST /v1/logout", "", 204);
  program.terminal.answers.push("y");
  program.terminal.answers.push("secret");
  EXPECT_EQ(program.run({"login", "box", "--user", "admin"}), kExitOk) << program.terminal.errors;
  EXPECT_THAT(program.terminal.errors, HasSubstr("abcd-efgh"));
  EXPECT_EQ(program.server.requests[1].cookie, "muster_session=abc");
  const auto region = load_region(login_file(environment())).value();
  EXPECT_EQ(region.server, "https://box:7443");
  EXPECT_EQ(region.token, "mat1.t1.secret");
  EXPECT_EQ(region.ca_fingerprint, "abcdefgh");

  program.server.on("DELETE /v1/api-tokens/t1", "", 204);
  EXPECT_EQ(program.run({"logout"}), kExitOk);
  EXPECT_TRUE(program.server.saw("DELETE", "/v1/api-tokens/t1"));
  EXPECT_FALSE(std::filesystem::exists(login_file(environment())));
}

TEST_F(Config, LoginSendsNothingBeforeTrust) {
  Program program;
  program.environment = variables;
  program.terminal.answers.push("n");
  EXPECT_EQ(program.run({"login", "box", "--user", "admin"}), kExitInterrupted);
  EXPECT_TRUE(program.server.requests.empty());
  EXPECT_FALSE(std::filesystem::exists(login_file(environment())));
}

}  // namespace
}  // namespace muster::cli
