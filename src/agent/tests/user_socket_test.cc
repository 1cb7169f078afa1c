// SPDX-License-Identifier: Apache-2.0
//
// Users of a machine at its agent's socket: what they are told, and when the agent hangs up.
#include "agent/user_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "agent/user_request.h"
#include "runtime/descriptor.h"

namespace muster::agent {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const core::RunId kRun = core::RunId::make(1'795'348'800'000, 7);

sockaddr_un address_of(const fs::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.string().copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

/// A user's end of the socket.
class User {
 public:
  explicit User(const fs::path& path)
      : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    const auto address = address_of(path);
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
  }
  void say(const std::string& text) {
    EXPECT_EQ(::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  /// What has come so far, and whether the agent hung up.
  const std::string& heard() {
    char buffer[4096];
    ssize_t count = 0;
    while ((count = ::recv(socket_.get(), buffer, sizeof buffer, 0)) > 0)
      heard_.append(buffer, static_cast<std::size_t>(count));
    // An agent that has not read everything resets the connection.
    over_ = over_ || count == 0 || (count < 0 && errno == ECONNRESET);
    return heard_;
  }
  bool is_over() {
    heard();
    return over_;
  }

 private:
  runtime::Descriptor socket_;
  std::string heard_;
  bool over_ = false;
};

class UserSocketTest : public ::testing::Test {
 protected:
  using Done = std::function<void(core::Result<std::string>)>;

  UserSocketTest() {
    std::string made = ::testing::TempDir() + "/muster-users-XXXXXX";
    EXPECT_NE(::mkdtemp(made.data()), nullptr);
    folder = made;
  }
  ~UserSocketTest() override {
    socket.reset();
    fs::remove_all(folder);
  }
  core::Result<std::unique_ptr<UserSocket>> open() {
    return UserSocket::open(loop, path(), [this](std::string name, std::string body, Done done) {
      asked.push_back(name + " " + body);
      answers.push_back(std::move(done));
    });
  }
  void start() {
    auto opened = open();
    ASSERT_TRUE(opened) << opened.error().message;
    socket = std::move(*opened);
  }
  fs::path path() const { return folder / "users"; }
  void turn() {
    loop.context().restart();
    while (loop.context().poll() > 0) {
    }
  }
  /// A user who has ordered a pack; the server's answer is due.
  User orders() {
    User user(path());
    user.say(encode(*parse_pack_name("webapp@1.2.0")) + "\n");
    turn();
    return user;
  }
  static link::RunResult succeeded() {
    link::RunResult result;
    result.announce.set_outcome(wire::OUTCOME_SUCCEEDED);
    result.stdout_bytes = R"({"changed":true})";
    return result;
  }
  static std::string order() { return R"({"run":")" + kRun.str() + R"("})"; }

  runtime::Loop loop;
  fs::path folder;
  std::vector<std::string> asked;
  std::vector<Done> answers;
  std::unique_ptr<UserSocket> socket;
};

TEST_F(UserSocketTest, AListIsTheServersAnswer) {
  start();
  User user(path());
  user.say("{\"call\":\"packs");
  turn();
  EXPECT_THAT(asked, IsEmpty());
  user.say(".list\"}\n");
  turn();
  ASSERT_THAT(asked, ::testing::ElementsAre("packs.list {}"));
  answers[0](R"({"packs":[{"name":"no_such_pack_here"}],"more":false})");
  EXPECT_EQ(user.heard(), "{\"packs\":[{\"name\":\"no_such_pack_here\"}],\"more\":false}\n");
  EXPECT_TRUE(user.is_over());
}

TEST_F(UserSocketTest, AnInstallationIsFollowedToItsEnd) {
  start();
  User user = orders();
  ASSERT_EQ(asked.size(), 1U);
  // Who asks is what the kernel says.
  EXPECT_THAT(asked[0], StartsWith(R"(packs.get {"name":"webapp","version":"1.2.0","user":")"));
  answers[0](order());
  socket->progress(core::RunId::make(1'795'348'800'000, 8), 50, "somebody else's");
  socket->progress(kRun, 50, "fetched\nhalf");
  EXPECT_FALSE(user.is_over());
  socket->finished(kRun, succeeded());
  EXPECT_TRUE(user.is_over());
  EXPECT_THAT(user.heard(), StartsWith(order() + "\n"));
  EXPECT_THAT(user.heard(), HasSubstr(R"("percent":50})"));
  EXPECT_THAT(user.heard(), HasSubstr(R"("outcome":"succeeded","result":{"changed":true}})"));
  EXPECT_THAT(user.heard(), ::testing::Not(HasSubstr("somebody")));
}

TEST_F(UserSocketTest, AnEndBeforeTheAnswerIsNotLost) {
  start();
  User user = orders();
  socket->finished(kRun, succeeded());
  EXPECT_EQ(user.heard(), "");
  answers[0](order());
  EXPECT_THAT(user.heard(), HasSubstr("\"done\":true"));
  EXPECT_TRUE(user.is_over());
}

TEST_F(UserSocketTest, WhoHasHungUpEndsNothing) {
  start();
  {
    User gone = orders();
  }
  turn();
  answers[0](order());
  socket->finished(kRun, succeeded());
  User user = orders();
  answers[1](core::fail(core::Code::kDenied, "no rule allows it"));
  EXPECT_EQ(user.heard(), "{\"error\":{\"code\":\"denied\",\"message\":\"no rule allows it\"}}\n");
}

TEST_F(UserSocketTest, AnAnswerAfterTheAgentsEndIsNobodys) {
  start();
  User user = orders();
  socket.reset();
  answers[0](order());
  EXPECT_TRUE(user.is_over());
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(UserSocketTest, WhatIsNoQuestionOrNoAnswerIsSaid) {
  start();
  for (const auto& [bad, code] : std::map<std::string, std::string>{
           {"hello\n", "invalid"},
           {"{}\n", "not_found"},
           {"{\"call\":\"hosts.list\"}\n", "not_found"},
           {"{\"call\":\"packs.get\",\"name\":\"../x\"}\n", "invalid"},
           {std::string(kUserRequestBytesMax + 1, 'x'), "limit"}}) {
    User user(path());
    user.say(bad);
    turn();
    EXPECT_THAT(user.heard(), StartsWith("{\"error\":{\"code\":\"" + code)) << bad;
    EXPECT_TRUE(user.is_over());
  }
  EXPECT_THAT(asked, IsEmpty());
  for (const char* answer : {"", "[]", "{}", R"({"run":7})", R"({"run":"no id"})"}) {
    User user = orders();
    answers.back()(std::string(answer));
    EXPECT_THAT(user.heard(), HasSubstr("cannot be read")) << answer;
    EXPECT_TRUE(user.is_over());
  }
}

TEST_F(UserSocketTest, WhoGoesOnTalkingOrComesTooOftenIsNotHeard) {
  start();
  User talker = orders();
  talker.say("more\n");
  turn();
  EXPECT_TRUE(talker.is_over());
  std::vector<User> crowd;
  for (std::size_t i = 0; i < UserSocket::kClientsOfUserMax; ++i) crowd.emplace_back(path());
  turn();
  User one_more(path());
  turn();
  EXPECT_THAT(one_more.heard(), HasSubstr("\"limit\""));
  EXPECT_TRUE(one_more.is_over());
  EXPECT_FALSE(crowd[0].is_over());
  crowd.clear();
  turn();
  User again(path());
  turn();
  EXPECT_FALSE(again.is_over());
}

TEST_F(UserSocketTest, OnlyWhatADeadAgentLeftIsTakenOver) {
  start();
  EXPECT_EQ(open().error().code, core::Code::kConflict);
  socket.reset();
  {
    const runtime::Descriptor dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address = address_of(path());
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  start();
  socket.reset();
  std::ofstream(path()) << "a file";
  EXPECT_EQ(open().error().code, core::Code::kConflict);
  EXPECT_TRUE(fs::exists(path()));
}

}  // namespace
}  // namespace muster::agent
