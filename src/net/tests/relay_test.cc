// SPDX-License-Identifier: Apache-2.0
//
// What a server and a client need to stand between others: any address, bodies framed as they
// are said to be, connections without TLS, and connections that are taken over whole.
#include "net/detail/request_parser.h"
#include "net/tests/fixture.h"

namespace muster::net::testing {
namespace {

using boost::asio::ip::tcp;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class RelayTest : public NetTest {
 protected:
  static RouteOptions streamed() {
    RouteOptions options;
    options.stream_body = true;
    return options;
  }
};

/// The status of what the parser makes of a request; 200 where it is one.
int verdict(std::string bytes) {
  const HttpLimits limits;
  detail::RequestParser parser(limits);
  const auto complete = parser.header(bytes);
  if (!complete) return complete.error().status;
  if (!*complete) return 0;
  const auto request = parser.request();
  return request ? 200 : request.error().status;
}

TEST(RequestParser, ABodyEndsAtOnePlaceOnly) {
  const std::string post = "POST / HTTP/1.1\r\nHost: x\r\n", end = "\r\n\r\n";
  EXPECT_EQ(verdict(post + "Content-Length: 5" + end), 200);
  EXPECT_EQ(verdict(post + "Transfer-Encoding: Chunked" + end), 200);
  for (const char* two :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5", "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5, 5", "Content-Length: +5",
        "Content-Length: 0x5", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding : chunked"})
    EXPECT_EQ(verdict(post + two + end), 400) << two;
  for (const char* strange : {"Transfer-Encoding: gzip, chunked", "Transfer-Encoding: xchunked",
                              "Transfer-Encoding: identity"})
    EXPECT_THAT(verdict(post + strange + end), ::testing::AnyOf(501, 400)) << strange;
  EXPECT_EQ(verdict("POST / HTTP/1.0\r\nTransfer-Encoding: chunked" + end), 400);
}

TEST_F(RelayTest, AFallbackTakesAnyMethodAndAnyAddressAsSent) {
  Router router;
  router.add("GET", "/known", answer("known"));
  router.add_fallback(
      [](Request& request) -> Task<Response> {
        co_return Response::text(200, request.method + " " + request.target + " " + request.path);
      },
      streamed());
  serve(std::move(router));
  const std::string host = " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  EXPECT_THAT(talk("GET /known" + host), HasSubstr("\r\n\r\nknown"));
  EXPECT_THAT(talk("BREW /a/../%zz?q=%" + host), HasSubstr("BREW /a/../%zz?q=% /a/../%zz"));
  EXPECT_THAT(talk("OPTIONS *" + host), HasSubstr("OPTIONS * *"));
  EXPECT_THAT(talk("POST /known" + host), HasSubstr("POST /known /known"));
}

TEST_F(RelayTest, AConnectionIsTakenOverWhole) {
  Router router;
  router.add_fallback(
      [](Request&) -> Task<Response> {
        Response response;
        response.status = 101;
        response.takeover = [](TlsStream stream, std::string received) -> Task<void> {
          char block[64];
          const auto got = co_await stream.read_some(block, 5s);
          received.append(block, got.value_or(0));
          co_await stream.write("took " + received, 5s);
          stream.close();
        };
        co_return response;
      },
      streamed());
  serve(std::move(router));
  auto stream = connect(region.api_context());
  ASSERT_TRUE(stream);
  const std::string got = run([](TlsStream& s) -> Task<std::string> {
    co_await s.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 5s);
    std::string seen;
    char block[512];
    auto part = co_await s.read_some(block, 5s);
    seen.append(block, part.value_or(0));
    co_await s.write("bytes", 5s);
    while ((part = co_await s.read_some(block, 5s)) && *part > 0) seen.append(block, *part);
    co_return seen;
  }(*stream));
  EXPECT_THAT(got, StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(got, HasSubstr("\r\n\r\ntook bytes"));
  EXPECT_THAT(got, ::testing::Not(HasSubstr("Connection: close")));
}

/// Two parts and their end.
class Parts final : public BodyReader {
 public:
  Task<Result<std::string>> read() override {
    co_return at_ == 2 ? std::string() : std::string(at_++ == 0 ? "one" : "two");
  }

 private:
  int at_ = 0;
};

TEST_F(RelayTest, AClientSpeaksPlainHttpWithALengthThatWasSaid) {
  tcp::acceptor acceptor(loop.context(), tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  std::string seen;
  group.spawn([](runtime::Loop& on, tcp::acceptor& from, std::string& into) -> Task<void> {
    auto [failed, socket] = co_await from.async_accept(runtime::kAwait);
    TlsStream stream = TlsStream::plain(on, std::move(socket));
    char block[1024];
    while (!into.ends_with("onetwo")) {
      const auto got = co_await stream.read_some(block, 5s);
      if (!got || *got == 0) co_return;
      into.append(block, *got);
    }
    co_await stream.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 5s);
    stream.close();
  }(loop, acceptor, seen));
  HttpClient http(loop, {"127.0.0.1", acceptor.local_endpoint().port()}, nullptr);
  Parts parts;
  ClientRequest request{.method = "POST", .headers = {{"host", "app.example"}}};
  request.body_stream = &parts;
  request.content_length = 6;
  const auto response = run(http.request(std::move(request)));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "ok");
  EXPECT_THAT(seen, HasSubstr("host: app.example\r\n"));
  EXPECT_THAT(seen, HasSubstr("Content-Length: 6\r\n"));
  EXPECT_THAT(seen, ::testing::Not(HasSubstr("Host: 127")));
}

TEST_F(RelayTest, NobodyListensOnAPath) {
  HttpClient http(loop, {"/nowhere/app.sock", 0}, nullptr);
  const auto response = run(http.request({}));
  ASSERT_FALSE(response);
  EXPECT_THAT(response.error().message, HasSubstr("/nowhere/app.sock"));
}

}  // namespace
}  // namespace muster::net::testing
