// SPDX-License-Identifier: Apache-2.0
//
// A server on 127.0.0.1 and tasks that talk to it, on one loop.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <memory>
#include <optional>
#include <string>

#include "net/http_client.h"
#include "net/http_server.h"
#include "net/tests/certificates.h"
#include "runtime/task_group.h"

namespace muster::net::testing {

using namespace std::chrono_literals;
using core::Code;
using core::Result;
using core::Status;
using runtime::Task;

class NetTest : public ::testing::Test {
 protected:
  /// Runs the loop until the task has returned.
  template <typename T>
  T run(Task<T> task) {
    std::optional<T> value;
    group.spawn([](Task<T> inner, std::optional<T>& out) -> Task<void> {
      out = co_await std::move(inner);
    }(std::move(task), value));
    run_until([&] { return value.has_value(); });
    return std::move(*value);
  }
  template <typename Condition>
  void run_until(Condition condition, int line = __builtin_LINE()) {
    // Without work in between the context would have stopped itself.
    loop.context().restart();
    const auto guard = boost::asio::make_work_guard(loop.context());
    const auto deadline = core::mono_now() + 20s;
    while (!condition()) {
      ASSERT_LT(core::mono_now(), deadline) << "it hangs at line " << line;
      loop.context().run_one_for(1s);
    }
  }
  void serve(Router router, HttpServerOptions options = {}) {
    options.address = "127.0.0.1";
    options.port = 0;
    server = std::make_unique<HttpServer>(loop, tls, std::move(router), std::move(options));
    const auto started = server->start();
    ASSERT_TRUE(started) << started.error().message;
  }
  void stop_server(core::Duration grace = 0s) {
    if (!server) return;
    run([](HttpServer& s, core::Duration g) -> Task<bool> {
      co_await s.stop(g);
      co_return true;
    }(*server, grace));
    server.reset();
  }
  void TearDown() override {
    stop_server();
    run_until([&] { return group.size() == 0; });
    loop.run_until_idle();
  }
  ServerAddress address() const { return {"127.0.0.1", server->port()}; }
  HttpClient client(ClientLimits limits = {}) {
    return HttpClient(loop, address(), region.api_context(), limits);
  }
  Result<TlsStream> connect(std::shared_ptr<const TlsClientContext> context) {
    return run(connect_tls(loop, address(), std::move(context), 5s));
  }
  /// Sends raw bytes over TLS and returns what comes until the server closes.
  std::string talk(std::string bytes) {
    auto stream = connect(region.api_context());
    EXPECT_TRUE(stream);
    if (!stream) return {};
    return run([](TlsStream& s, std::string sent) -> Task<std::string> {
      co_await s.write(sent, 5s);
      std::string answer;
      char block[4096];
      for (;;) {
        const auto got = co_await s.read_some(block, 5s);
        if (!got || *got == 0) co_return answer;
        answer.append(block, *got);
      }
    }(*stream, std::move(bytes)));
  }

  runtime::Loop loop;
  runtime::TaskGroup group{loop, "test"};
  Region region;
  std::shared_ptr<TlsServerContext> tls = region.server_context();
  std::unique_ptr<HttpServer> server;
};

inline Handler answer(std::string text) {
  return [text](Request&) -> Task<Response> { co_return Response::text(200, text); };
}

}  // namespace muster::net::testing
