// SPDX-License-Identifier: Apache-2.0
#include "gateway/intake.h"

#include <algorithm>

#include "core/log.h"
#include "intake/items.h"

namespace muster::gateway {

using core::Code;
using core::fail;

core::Result<std::unique_ptr<Intake>> Intake::open(runtime::Loop& loop, std::filesystem::path file,
                                                   intake::QueueLimits limits) {
  intake::Spool::Found found;
  MUSTER_ASSIGN(auto spool, intake::Spool::open(std::move(file), 2 * limits.bytes_max, found));
  intake::Queue queue(std::move(found.queue), found.next, limits);
  for (auto& item : found.items) queue.restore(std::move(item));
  if (!queue.empty())
    core::log(core::Level::kInfo, "gateway", "events and inventory wait for the server",
              {{"items", queue.stats().items}});
  return std::unique_ptr<Intake>(new Intake(loop, std::move(queue), std::move(spool)));
}

core::Result<std::string> Intake::take(const core::EndpointId& endpoint, core::RunId run,
                                       const std::string& call, std::string body) {
  MUSTER_TRY(intake::check(call, body));
  MUSTER_TRY(queue_.admit(endpoint, body.size(), core::mono_now()));
  wire::IntakeItem item;
  item.set_endpoint(std::string(endpoint.bytes()));
  item.set_run(run.value());
  item.set_call(call);
  item.set_body(std::move(body));
  item.set_taken_unix_ms(core::unix_ms(core::wall_now()));
  queue_.push(std::move(item));
  if (const auto written = spool_.append(queue_.items(), queue_.next_sequence()); !written) {
    queue_.drop_newest();
    core::log(core::Level::kError, "gateway", "an event or inventory could not be kept",
              {{"why", written.error().message}});
    return fail(Code::kUnavailable, "the gateway cannot keep it just now; try again later");
  }
  send();
  return std::string(R"({"taken":true})");
}

void Intake::send() {
  if (!server_) return;
  if (auto batch = queue_.next_batch(core::mono_now())) server_->intake(*std::move(batch));
  const core::MonoTime due = queue_.due();
  if (due == core::MonoTime::max()) return timer_.cancel();
  timer_.start(std::max<core::Duration>(due - core::mono_now(), std::chrono::milliseconds(1)),
               [this] { send(); });
}

void Intake::server_found(link::RegionServer& server) {
  server_ = &server;
  queue_.server_lost();  // of the one before
  send();
}

void Intake::server_lost() {
  server_ = nullptr;
  queue_.server_lost();
  timer_.cancel();
}

void Intake::taken(const wire::IntakeTaken& message) {
  if (!queue_.taken(message)) return;
  spool_.left(queue_.items(), queue_.next_sequence());
  send();
}

}  // namespace muster::gateway
