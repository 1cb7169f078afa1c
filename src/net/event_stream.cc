// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "net/http_client.h"

namespace muster::net {

using core::Result;
using core::Status;

Status EventParser::push(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (rest_.size() + event_.data.size() + part.size() > event_bytes_max_)
      return core::fail(core::Code::kLimit, "the server sent an event that is too long");
    rest_ += part;
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
    if (rest_.ends_with('\r')) rest_.pop_back();
    line(rest_);
    rest_.clear();
  }
  return {};
}

void EventParser::line(std::string_view text) {
  if (text.empty()) {
    if (has_data_) {
      event_.data.pop_back();  // the line break after the last line
      ready_.push_back(std::move(event_));
    }
    event_ = {};
    has_data_ = false;
    return;
  }
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string_view field = text.substr(0, colon);
  std::string_view value = text.substr(std::min(colon + 1, text.size()));
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    event_.data.append(value).push_back('\n');
    has_data_ = true;
  } else if (field == "event") {
    event_.name = value;
  } else if (field == "id") {
    event_.id = value;
  }
}

std::optional<ServerEvent> EventParser::next() {
  if (taken_ == ready_.size()) return std::nullopt;
  ServerEvent event = std::move(ready_[taken_++]);
  if (taken_ == ready_.size()) {
    ready_.clear();
    taken_ = 0;
  }
  return event;
}

runtime::Task<Result<std::optional<ServerEvent>>> EventStream::next() {
  for (;;) {
    if (auto event = parser_.next()) co_return event;
    MUSTER_CO_ASSIGN(const std::string bytes, co_await stream_.read());
    if (bytes.empty()) co_return std::optional<ServerEvent>{};
    MUSTER_CO_TRY(parser_.push(bytes));
  }
}

}  // namespace muster::net
