// SPDX-License-Identifier: Apache-2.0
#include "server/stop_switch.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>

#include "core/bytes.h"
#include "core/log.h"
#include "runtime/file.h"
#include "runtime/signal.h"

namespace muster::server {
namespace {

namespace json = boost::json;
constexpr std::size_t kFileBytesMax = 64 * 1024;
constexpr std::string_view kUnnamed = "somebody on the server's machine";

}  // namespace

std::optional<StopOrder> StopOrder::read(const std::filesystem::path& folder) {
  auto text = runtime::read_file(folder / kFileName, kFileBytesMax);
  if (!text && text.error().code == core::Code::kNotFound) return std::nullopt;
  StopOrder order;
  order.hold = {std::string(kUnnamed), "", core::wall_now()};
  boost::system::error_code failed;
  const json::value value = text ? json::parse(*text, failed) : json::value();
  const auto* object = failed ? nullptr : value.if_object();
  if (!object) return order;
  const auto member = [&](const char* name) { return object->if_contains(name); };
  if (const auto* by = member("by"); by && by->is_string() && !by->get_string().empty())
    order.hold.by = core::printable(by->get_string(), 256);
  if (const auto* reason = member("reason"); reason && reason->is_string())
    order.hold.reason = core::printable(reason->get_string(), kReasonBytesMax);
  if (const auto* at = member("at_ms"); at && at->is_int64() && at->get_int64() > 0)
    order.hold.at = core::wall_from_unix_ms(at->get_int64());
  if (const auto* taken = member("taken"); taken && taken->is_bool())
    order.taken = taken->get_bool();
  if (const auto* runs = member("runs"); runs && runs->is_int64() && runs->get_int64() >= 0)
    order.runs = static_cast<std::uint64_t>(runs->get_int64());
  return order;
}

core::Status StopOrder::write(const std::filesystem::path& folder) const {
  const auto path = folder / kFileName;
  const json::object object{{"by", hold.by},
                            {"reason", hold.reason},
                            {"at_ms", core::unix_ms(hold.at)},
                            {"taken", taken},
                            {"runs", runs}};
  auto written = runtime::write_file(path, json::serialize(object) + "\n");
  if (written) return {};
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return written;
  ::close(descriptor);
  return {};
}

core::Status StopOrder::remove(const std::filesystem::path& folder) {
  std::error_code failed;
  if (std::filesystem::remove(folder / kFileName, failed)) return {};
  if (failed)
    return core::fail(core::Code::kIo,
                      "cannot remove " + (folder / kFileName).string() + ": " + failed.message());
  return core::fail(core::Code::kNotFound, "nothing is stopped");
}

/// Shared with the disk's thread's answer.
struct StopSwitch::Writing {
  runtime::Signal signal;
  std::optional<core::Status> outcome;
};

StopSwitch::StopSwitch(runtime::Loop& loop, std::filesystem::path folder, Act act)
    : loop_(loop),
      folder_(std::move(folder)),
      act_(std::move(act)),
      self_(std::make_shared<StopSwitch*>(this)) {}

StopSwitch::~StopSwitch() {
  *self_ = nullptr;
}

core::Status StopSwitch::open() {
  const int descriptor = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (descriptor < 0) return core::fail_errno(errno, "watching " + folder_.string());
  watch_ = std::make_unique<runtime::ReadWatch>(loop_, descriptor, [this] {
    alignas(inotify_event) char events[4096];
    while (::read(watch_->descriptor(), events, sizeof events) > 0) {
    }
    look();
  });
  if (::inotify_add_watch(descriptor, folder_.c_str(),
                          IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE) < 0)
    return core::fail_errno(errno, "watching " + folder_.string());
  look();
  return {};
}

void StopSwitch::act(std::optional<jobs::Hold> order, const std::string& by) {
  stopped_ = std::move(order);
  if (!stopped_) is_kept_ = false;
  runs_ = act_(stopped_, by);
}

/// What somebody else did to the file.
void StopSwitch::look() {
  if (writes_ > 0) return;  // ours; it is looked at again when that is done
  const auto order = StopOrder::read(folder_);
  if (!order) {
    if (stopped_ && is_kept_) {
      core::log(core::Level::kWarn, "server", "stop everything: lifted on this machine");
      act(std::nullopt, std::string(kUnnamed));
    }
    return;
  }
  is_kept_ = true;
  if (stopped_ && order->taken) return;
  if (!stopped_) {
    core::log(core::Level::kWarn, "server", "stop everything",
              {{"by", order->hold.by}, {"reason", order->hold.reason}});
    act(order->hold, order->hold.by);
  }
  write({*stopped_, true, runs_}, std::make_shared<Writing>());
}

void StopSwitch::write(StopOrder order, std::shared_ptr<Writing> writing) {
  ++writes_;
  disk_.post(
      loop_, [order = std::move(order), folder = folder_] { return order.write(folder); },
      [self = self_, writing](core::Status outcome) {
        const bool kept = outcome.has_value();
        if (!kept)
          core::log(core::Level::kError, "server", "stop everything could not be written down",
                    {{"why", outcome.error().message}});
        writing->outcome = std::move(outcome);
        writing->signal.notify();
        StopSwitch* owner = *self;
        if (!owner) return;
        --owner->writes_;
        owner->is_kept_ = owner->is_kept_ || kept;
        owner->look();
      });
}

runtime::Task<StopSwitch::Stopped> StopSwitch::stop(jobs::Hold why, core::Duration wait) {
  if (!stopped_) {
    core::log(core::Level::kWarn, "server", "stop everything",
              {{"by", why.by}, {"reason", why.reason}});
    const std::string by = why.by;
    act(std::move(why), by);
  }
  auto writing = std::make_shared<Writing>();
  write({*stopped_, true, runs_}, writing);
  const std::uint64_t runs = runs_;
  co_await writing->signal.wait(0, wait);
  if (!writing->outcome)
    co_return Stopped{runs, core::fail(core::Code::kTimeout, "the disk does not answer")};
  co_return Stopped{runs, std::move(*writing->outcome)};
}

runtime::Task<core::Status> StopSwitch::lift(std::string by) {
  if (!stopped_) co_return core::fail(core::Code::kNotFound, "nothing is stopped");
  ++writes_;
  auto removed = co_await disk_.run([folder = folder_] { return StopOrder::remove(folder); });
  --writes_;
  if (!removed && removed.error().code != core::Code::kNotFound) co_return removed;
  if (stopped_) {
    core::log(core::Level::kWarn, "server", "stop everything: lifted", {{"by", by}});
    act(std::nullopt, by);
  }
  co_return core::Status{};
}

}  // namespace muster::server
