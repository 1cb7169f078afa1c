// SPDX-License-Identifier: Apache-2.0
//
// What the gateway answers to methods by itself: events and inventory, and what handlers say.
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "gateway/tests/fixture.h"

namespace muster::gateway {
namespace {

using testing::Agent;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class GatewayUpcallsTest : public testing::GatewayFixture {
 protected:
  GatewayUpcallsTest() {
    char name[] = "/tmp/muster-gateway-XXXXXX";
    folder = mkdtemp(name);
    std::filesystem::create_directory(folder / "handlers");
    handler("echo", "read -r question; printf '[\"%s\",%s]' \"$1\" \"$question\"");
    handler("fails", "echo 'out of licences' >&2; exit 7");
    gateway =
        std::make_unique<Gateway>(loop, GatewayOptions{.region = authority.region(), .name = "gw"});
    gateway->connect(server);
    EXPECT_TRUE(gateway->open_intake(folder / "intake"));
    const auto opened = gateway->open_handlers(folder / "handlers");
    EXPECT_TRUE(opened) << opened.error().message;
  }
  ~GatewayUpcallsTest() override {
    gateway.reset();
    std::filesystem::remove_all(folder);
  }
  void handler(const std::string& name, const std::string& script, ::mode_t mode = 0755) {
    const auto path = folder / "handlers" / name;
    std::ofstream(path) << "#!/bin/sh\n" << script << '\n';
    ::chmod(path.c_str(), mode);
  }
  void log_in(Agent& agent) {
    dial(loop, *gateway, agent);
    agent.hello();
    gateway->admit(admit(server.ups.back()));
  }
  void dispatch(const Agent& agent, std::uint64_t run, bool method) {
    wire::Invoke invoke;
    invoke.set_run(run);
    if (method)
      invoke.mutable_method()->set_digest(std::string(32, 'd'));
    else
      invoke.mutable_ping();
    wire::Dispatch message;
    message.set_run(run);
    message.set_invoke(invoke.SerializeAsString());
    message.set_targets(agent.bytes());
    message.add_links(server.ups.back().link());
    message.set_order("an order");
    message.set_signature("signed");
    message.set_leaves(std::string(32, 'l'));
    gateway->dispatch(std::move(message));
  }
  /// The reply to this call; waits for it.
  wire::UpcallReply ask(Agent& agent, std::uint64_t run, const std::string& name,
                        const std::string& body) {
    wire::Upcall upcall;
    upcall.set_id(++last_id);
    upcall.set_run(run);
    upcall.set_name(name);
    upcall.set_body(body);
    agent.say(upcall);
    const auto replies = [&] { return agent.socket->all<wire::UpcallReply>(); };
    run_until([&] { return !replies().empty() && replies().back().id() == last_id; });
    return replies().back();
  }

  testing::FakeServer server;
  std::filesystem::path folder;
  std::unique_ptr<Gateway> gateway;
  std::uint64_t last_id = 0;
};

constexpr const char* kEvent = R"({"kind":"x"})";

TEST_F(GatewayUpcallsTest, TakesEventsOfRunsThatGoOnThere) {
  Agent one(authority), other(authority);
  log_in(other);
  log_in(one);
  EXPECT_EQ(ask(one, 7, "event.raise", kEvent).error_code(), "denied");
  dispatch(one, 6, false);
  EXPECT_EQ(ask(one, 6, "event.raise", kEvent).error_code(), "denied") << "no method";
  dispatch(one, 7, true);
  gateway->start();
  EXPECT_EQ(ask(one, 7, "event.raise", kEvent).body(), R"({"taken":true})");
  EXPECT_EQ(ask(other, 7, "event.raise", kEvent).error_code(), "denied") << "not on this host";
  EXPECT_EQ(ask(one, 7, "event.raise", "{}").error_code(), "invalid");
  ASSERT_THAT(server.intakes, SizeIs(1));
  EXPECT_EQ(server.intakes[0].items(0).run(), 7u);
  EXPECT_EQ(server.intakes[0].items(0).endpoint(), one.bytes());
  one.announce(7);
  EXPECT_EQ(ask(one, 7, "event.raise", kEvent).error_code(), "denied") << "it has ended";
  EXPECT_THAT(server.upcalls, IsEmpty());
}

TEST_F(GatewayUpcallsTest, KeepsThemForTheServer) {
  Agent agent(authority);
  log_in(agent);
  dispatch(agent, 7, true);
  gateway->server_lost();
  for (int i = 0; i < 3; ++i) ask(agent, 7, "event.raise", kEvent);
  EXPECT_THAT(server.intakes, IsEmpty());
  // A process that comes after it, with its file.
  gateway.reset();
  gateway =
      std::make_unique<Gateway>(loop, GatewayOptions{.region = authority.region(), .name = "gw"});
  gateway->connect(server);
  ASSERT_TRUE(gateway->open_intake(folder / "intake"));
  gateway->start();
  ASSERT_THAT(server.intakes, SizeIs(1));
  EXPECT_EQ(server.intakes[0].items_size(), 3);
  wire::IntakeTaken taken;
  taken.set_queue(server.intakes[0].queue());
  taken.set_sequence(server.intakes[0].items(2).sequence());
  gateway->intake_taken(taken);
  EXPECT_EQ(gateway->stats().intake.items, 0u);
}

TEST_F(GatewayUpcallsTest, HandlersAnswerForRunsThatGoOn) {
  Agent agent(authority);
  log_in(agent);
  EXPECT_EQ(ask(agent, 7, "echo.say", "1").error_code(), "denied");
  EXPECT_EQ(gateway->stats().handlers.asked, 0u);
  dispatch(agent, 7, true);
  const auto said = ask(agent, 7, "echo.say", R"({"a":1})");
  EXPECT_THAT(said.body(), HasSubstr(R"(["say",{"call":"echo.say","endpoint":")" + agent.id.str()));
  EXPECT_THAT(said.body(), HasSubstr(R"("body":{"a":1}})"));
  const auto failed = ask(agent, 7, "fails.now", "null");
  EXPECT_EQ(failed.error_code(), "internal");
  EXPECT_THAT(failed.error(), HasSubstr("status 7: out of licences"));
  EXPECT_EQ(ask(agent, 7, "echo.say", "{").error_code(), "invalid");
  handler("open", "echo 1", 0777);
  EXPECT_EQ(ask(agent, 7, "open.all", "1").error_code(), "unavailable");
  EXPECT_EQ(gateway->stats().handlers.failed, 2u);
  EXPECT_THAT(server.upcalls, IsEmpty());
}

TEST_F(GatewayUpcallsTest, TheFolderOfHandlersMustBeSafe) {
  ::chmod((folder / "handlers").c_str(), 0777);
  const auto open = gateway->open_handlers(folder / "handlers");
  ASSERT_FALSE(open);
  EXPECT_THAT(open.error().message, HasSubstr("changed by others"));
  EXPECT_FALSE(gateway->open_handlers(folder / "none"));
  ::chmod((folder / "handlers").c_str(), 0755);
  ::chmod(folder.c_str(), 0777);
  EXPECT_FALSE(gateway->open_handlers(folder / "handlers"));
  ::chmod(folder.c_str(), 0700);
  EXPECT_TRUE(gateway->open_handlers(folder / "handlers"));
}

}  // namespace
}  // namespace muster::gateway
