// SPDX-License-Identifier: Apache-2.0
#include "intake/queue.h"

#include <algorithm>

#include "core/assert.h"

namespace muster::intake {
namespace {

using core::Code;
using core::fail;

/// What an item costs besides its body.
constexpr std::size_t kItemBytes = 128;
/// Sources that are looked through for idle ones at this number.
constexpr std::size_t kSourcesMax = 50'000;

}  // namespace

Queue::Queue(std::string id, std::uint64_t next, QueueLimits limits)
    : id_(std::move(id)), limits_(limits), next_(std::max<std::uint64_t>(next, 1)) {}

std::size_t Queue::cost(const wire::IntakeItem& item) {
  return item.body().size() + kItemBytes;
}

void Queue::restore(wire::IntakeItem item) {
  next_ = std::max(next_, item.sequence() + 1);
  bytes_ += cost(item);
  sources_[item.endpoint()].bytes += cost(item);
  items_.push_back(std::move(item));
}

core::Status Queue::admit(const core::EndpointId& endpoint, std::size_t bytes, core::MonoTime now) {
  const std::size_t cost = bytes + kItemBytes;
  const auto refuse = [&](const char* why) {
    ++stats_.refused;
    return fail(Code::kLimit, why);
  };
  if (items_.size() >= limits_.items_max || bytes_ + cost > limits_.bytes_max)
    return refuse("the gateway keeps as much for the server as it may; try again later");
  if (sources_.size() >= kSourcesMax) forget_idle(now);
  Source& source = sources_[std::string(endpoint.bytes())];
  if (source.bytes + cost > limits_.endpoint_bytes_max)
    return refuse(
        "the gateway keeps as much of this host for the server as it may; try again "
        "later");
  const core::MonoTime paced = std::max(source.paced_until, now);
  if (paced - now >= limits_.endpoint_at_once * limits_.endpoint_pace)
    return refuse("this host reports too fast; try again in a while");
  source.paced_until = paced + limits_.endpoint_pace;
  return {};
}

const wire::IntakeItem& Queue::push(wire::IntakeItem item) {
  item.set_sequence(next_++);
  bytes_ += cost(item);
  sources_[item.endpoint()].bytes += cost(item);
  ++stats_.taken;
  return items_.emplace_back(std::move(item));
}

void Queue::drop_newest() {
  MUSTER_ASSERT(!items_.empty());
  const wire::IntakeItem& item = items_.back();
  bytes_ -= cost(item);
  sources_[item.endpoint()].bytes -= cost(item);
  --stats_.taken;
  ++stats_.refused;
  items_.pop_back();  // its number stays unused
}

std::optional<wire::IntakeUp> Queue::next_batch(core::MonoTime now) {
  if (items_.empty() || now < due()) return std::nullopt;
  wire::IntakeUp batch;
  batch.set_queue(id_);
  std::size_t bytes = 0;
  for (const wire::IntakeItem& item : items_) {
    if (static_cast<std::size_t>(batch.items_size()) >= limits_.batch_items_max) break;
    if (bytes > 0 && bytes + cost(item) > limits_.batch_bytes_max) break;
    bytes += cost(item);
    if (item.sequence() <= sent_until_) ++stats_.sent_again;
    *batch.add_items() = item;
  }
  sent_until_ = std::max(sent_until_, batch.items(batch.items_size() - 1).sequence());
  waiting_since_ = now;
  return batch;
}

core::MonoTime Queue::due() const {
  if (items_.empty()) return core::MonoTime::max();
  return waiting_since_ ? *waiting_since_ + limits_.answer_patience : core::MonoTime::min();
}

bool Queue::taken(const wire::IntakeTaken& message) {
  // A number that was never sent: the answer is to somebody else's question.
  if (message.queue() != id_ || message.sequence() > sent_until_) return false;
  waiting_since_.reset();
  bool any = false;
  while (!items_.empty() && items_.front().sequence() <= message.sequence()) {
    const wire::IntakeItem& item = items_.front();
    bytes_ -= cost(item);
    sources_[item.endpoint()].bytes -= cost(item);
    items_.pop_front();
    any = true;
  }
  return any;
}

void Queue::forget_idle(core::MonoTime now) {
  std::erase_if(sources_, [&](const auto& entry) {
    return entry.second.bytes == 0 && entry.second.paced_until <= now;
  });
}

QueueStats Queue::stats() const {
  QueueStats stats = stats_;
  stats.items = items_.size();
  stats.bytes = bytes_;
  return stats;
}

}  // namespace muster::intake
