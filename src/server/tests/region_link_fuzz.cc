// SPDX-License-Identifier: Apache-2.0
//
// Any frames on /region, as from a gateway in foreign hands: refused with a reason or
// taken, and never a word after the end. Behind the link stand the real hub, registry
// and ledger, with one host that has one run open. Input: two bytes give the length of
// the frame that follows, and so on.
#include <cstdint>
#include <cstdlib>
#include <filesystem>

#include "access/schema.h"
#include "core/assert.h"
#include "core/log.h"
#include "fleet/registry_store.h"
#include "jobs/run_store.h"
#include "runtime/testing.h"
#include "server/gateway_link.h"

namespace {

using namespace muster;

constexpr std::string_view kHost = "0123456789abcdef";

/// What takes long to make and remembers nothing of an input.
struct Ground {
  Ground() {
    core::set_log_level(core::Level::kError);
    clear();  // the authority is in memory now
  }
  void clear() const { std::filesystem::remove_all(folder); }

  std::filesystem::path folder = [] {
    auto made = (std::filesystem::temp_directory_path() / "muster-fuzz-XXXXXX").string();
    MUSTER_ASSERT(::mkdtemp(made.data()) != nullptr);
    return std::filesystem::path(made);
  }();
  access::RegionAuthority authority =
      access::RegionAuthority::open(folder, core::wall_now()).value();
  std::unique_ptr<store::Database> database =
      store::Database::open_temporary(
          {access::migrations(), fleet::registry_migrations(), jobs::run_migrations()})
          .value();
  orders::Signer signer = [this] {
    const auto credential = authority.signer_credential(core::wall_now()).value();
    return orders::Signer("region", credential.key, credential.certificate, core::wall_now(),
                          core::mono_now());
  }();
  access::Revocations revocations{*database, core::wall_now};
  access::Enrolment enrolment{*database, authority, revocations, core::wall_now};
};

struct Line {
  net::WebSocketHandler* handler = nullptr;
  bool closed = false;
};

class Socket final : public net::MessageSocket {
 public:
  explicit Socket(Line& line) : line_(line) {}
  ~Socket() override { line_.handler = nullptr; }
  void start(net::WebSocketHandler& handler) override { line_.handler = &handler; }
  bool send(std::string_view message) override {
    MUSTER_ASSERT(!line_.closed && wire::split_region_frame(message));
    return true;
  }
  void close(net::CloseCode, std::string_view reason) override {
    MUSTER_ASSERT(!line_.closed && !reason.empty());
    line_.closed = true;
  }
  void notify_below(std::uint32_t) override {}
  void pause_reading(bool) override {}
  std::size_t queued_bytes() const override { return 0; }
  x509_st* peer_certificate_native() const override { return nullptr; }

 private:
  Line& line_;
};

/// A server with one host and one run that waits for it.
struct Server {
  explicit Server(Ground& on) : ground(on) {
    const auto id = core::EndpointId::from_bytes(kHost).value();
    MUSTER_ASSERT(registry.add(id, {}, core::wall_now()));
    jobs::RunSpec spec;
    spec.argv = {"true"};
    spec.live_output = true;
    spec.queue_for = std::chrono::hours(1);
    auto run = jobs::make_run(spec, core::wall_now(), 1).value();
    run.id = core::RunId(0x0101010101010101);
    run.invoke.set_run(run.id.value());
    bool created = false;
    MUSTER_ASSERT(runs.ledger().create(std::move(run), {&id, 1}, "", "", server::RunService::now(),
                                       [&](core::Status done) { created = done.has_value(); }));
    runs.changed();
    settle();
    MUSTER_ASSERT(created);
  }
  ~Server() {
    runtime::run_to_end(loop, [](server::GatewayHub& h) -> runtime::Task<bool> {
      co_await h.stop();
      co_return true;
    }(hub));
    settle();
    MUSTER_ASSERT(
        ground.database->write_blocking([](store::Connection& connection) -> core::Status {
          for (const char* sql :
               {"DELETE FROM jobs_targets", "DELETE FROM jobs_slots", "DELETE FROM jobs_runs"})
            MUSTER_TRY(connection.execute(sql));
          return {};
        }));
    ground.clear();
  }
  /// Until the database has nothing to say to this loop any more.
  void settle() {
    for (int i = 0; i < 3; ++i) {
      loop.context().restart();
      loop.context().poll();
      MUSTER_ASSERT(
          ground.database->write_blocking([](store::Connection&) { return core::Status(); }));
    }
    loop.context().restart();
    loop.context().poll();
  }

  Ground& ground;
  runtime::Loop loop;
  fleet::Registry registry;
  server::Live live;
  server::RunService runs{
      loop, *ground.database, ground.folder,
      live, ground.signer,    [this](const std::string& name) { return hub.find(name); }};
  server::GatewayHub hub{loop,          registry, runs, ground.enrolment, ground.revocations,
                         ground.signer, "region"};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Ground ground;
  Server server(ground);
  Line line;
  std::unique_ptr<server::GatewayLink> link = std::make_unique<server::GatewayLink>(
      server.loop, server.hub, "region", ground.authority.authority().certificate(), "edge",
      std::make_unique<Socket>(line), [&](server::GatewayLink&) { link.reset(); });
  link->start();
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (rest.size() >= 2 && !line.closed) {
    const std::size_t length =
        static_cast<std::uint8_t>(rest[0]) * 256U + static_cast<std::uint8_t>(rest[1]);
    rest.remove_prefix(2);
    const std::string_view frame = rest.substr(0, length);
    rest.remove_prefix(frame.size());
    line.handler->on_message(frame);
    server.settle();
  }
  MUSTER_ASSERT(!line.closed || server.hub.find("edge") == nullptr);
  if (line.handler != nullptr) line.handler->on_closed({core::Code::kUnavailable, "the end"});
  MUSTER_ASSERT(!link);
  return 0;
}
