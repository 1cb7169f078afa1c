// SPDX-License-Identifier: Apache-2.0
//
// A terminal that remembers, and a server that answers from a table.
#pragma once

#include <map>
#include <queue>
#include <string>
#include <vector>

#include "cli/app.h"

namespace muster::cli {

class FakeTerminal final : public Terminal {
 public:
  void out(std::string_view text) override { output += text; }
  void err(std::string_view text) override { errors += text; }
  void progress(std::string_view line) override {
    if (!line.empty()) progress_lines.emplace_back(line);
  }
  core::Result<std::string> ask(std::string_view question) override {
    questions.emplace_back(question);
    if (answers.empty()) return core::fail(core::Code::kInvalid, "nobody to ask");
    std::string answer = answers.front();
    answers.pop();
    if (answer == "^C") return core::fail(core::Code::kCancelled, "interrupted");
    return answer;
  }
  core::Result<std::string> ask_secret(std::string_view question) override { return ask(question); }
  core::Result<std::string> read_all(std::size_t) override { return input; }

  std::string output;
  std::string errors;
  std::string input;
  std::vector<std::string> progress_lines;
  std::vector<std::string> questions;
  std::queue<std::string> answers;
};

/// What the fake server knows. Keys are "METHOD target".
struct FakeServer {
  std::map<std::string, Answer> answers;
  std::vector<Event> events;
  int interrupt_after = -1;  ///< Ctrl-C behind so many events.
  core::Status failure;      ///< Of every request, where set.
  std::vector<Request> requests;

  void on(const std::string& key, std::string body, int status = 200) {
    answers[key] = Answer{status, std::move(body), "muster_session=abc"};
  }
  bool saw(std::string_view method, std::string_view target) const {
    for (const auto& request : requests) {
      if (request.method == method && request.target == target) return true;
    }
    return false;
  }
};

class FakeTransport final : public Transport {
 public:
  explicit FakeTransport(FakeServer& server) : server_(server) {}
  core::Result<Answer> request(Request request) override {
    server_.requests.push_back(request);
    if (!server_.failure) return core::fail(core::Error(server_.failure.error()));
    const auto found = server_.answers.find(request.method + " " + request.target);
    if (found != server_.answers.end()) return found->second;
    return Answer{
        404,
        R"({"error":{"code":"not_found","message":"no such thing: )" + request.target + R"("}})",
        ""};
  }
  core::Status events(std::string target, EventReader& reader) override {
    server_.requests.push_back({"EVENTS", target});
    int count = 0;
    for (const Event& event : server_.events) {
      if (count++ == server_.interrupt_after && !reader.on_interrupt(false)) return {};
      if (!reader.on_event(event)) return {};
    }
    return {};
  }

 private:
  FakeServer& server_;
};

/// A whole program run: `Program p; p.server.on(…); p.run({"hosts"})`.
struct Program {
  FakeTerminal terminal;
  FakeServer server;
  std::map<std::string, std::string> environment{{"MUSTER_STATE", "/nonexistent"},
                                                 {"HOME", "/nonexistent"}};
  std::string presented = "0000";
  Region opened;

  Program() {
    // No file is needed: the region comes from the environment, its CA from a file that is there.
    environment["MUSTER_SERVER"] = "https://box:7443";
    environment["MUSTER_TOKEN"] = "mat1.x.y";
    environment["MUSTER_CA"] = "/dev/null";
  }

  int run(const std::vector<std::string>& words) {
    Context context{
        terminal,
        [this](const char* name) -> std::optional<std::string> {
          const auto found = environment.find(name);
          if (found == environment.end()) return std::nullopt;
          return found->second;
        },
        [] { return core::wall_from_unix_ms(1'795'320'600'000); },  // 2026-11-22T04:10:00Z
        [] { return core::MonoTime{}; },
        [this](Region region) {
          opened = std::move(region);
          return std::make_unique<FakeTransport>(server);
        },
        [this](std::string) -> core::Result<std::string> { return presented; }};
    return run_program(context, words);
  }
};

}  // namespace muster::cli
