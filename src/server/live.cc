// SPDX-License-Identifier: Apache-2.0
#include "server/live.h"

#include <algorithm>

#include "core/bytes.h"
#include "wire/limits.h"

namespace muster::server {

using core::Code;
using core::fail;

void Live::forget_gone() {
  std::erase_if(runs_, [](const auto& entry) { return entry.second.expired(); });
  std::erase_if(regions_, [](const auto& entry) { return entry.expired(); });
}

std::size_t Live::watchers() {
  forget_gone();
  return runs_.size() + regions_.size();
}

core::Result<std::shared_ptr<RunWatch>> Live::watch_run(core::RunId run) {
  if (watchers() >= kWatchersMax)
    return fail(Code::kLimit, "too many live views are open; close one and try again");
  auto watch = std::make_shared<RunWatch>();
  watch->run = run;
  if (const auto recent = recent_.find(run); recent != recent_.end()) {
    watch->output = recent->second.parts;
    watch->output_bytes = recent->second.bytes;
    watch->progress = recent->second.progress;
  }
  runs_.emplace(run, watch);
  return watch;
}

core::Result<std::shared_ptr<RegionWatch>> Live::watch_region() {
  if (watchers() >= kWatchersMax)
    return fail(Code::kLimit, "too many live views are open; close one and try again");
  auto watch = std::make_shared<RegionWatch>();
  regions_.push_back(watch);
  return watch;
}

void Live::wake_all() {
  for (const auto& [run, entry] : runs_)
    if (const auto watch = entry.lock()) watch->signal.notify();
  for (const auto& entry : regions_)
    if (const auto watch = entry.lock()) watch->signal.notify();
}

void Live::run_changed(const jobs::Run& run, std::span<const jobs::TargetEvent> targets) {
  if (run.finished()) recent_.erase(run.id);
  if (const auto recent = recent_.find(run.id); recent != recent_.end())
    for (const auto& target : targets)
      if (jobs::is_final(target.state)) recent->second.progress.erase(target.endpoint);
  const auto [first, last] = runs_.equal_range(run.id);
  for (auto entry = first; entry != last; ++entry) {
    const auto watch = entry->second.lock();
    if (!watch) continue;
    for (const auto& target : targets) {
      if (watch->events.size() >= RunWatch::kEventsMax) break;
      watch->events.push_back(target);
    }
    if (run.finished()) watch->ended.notify();
    watch->signal.notify();
  }
  for (const auto& entry : regions_) {
    const auto watch = entry.lock();
    if (!watch) continue;
    watch->runs.insert(run.id);
    watch->signal.notify();
  }
}

Live::Recent& Live::recent_of(core::RunId run) {
  if (recent_.size() >= kRecentRunsMax && !recent_.contains(run)) recent_.erase(recent_.begin());
  return recent_[run];
}

void Live::run_progress(core::RunId run, const core::EndpointId& endpoint,
                        const wire::Output& output) {
  TargetProgress said{.percent = {},
                      .text = core::printable(output.data(), wire::kProgressTextBytesMax)};
  if (output.has_percent()) said.percent = std::min(output.percent(), 100U);
  const auto keep = [&](ProgressMap& map) {
    if (map.size() < kProgressTargetsMax || map.contains(endpoint)) map[endpoint] = said;
  };
  keep(recent_of(run).progress);
  const auto [first, last] = runs_.equal_range(run);
  for (auto entry = first; entry != last; ++entry) {
    const auto watch = entry->second.lock();
    if (!watch) continue;
    keep(watch->progress);
    watch->signal.notify();
  }
}

const TargetProgress* Live::progress(core::RunId run, const core::EndpointId& endpoint) const {
  const auto recent = recent_.find(run);
  if (recent == recent_.end()) return nullptr;
  const auto found = recent->second.progress.find(endpoint);
  return found == recent->second.progress.end() ? nullptr : &found->second;
}

void Live::keep_recent(core::RunId run, const RunWatch::OutputPart& part) {
  Recent& recent = recent_of(run);
  recent.parts.push_back(part);
  recent.bytes += part.data.size();
  while (recent.bytes > kRecentBytesMax) {
    recent.bytes -= recent.parts.front().data.size();
    recent.parts.pop_front();
  }
}

void Live::run_output(core::RunId run, const core::EndpointId& endpoint,
                      const wire::Output& output) {
  if (output.stream() == wire::STREAM_PROGRESS) return run_progress(run, endpoint, output);
  const RunWatch::OutputPart part{endpoint, output.stream(), output.data()};
  keep_recent(run, part);
  const auto [first, last] = runs_.equal_range(run);
  for (auto entry = first; entry != last; ++entry) {
    const auto watch = entry->second.lock();
    if (!watch || watch->output_bytes + part.data.size() > RunWatch::kOutputBytesMax) continue;
    watch->output.push_back(part);
    watch->output_bytes += part.data.size();
    watch->signal.notify();
  }
}

void Live::hosts_changed(std::span<const core::EndpointId> hosts) {
  for (const auto& entry : regions_) {
    const auto watch = entry.lock();
    if (!watch) continue;
    watch->hosts.insert(hosts.begin(), hosts.end());
    if (watch->hosts.size() > kHostsMax) {
      watch->many_hosts = true;
      watch->hosts.clear();
    }
    watch->signal.notify();
  }
}

}  // namespace muster::server
