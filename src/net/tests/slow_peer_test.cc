// SPDX-License-Identifier: Apache-2.0
//
// Peers that hold a connection by doing little: bodies that trickle, handshakes that stand.
#include "net/tests/fixture.h"
#include "runtime/signal.h"

namespace muster::net::testing {
namespace {

using ::testing::HasSubstr;

class SlowPeerTest : public NetTest {
 protected:
  Router router;
};

// Each read and each write had a limit, the whole had none: a byte every half minute held a
// connection, and what a producer keeps for it, as long as the peer liked.
TEST_F(SlowPeerTest, BodiesThatMoveTooSlowlyAreCut) {
  RouteOptions streamed;
  streamed.stream_body = true;
  router.add(
      "PUT", "/slow",
      [](Request& request) -> Task<Response> {
        for (;;) {
          const auto part = co_await request.body_stream->read();
          if (!part) co_return Response::error(part.error());
          if (part->empty()) co_return Response::text(200, "all");
        }
      },
      streamed);
  bool ended = false;
  router.add("GET", "/large", [&](Request&) -> Task<Response> {
    co_return Response::stream("text/plain", [&](BodyWriter& w) -> Task<Status> {
      Status sent;
      while (sent) sent = co_await w.write(std::string(1'000'000, 'x'));
      ended = true;
      co_return sent;
    });
  });
  HttpServerOptions options;
  options.limits.body_grace = 50ms;
  options.limits.body_bytes_per_second_min = 1'000'000'000'000;
  serve(std::move(router), options);
  EXPECT_THAT(talk("PUT /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab"),
              HasSubstr(" 408 "));
  EXPECT_EQ(server->stats().slow_requests_cut, 1U);
  auto deaf = connect(region.api_context());
  ASSERT_TRUE(deaf);
  ASSERT_TRUE(run(deaf->write("GET /large HTTP/1.1\r\nHost: x\r\n\r\n", 5s)));
  run_until([&] { return ended; });
  EXPECT_EQ(server->stats().slow_responses_cut, 1U);
}

TEST_F(SlowPeerTest, AProducerThatIsSilentCostsThePeerNothing) {
  runtime::Signal go;
  router.add("GET", "/live", [&](Request&) -> Task<Response> {
    co_return Response::stream("text/plain", [&](BodyWriter& w) -> Task<Status> {
      for (int i = 0; i < 3; ++i) {
        MUSTER_CO_TRY(co_await w.write("x"));
        co_await go.wait(go.count(), 60ms);
      }
      co_return Status{};
    });
  });
  HttpServerOptions options;
  options.limits.body_grace = 50ms;
  serve(std::move(router), options);
  auto http = client();
  const auto got = run(http.request({.target = "/live"}));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->body, "xxx");
  EXPECT_EQ(server->stats().slow_responses_cut, 0U);
}

TEST_F(SlowPeerTest, HandshakesInProgressAreLimited) {
  router.add("GET", "/", answer("x"));
  HttpServerOptions options;
  options.limits.handshakes_max = 2;
  options.limits.handshake_time_crowded = 30ms;
  serve(std::move(router), options);
  std::vector<boost::asio::ip::tcp::socket> silent;
  for (int i = 0; i < 2; ++i) {
    silent.emplace_back(loop.context());
    silent.back().connect({boost::asio::ip::make_address("127.0.0.1"), server->port()});
  }
  run_until([&] { return server->stats().handshakes == 2; });
  auto http = client();
  const auto got = run(http.request({.target = "/"}));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->body, "x");
  EXPECT_EQ(server->stats().handshakes_crowded, 1U);
  EXPECT_EQ(server->stats().handshakes_cut, 1U);
  run_until([&] { return server->stats().handshakes_failed == 1; });
  EXPECT_EQ(server->stats().handshakes, 1U);
}

}  // namespace
}  // namespace muster::net::testing
