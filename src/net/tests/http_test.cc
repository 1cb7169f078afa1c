// SPDX-License-Identifier: Apache-2.0
#include "net/detail/request_parser.h"
#include "net/tests/fixture.h"
#include "runtime/signal.h"

namespace muster::net::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class HttpTest : public NetTest {
 protected:
  static Handler echo() {
    return [](Request& request) -> Task<Response> {
      co_return Response::text(
          200, request.method + " " + std::string(request.param("name")) + " " + request.body);
    };
  }
  Router router;
};

TEST_F(HttpTest, RoutesAndReusesTheConnection) {
  router.add("GET", "/v1/hosts/{name}", echo());
  router.add("POST", "/v1/hosts/{name}", echo());
  serve(std::move(router));
  auto http = client();
  for (int i = 0; i < 3; ++i) {
    const auto got = run(http.request({.target = "/v1/hosts/a%2Fb?x=1"}));
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->body, "GET a/b ");
    EXPECT_EQ(server->connections(), 1U);
  }
  const auto posted = run(http.request({.method = "POST", .target = "/v1/hosts/c", .body = "xyz"}));
  ASSERT_TRUE(posted);
  EXPECT_EQ(posted->body, "POST c xyz");
  const auto head = run(http.request({.method = "HEAD", .target = "/v1/hosts/c"}));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->body, "");
  EXPECT_EQ(head->header("content-length"), "7");
  EXPECT_EQ(server->connections(), 1U);
}

TEST_F(HttpTest, ErrorsAreJsonWithTheirStatus) {
  router.add("GET", "/a", [](Request&) -> Task<Response> {
    co_return Response::error({Code::kConflict, "a \"quoted\"\nthing"});
  });
  router.add("GET", "/throws", [](Request&) -> Task<Response> {
    throw std::runtime_error("secret");
    co_return Response{};
  });
  serve(std::move(router));
  auto http = client();
  const auto conflict = run(http.request({.target = "/a"}));
  EXPECT_EQ(conflict->status, 409);
  EXPECT_EQ(error_of(*conflict).message, "a \"quoted\"\nthing");
  EXPECT_EQ(error_of(*conflict).code, Code::kConflict);
  const auto nothing = run(http.request({.target = "/b"}));
  EXPECT_EQ(nothing->status, 404);
  const auto method = run(http.request({.method = "DELETE", .target = "/a"}));
  EXPECT_EQ(method->status, 405);
  EXPECT_EQ(method->header("allow"), "GET, HEAD");
  const auto thrown = run(http.request({.target = "/throws"}));
  EXPECT_EQ(thrown->status, 500);
  EXPECT_EQ(thrown->body.find("secret"), std::string::npos);
}

TEST_F(HttpTest, HooksComeBeforeAndAfter) {
  std::vector<std::string> log;
  HttpServerOptions options;
  options.before = [](Request& request) -> Task<std::optional<Response>> {
    if (request.header("authorization") == "yes") co_return std::nullopt;
    co_return Response::error({Code::kUnauthorized, "who are you"});
  };
  options.after = [&](const Request& r, int status, std::uint64_t bytes, core::Duration) {
    log.push_back(r.route + " " + std::to_string(status) + " " + std::to_string(bytes));
  };
  router.add("GET", "/a", answer("hi"));
  serve(std::move(router), std::move(options));
  auto http = client();
  EXPECT_EQ(run(http.request({.target = "/a"}))->status, 401);
  EXPECT_EQ(run(http.request({.target = "/a", .headers = {{"Authorization", "yes"}}}))->body, "hi");
  ASSERT_EQ(log.size(), 2U);
  EXPECT_THAT(log[0], StartsWith("/a 401"));
  EXPECT_EQ(log[1], "/a 200 2");
}

TEST_F(HttpTest, PipelinedRequestsAreAnsweredInOrder) {
  router.add("GET", "/{name}", echo());
  serve(std::move(router));
  const std::string got = talk(
      "GET /one HTTP/1.1\r\nHost: x\r\n\r\nGET /two HTTP/1.1\r\nHost: x\r\n\r\n"
      "GET /three HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_LT(got.find("GET one"), got.find("GET two"));
  EXPECT_LT(got.find("GET two"), got.find("GET three"));
  EXPECT_NE(got.find("GET three"), std::string::npos);
}

// When a long header came in several pieces, its sender was told that the address is too long.
TEST(RequestParser, ALongHeaderInPiecesIsNotALongAddress) {
  HttpLimits limits;
  limits.header_bytes_max = 4096;
  detail::RequestParser parser(limits);
  std::string input = "GET / HTTP/1.1\r\nA: a";
  EXPECT_FALSE(parser.header(input).value());
  input += std::string(9000, 'a');
  EXPECT_EQ(parser.header(input).error().status, 431);
}

TEST_F(HttpTest, LimitsHaveTheirStatus) {
  RouteOptions small;
  small.body_bytes_max = 10;
  router.add("POST", "/small", echo(), small);
  HttpServerOptions options;
  options.limits.header_bytes_max = 4096;
  options.limits.target_bytes_max = 1000;
  options.limits.header_count_max = 10;
  serve(std::move(router), options);
  const std::string host = " HTTP/1.1\r\nHost: x\r\n";
  EXPECT_THAT(talk("GET /" + std::string(2000, 'a') + host + "\r\n"), HasSubstr(" 414 "));
  EXPECT_THAT(talk("GET /" + std::string(9000, 'a') + host + "\r\n"), HasSubstr(" 414 "));
  EXPECT_THAT(talk("GET /" + host + "A: " + std::string(9000, 'a') + "\r\n\r\n"),
              HasSubstr(" 431 "));
  std::string many;
  for (int i = 0; i < 20; ++i) many += "A: b\r\n";
  EXPECT_THAT(talk("GET /" + host + many + "\r\n"), HasSubstr(" 431 "));
  EXPECT_THAT(talk("POST /small" + host + "Content-Length: 11\r\n\r\n12345678901"),
              HasSubstr(" 413 "));
  EXPECT_THAT(talk("POST /small" + host + "Transfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n"),
              HasSubstr(" 413 "));
  EXPECT_THAT(talk("garbage\r\n\r\n"), HasSubstr(" 400 "));
  EXPECT_THAT(talk("GET / HTTP/1.1\r\n\r\n"), HasSubstr(" 400 "));       // no Host
  EXPECT_THAT(talk("GET /%zz" + host + "\r\n"), HasSubstr(" 400 "));     // bad escape
  EXPECT_THAT(talk("GET /../etc" + host + "\r\n"), HasSubstr(" 400 "));  // no way up
  EXPECT_THAT(
      talk("POST /small" + host + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc"),
      HasSubstr(" 400 "));  // request smuggling
}

TEST_F(HttpTest, SlowHeadersAndBodiesEnd) {
  RouteOptions hasty;
  hasty.body_time_max = 30ms;
  router.add("POST", "/", echo(), hasty);
  HttpServerOptions options;
  options.limits.header_time_max = 30ms;
  options.limits.idle_time_max = 30ms;
  options.limits.handshake_time_max = 5s;
  serve(std::move(router), options);
  EXPECT_THAT(talk("GET / HTTP/1.1\r\nHo"), HasSubstr(" 408 "));
  EXPECT_THAT(talk("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab"),
              HasSubstr(" 408 "));
  EXPECT_EQ(talk(""), "");  // idle: closed without a word
}

TEST_F(HttpTest, ExpectContinueIsAsked) {
  router.add("POST", "/{name}", echo());
  serve(std::move(router));
  auto stream = connect(region.api_context());
  ASSERT_TRUE(stream);
  const auto got = run([](TlsStream& s) -> Task<std::string> {
    co_await s.write(
        "POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n"
        "Expect: 100-continue\r\n\r\n",
        5s);
    std::string all;
    char block[4096];
    auto n = co_await s.read_some(block, 5s);
    all.append(block, n.value_or(0));
    co_await s.write("abc", 5s);
    while ((n = co_await s.read_some(block, 5s)) && *n > 0) all.append(block, *n);
    co_return all;
  }(*stream));
  EXPECT_THAT(got, StartsWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"));
  EXPECT_THAT(got, HasSubstr("POST a abc"));
}

TEST_F(HttpTest, BodiesStreamBothWays) {
  RouteOptions streamed;
  streamed.stream_body = true;
  streamed.body_bytes_max = 10'000'000;
  router.add(
      "PUT", "/count",
      [](Request& request) -> Task<Response> {
        std::size_t total = 0;
        for (;;) {
          const auto part = co_await request.body_stream->read();
          if (!part) co_return Response::error(part.error());
          if (part->empty()) break;
          total += part->size();
        }
        co_return Response::text(200, std::to_string(total));
      },
      streamed);
  router.add("GET", "/large", [](Request&) -> Task<Response> {
    co_return Response::stream("application/octet-stream", [](BodyWriter& w) -> Task<Status> {
      for (int i = 0; i < 50; ++i) MUSTER_CO_TRY(co_await w.write(std::string(100'000, 'x')));
      co_return Status{};
    });
  });
  router.add("GET", "/cut", [](Request&) -> Task<Response> {
    co_return Response::stream("text/plain", [](BodyWriter& w) -> Task<Status> {
      MUSTER_CO_TRY(co_await w.write("half"));
      co_return core::fail(Code::kIo, "the disk broke");
    });
  });
  serve(std::move(router));
  auto http = client();
  const auto sent =
      run(http.request({.method = "PUT", .target = "/count", .body = std::string(3'000'000, 'y')}));
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(sent->body, "3000000");
  const auto large = run(http.request({.target = "/large"}));
  ASSERT_TRUE(large) << large.error().message;
  EXPECT_EQ(large->body.size(), 5'000'000U);
  EXPECT_EQ(server->connections(), 1U);
  const auto cut = run(http.request({.target = "/cut"}));
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, Code::kUnavailable);
}

TEST_F(HttpTest, EventsArriveAndADisconnectIsNoticed) {
  runtime::Signal signal;
  bool ended = false;
  router.add("GET", "/events", [&](Request&) -> Task<Response> {
    co_return Response::stream("text/event-stream", [&](BodyWriter& w) -> Task<Status> {
      w.on_gone([&] { signal.notify(); });
      MUSTER_CO_TRY(co_await w.write("event: run\ndata: 1\ndata: 2\n\n: ping\n\ndata: last\n\n"));
      while (!w.gone()) co_await signal.wait(signal.count(), 10s);
      ended = true;
      co_return Status{};
    });
  });
  serve(std::move(router));
  {
    auto http = client();
    auto opened = run(http.open({.target = "/events"}));
    ASSERT_TRUE(opened) << opened.error().message;
    EventStream events(std::move(*opened));
    const auto first = run(events.next());
    ASSERT_TRUE(first && *first);
    EXPECT_EQ((*first)->name, "run");
    EXPECT_EQ((*first)->data, "1\n2");
    const auto second = run(events.next());
    ASSERT_TRUE(second && *second);
    EXPECT_EQ((*second)->name, "message");
    EXPECT_EQ((*second)->data, "last");
    EXPECT_FALSE(ended);
  }
  run_until([&] { return ended; });
}

TEST_F(HttpTest, StopLetsRunningRequestsEnd) {
  runtime::Signal begun, go;
  router.add("GET", "/slow", [&](Request&) -> Task<Response> {
    begun.notify();
    co_await go.wait(0, 10s);
    co_return Response::text(200, "done");
  });
  router.add("GET", "/", answer("x"));
  serve(std::move(router));
  auto idle = client();
  ASSERT_TRUE(run(idle.request({.target = "/"})));
  auto busy = client();
  std::optional<Result<ClientResponse>> got;
  group.spawn([](HttpClient& c, std::optional<Result<ClientResponse>>& out) -> Task<void> {
    out = co_await c.request({.target = "/slow"});
  }(busy, got));
  run_until([&] { return begun.count() > 0; });
  bool stopped = false;
  group.spawn([](HttpServer& s, bool& done) -> Task<void> {
    co_await s.stop(10s);
    done = true;
  }(*server, stopped));
  run_until([&] { return server->connections() == 1; });  // the idle one is closed
  EXPECT_FALSE(stopped);
  go.notify();
  run_until([&] { return stopped && got.has_value(); });
  ASSERT_TRUE(*got) << got->error().message;
  EXPECT_EQ((*got)->body, "done");
  EXPECT_EQ((*got)->header("connection"), "close");
}

TEST_F(HttpTest, WhoConnectsBetweenTwoServersIsServedByTheSecond) {
  router.add("GET", "/", answer("first"));
  serve(std::move(router));
  auto before = client(), meanwhile = client();
  ASSERT_TRUE(run(before.request({.target = "/"})));
  HttpServerOptions options;
  options.listening = server->hand_over();
  ASSERT_TRUE(options.listening);
  EXPECT_FALSE(server->hand_over()) << "it is given away already";
  // What is connected is still served, and nobody new.
  EXPECT_EQ(run(before.request({.target = "/"}))->body, "first");
  std::optional<Result<ClientResponse>> got;
  group.spawn([](HttpClient& c, std::optional<Result<ClientResponse>>& out) -> Task<void> {
    out = co_await c.request({.target = "/"});
  }(meanwhile, got));
  stop_server();
  loop.context().restart();
  loop.context().run_for(50ms);
  EXPECT_FALSE(got) << "neither refused nor answered";
  Router second;
  second.add("GET", "/", answer("second"));
  serve(std::move(second), std::move(options));
  run_until([&] { return got.has_value(); });
  ASSERT_TRUE(*got) << got->error().message;
  EXPECT_EQ((*got)->body, "second");
}

TEST_F(HttpTest, StopCutsWhatDoesNotEnd) {
  router.add("GET", "/", [](Request&) -> Task<Response> {
    co_await runtime::sleep_for(1h);
    co_return Response{};
  });
  serve(std::move(router));
  auto http = client();
  std::optional<Result<ClientResponse>> got;
  group.spawn([](HttpClient& c, std::optional<Result<ClientResponse>>& out) -> Task<void> {
    out = co_await c.request({.target = "/"});
  }(http, got));
  run_until([&] { return server->connections() == 1; });
  stop_server(20ms);
  run_until([&] { return got.has_value(); });
  EXPECT_FALSE(*got);
}

TEST_F(HttpTest, ConnectionsPerAddressAreLimited) {
  router.add("GET", "/", answer("x"));
  HttpServerOptions options;
  options.limits.connections_per_address_max = 2;
  serve(std::move(router), options);
  auto a = connect(region.api_context()), b = connect(region.api_context());
  ASSERT_TRUE(a && b);
  EXPECT_FALSE(connect(region.api_context()));
  a->close();
  run_until([&] { return server->connections() == 1; });
  EXPECT_TRUE(connect(region.api_context()));
}

TEST_F(HttpTest, PortInUseSaysWhatToDo) {
  serve(std::move(router));
  HttpServerOptions options;
  options.address = "127.0.0.1";
  options.port = server->port();
  HttpServer second(loop, tls, Router(), options);
  const auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kConflict);
  EXPECT_THAT(started.error().message, HasSubstr("another port"));
}

}  // namespace
}  // namespace muster::net::testing
