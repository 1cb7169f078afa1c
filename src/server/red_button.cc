// SPDX-License-Identifier: Apache-2.0
#include "server/red_button.h"

#include <boost/json.hpp>

#include "core/bytes.h"
#include "core/log.h"
#include "server/stop_switch.h"

namespace muster::server {
namespace {

namespace json = boost::json;

std::string word_of(const std::optional<jobs::Hold>& order) {
  if (!order) return "";
  return json::serialize(json::object{
      {"by", order->by}, {"reason", order->reason}, {"at_ms", core::unix_ms(order->at)}});
}

/// Whatever is said that is not empty is an order, as a damaged file is.
std::optional<jobs::Hold> order_of(const std::string& word) {
  if (word.empty()) return std::nullopt;
  jobs::Hold hold{"somebody on another server", "", core::wall_now()};
  boost::system::error_code failed;
  const json::value value = json::parse(word, failed);
  const auto* object = failed ? nullptr : value.if_object();
  if (!object) return hold;
  if (const auto* by = object->if_contains("by"); by && by->is_string())
    hold.by = core::printable(by->get_string(), 256);
  if (const auto* reason = object->if_contains("reason"); reason && reason->is_string())
    hold.reason = core::printable(reason->get_string(), StopOrder::kReasonBytesMax);
  if (const auto* at = object->if_contains("at_ms"); at && at->is_int64() && at->get_int64() > 0)
    hold.at = core::wall_from_unix_ms(at->get_int64());
  return hold;
}

}  // namespace

void RedButton::say(const std::optional<jobs::Hold>& order) {
  word_ = word_of(order);
  waits_for_ = servers_.view().word_serial + 1;
  servers_.say(word_);
}

void RedButton::look() {
  const auto seen = servers_.view();
  if (seen.word_serial < waits_for_ || seen.last_term == 0) return;
  const auto file = StopOrder::read(folder_);
  if (heard_ && seen.word == word_) {
    // The word is as it was: has somebody changed the file?
    if (file && word_.empty()) return say(file->hold);
    if (!file && !word_.empty()) {
      core::log(core::Level::kWarn, "server", "stop everything: lifted on this machine");
      return say(std::nullopt);
    }
    if (file && !file->taken) [[maybe_unused]]  // it is told by the next look where this fails
      const auto kept = StopOrder{file->hold, true, 0}.write(folder_);
    return;
  }
  // A new word. At the start a file that says more than the word is an order of its own.
  if (!heard_ && file && seen.word.empty() && !file->taken) {
    heard_ = true;
    return say(file->hold);
  }
  heard_ = true;
  word_ = seen.word;
  const auto order = order_of(word_);
  core::Status done;
  if (order)
    done = StopOrder{*order, true, 0}.write(folder_);
  else if (file)
    done = StopOrder::remove(folder_);
  if (!done)
    core::log(core::Level::kError, "server", "stop everything could not be written down",
              {{"why", done.error().message}});
}

std::optional<RedButton::Change> RedButton::lead(const std::optional<jobs::Hold>& stopped) {
  const auto seen = servers_.view();
  if (seen.word_serial < waits_for_) return std::nullopt;
  if (!heard_) {  // what is stopped here is stopped, whoever knows of it
    heard_ = true;
    word_ = seen.word;
    if (!stopped && !word_.empty()) return Change{order_of(word_)};
  } else if (seen.word != word_) {
    word_ = seen.word;
    if (word_.empty() != !stopped) return Change{order_of(word_)};
  }
  if (word_.empty() == stopped.has_value()) say(stopped);
  return std::nullopt;
}

}  // namespace muster::server
