// SPDX-License-Identifier: Apache-2.0
//
// A gateway above and one below on fake sockets, with a server at the far end of the tunnel.
#include "gateway/repeating.h"

#include <filesystem>

#include "core/bytes.h"
#include "gateway/content_relay.h"
#include "gateway/tests/fixture.h"
#include "gateway/upper.h"

namespace muster::gateway {
namespace {

using namespace std::chrono_literals;
using core::Code;
using net::testing::FakeSocket;
using net::testing::SocketRecord;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct FarEnd final : net::RawStreamHandler {
  std::string got;
  bool ended = false;
  void on_bytes(std::string_view bytes) override { got += bytes; }
  void on_room() override {}
  void on_ended(core::Error) override { ended = true; }
};

struct FakeUpstream final : Upstream {
  runtime::Loop& loop;
  Standing at{.has_server = true};
  std::optional<core::Error> fails;
  std::unique_ptr<net::RawStream> server;  ///< the newest tunnel's far end
  std::vector<std::unique_ptr<net::RawStream>> older;
  FarEnd end;
  explicit FakeUpstream(runtime::Loop& on) : loop(on) {}
  Standing standing() const override { return at; }
  runtime::Task<core::Result<Tunnel>> tunnel(core::Duration) override {
    if (fails) co_return core::fail(core::Error(*fails));
    auto ends = net::RawStream::pair(loop);
    older.push_back(std::move(server));
    server = std::make_unique<net::RawStream>(std::move(ends->second));
    server->start(end);
    co_return Tunnel{nullptr, std::make_unique<net::RawStream>(std::move(ends->first))};
  }
};

class TunnelFixture : public testing::GatewayFixture {
 protected:
  /// What is ready, and what follows from it through the sockets.
  void settle() {
    loop.context().restart();
    while (loop.context().poll() > 0) {
    }
  }
};

class RepeatingTest : public TunnelFixture {
 protected:
  void make(bool allowed = true) {
    repeating = std::make_unique<Repeating>(
        loop, Repeating::Options{.region = authority.region(), .name = "hub", .allowed = allowed},
        upstream);
  }
  ~RepeatingTest() override {
    repeating.reset();
    upstream.server.reset();
    upstream.older.clear();
    settle();
  }
  identity::Certificate certificate(identity::Role role, const std::string& name) {
    identity::LeafSpec spec;
    spec.role = role;
    spec.name = name;
    spec.validity = 12h;
    return authority.issue(key.public_key_der(), spec, core::wall_now()).value();
  }
  /// A gateway of this name dials.
  std::shared_ptr<SocketRecord> dial(const identity::Certificate& shown) {
    auto record = std::make_shared<SocketRecord>();
    net::Request request;
    repeating->accept(request, std::make_unique<FakeSocket>(loop, record, shown.native()));
    return record;
  }
  void say_hello(SocketRecord& record) {
    wire::RepeatHello hello;
    hello.set_version(wire::kVersion);
    hello.set_version_oldest(wire::kVersionOldest);
    record.deliver(hello);
    settle();
  }
  static wire::TunnelUp up(std::string data) {
    wire::TunnelUp message;
    message.set_data(std::move(data));
    return message;
  }

  identity::PrivateKey key = identity::PrivateKey::generate();
  identity::Certificate far = certificate(identity::Role::kGateway, "far");
  FakeUpstream upstream{loop};
  std::unique_ptr<Repeating> repeating;
};

TEST_F(RepeatingTest, BytesGoThroughTheTunnelBothWays) {
  make();
  const auto lower = dial(far);
  say_hello(*lower);
  EXPECT_THAT(lower->last<wire::RepeatWelcome>().above(), ElementsAre("hub"));
  EXPECT_EQ(repeating->gateways(), 1U);
  lower->deliver(up("a TLS hello"));
  settle();
  EXPECT_EQ(upstream.end.got, "a TLS hello");
  EXPECT_TRUE(upstream.server->send("its answer"));
  settle();
  EXPECT_EQ(lower->last<wire::TunnelDown>().data(), "its answer");
  lower->break_off();
  settle();
  EXPECT_TRUE(upstream.end.ended);
  EXPECT_EQ(repeating->gateways(), 0U);
  EXPECT_TRUE(lower->destroyed);
}

TEST_F(RepeatingTest, TheServersEndEndsTheLink) {
  make();
  const auto lower = dial(far);
  say_hello(*lower);
  EXPECT_TRUE(upstream.server->send("the last words"));
  upstream.server.reset();
  settle();
  EXPECT_EQ(lower->last<wire::TunnelDown>().data(), "the last words");
  EXPECT_EQ(lower->closed, net::CloseCode::kGoingAway);
  EXPECT_THAT(lower->reason, HasSubstr("the server has ended the tunnel"));
}

TEST_F(RepeatingTest, WhoHasNoServerAnyMoreLetsGo) {
  make();
  const auto lower = dial(far);
  say_hello(*lower);
  repeating->server_lost();
  settle();
  EXPECT_THAT(lower->reason, HasSubstr("has lost its server"));
  EXPECT_TRUE(upstream.end.ended);
  upstream.at.has_server = false;
  const auto again = dial(far);
  say_hello(*again);
  EXPECT_THAT(again->last<wire::RepeatWelcome>().refused(), HasSubstr("has no server itself"));
  EXPECT_THAT(again->last<wire::RepeatWelcome>().waiting(), ElementsAre("hub"));
}

TEST_F(RepeatingTest, RefusesWithASentence) {
  make(false);
  auto lower = dial(far);
  say_hello(*lower);
  EXPECT_THAT(lower->last<wire::RepeatWelcome>().refused(), HasSubstr("--repeat"));
  EXPECT_TRUE(lower->closed);
  make();
  upstream.fails = core::Error{Code::kUnavailable, "nothing listens there"};
  lower = dial(far);
  say_hello(*lower);
  EXPECT_THAT(lower->last<wire::RepeatWelcome>().refused(),
              HasSubstr("cannot reach its server: nothing listens there"));
  EXPECT_EQ(repeating->gateways(), 0U);
}

TEST_F(RepeatingTest, OnlyGatewaysOfThisRegionAreHeard) {
  make();
  const testing::Agent agent{authority};
  EXPECT_TRUE(dial(agent.certificate)->destroyed);
  EXPECT_TRUE(dial(certificate(identity::Role::kServer, "main"))->destroyed);
  Repeating other(loop, {.region = "another region", .name = "hub", .allowed = true}, upstream);
  auto record = std::make_shared<SocketRecord>();
  other.accept({}, std::make_unique<FakeSocket>(loop, record, far.native()));
  EXPECT_TRUE(record->destroyed);
}

TEST_F(RepeatingTest, BreachesEndTheLink) {
  const auto breach = [&](bool hello, std::string_view bytes, const std::string& why) {
    make();
    const auto lower = dial(far);
    if (hello) say_hello(*lower);
    lower->deliver(bytes);
    EXPECT_EQ(lower->closed, net::CloseCode::kPolicy) << why;
    EXPECT_THAT(lower->reason, HasSubstr(why));
    settle();
    EXPECT_TRUE(lower->destroyed);
  };
  breach(false, wire::encode(up("x")), "before RepeatWelcome");
  breach(true, wire::encode(wire::RepeatHello{}), "a second RepeatHello");
  breach(true, wire::encode(wire::TunnelDown{}), "is not a gateway's to the one above");
  breach(true, wire::encode(wire::ContentRequestUp{}), "32 bytes");
  breach(true, "", "without a kind");
}

TEST_F(RepeatingTest, WhoDoesNotReadIsNotReadFor) {
  make();
  const auto lower = dial(far);
  say_hello(*lower);
  upstream.server->pause_reading(true);
  std::size_t sent = 0;
  for (; !lower->paused; sent += wire::kChunkBytesMax) {
    ASSERT_LT(sent, 64UL << 20);
    lower->deliver(up(std::string(wire::kChunkBytesMax, 'x')));
    settle();
  }
  EXPECT_FALSE(lower->closed);
  upstream.server->pause_reading(false);
  run_until([&] { return upstream.end.got.size() == sent; });
  run_until([&] { return !lower->paused; });
}

// What a gateway asks for is answered from this one's cache, and fetched from above once for all.
TEST_F(RepeatingTest, ContentIsFetchedOnceForAll) {
  struct NoLinks final : ContentLinks {
    void pass_content(content::ClientId, std::string_view) override {}
    void end_stalled(content::ClientId) override {}
  } links;
  testing::FakeServer server;
  const auto folder = std::filesystem::temp_directory_path() /
                      ("muster-repeating-" + core::to_hex(core::random_bytes(8)));
  auto relay = ContentRelay::open(loop, links, {.folder = folder});
  ASSERT_TRUE(relay);
  (*relay)->server_found(server);
  make();
  repeating->serve(**relay);
  const std::string object(1000, 'o');
  const auto id = core::ContentId::of(object);
  wire::ContentRequestUp request;
  request.mutable_request()->set_digest(std::string(id.bytes()));
  const auto b = certificate(identity::Role::kGateway, "far-b");
  const auto one = dial(far), two = dial(b);
  for (const auto& lower : {one, two}) {
    say_hello(*lower);
    lower->deliver(request);
  }
  run_until([&] { return !server.content_requests.empty(); });
  ASSERT_THAT(server.content_requests, SizeIs(1));
  wire::ContentData data;
  data.set_digest(std::string(id.bytes()));
  data.set_total_bytes(object.size());
  data.set_data(object);
  (*relay)->receive(data);
  settle();
  EXPECT_EQ(one->last<wire::ContentDataDown>().data().data(), object);
  EXPECT_EQ(two->last<wire::ContentDataDown>().data().data(), object);
  EXPECT_THAT(server.content_requests, SizeIs(1));
  EXPECT_EQ((*relay)->stats().repeated.bytes, 2 * object.size());
  repeating.reset();
  relay->reset();
  std::filesystem::remove_all(folder);
}

class UpperTest : public TunnelFixture {
 protected:
  UpperTest() {
    upper = std::make_unique<Upper>(loop, "far", std::make_unique<FakeSocket>(loop, at));
  }
  ~UpperTest() override {
    near.reset();
    upper.reset();
    settle();
  }
  /// Asks, and what came of it.
  std::optional<core::Status> ask(const wire::RepeatWelcome& welcome) {
    std::optional<core::Status> answer;
    runtime::TaskGroup tasks(loop, "test");
    tasks.spawn([](Upper* of, std::optional<core::Status>* out) -> runtime::Task<void> {
      out->emplace(co_await of->ask(5s));
    }(upper.get(), &answer));
    settle();
    EXPECT_THAT(at->all<wire::RepeatHello>(), SizeIs(1));
    at->deliver(welcome);
    settle();
    return answer;
  }
  void open() {
    wire::RepeatWelcome welcome;
    welcome.set_version(wire::kVersion);
    welcome.add_above("hub");
    ASSERT_TRUE(ask(welcome).value());
    auto end = upper->open_tunnel();
    ASSERT_TRUE(end);
    near = std::make_unique<net::RawStream>(std::move(*end));
    near->start(inner);
  }
  std::shared_ptr<SocketRecord> at = std::make_shared<SocketRecord>();
  std::unique_ptr<Upper> upper;
  std::unique_ptr<net::RawStream> near;  ///< where the TLS session with the server would be
  FarEnd inner;
};

TEST_F(UpperTest, CarriesATunnelAndContent) {
  open();
  EXPECT_THAT(upper->above(), ElementsAre("hub"));
  EXPECT_TRUE(near->send(std::string(100'000, 'x')));
  settle();
  std::size_t bytes = 0;
  for (const auto& message : at->all<wire::TunnelUp>()) bytes += message.data().size();
  EXPECT_EQ(bytes, 100'000U);
  wire::TunnelDown down;
  down.set_data("from the server");
  at->deliver(down);
  settle();
  EXPECT_EQ(inner.got, "from the server");
  int content = 0;
  upper->on_content([&](const auto&) { ++content; });
  at->deliver(wire::ContentDataDown{});
  EXPECT_EQ(content, 1);
}

TEST_F(UpperTest, ItsEndIsTheTunnelsEnd) {
  open();
  at->break_off("the peer closed the link (1001): the gateway above has lost its server");
  settle();
  EXPECT_TRUE(inner.ended);
  EXPECT_THAT(upper->why(), HasSubstr("has lost its server"));
  upper->request_content({});  // nobody is there
}

TEST_F(UpperTest, TheTunnelsEndClosesIt) {
  open();
  near.reset();
  settle();
  EXPECT_EQ(at->closed, net::CloseCode::kNormal);
}

TEST_F(UpperTest, ARefusalIsToldWithWhoWaits) {
  wire::RepeatWelcome refusal;
  refusal.set_refused("the gateway hub has no server itself just now");
  refusal.add_waiting("hub");
  refusal.add_waiting("top");
  const auto answer = ask(refusal);
  ASSERT_TRUE(answer && !*answer);
  EXPECT_THAT(answer->error().message, HasSubstr("has no server itself"));
  EXPECT_THAT(upper->waiting(), ElementsAre("hub", "top"));
}

TEST_F(UpperTest, BreachesEndIt) {
  open();
  at->deliver(wire::encode(wire::Acks{}));
  EXPECT_EQ(at->closed, net::CloseCode::kProtocolError);
  EXPECT_THAT(at->reason, HasSubstr("is not an upper gateway's"));
}

TEST_F(UpperTest, NothingCountsBeforeTheWelcome) {
  at->deliver(wire::encode(wire::TunnelDown{}));
  EXPECT_EQ(at->closed, net::CloseCode::kProtocolError);
  EXPECT_THAT(at->reason, HasSubstr("before RepeatWelcome"));
}

}  // namespace
}  // namespace muster::gateway
