// SPDX-License-Identifier: Apache-2.0
#include "manage/call.h"

#include <algorithm>
#include <charconv>

#include "core/bytes.h"

namespace muster::manage {
namespace {

using core::Code;
using core::fail;
using core::Result;

constexpr std::size_t kNameBytesMax = 63;
constexpr std::size_t kIdBytesMax = 64;

bool all_of(std::string_view text, std::string_view extra) {
  return std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || extra.contains(c);
  });
}

bool is_operation_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && all_of(name, "._-");
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(by);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

Result<std::vector<std::string>> parse_way(std::string_view text) {
  const auto steps = split(text, '/');
  if (steps.size() > kDepthMax)
    return fail(Code::kLimit, "via: a way has at most " + std::to_string(kDepthMax) + " hosts");
  std::vector<std::string> way;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (!is_host_name(steps[i]) && !(steps[i] == "*" && i + 1 == steps.size()))
      return fail(Code::kInvalid,
                  "via: '" + core::printable(text, 200) +
                      "' is no way: names of hosts with '/' between, or '*' at its end");
    way.emplace_back(steps[i]);
  }
  return way;
}

core::Status check_sign(const net::Request& request) {
  std::size_t signs = 0;
  for (const auto& [name, value] : request.headers) {
    if (name == kSign && value == kSignValue) ++signs;
    // What a page of the application makes a browser send would come with the person's own
    // certificate. No client but a browser sends these.
    if (name == "origin" || name == "sec-fetch-site")
      return fail(Code::kDenied, "pages in a browser cannot use the management interface");
  }
  if (signs != 1)
    return fail(Code::kInvalid, "send the header 'Muster-Management: 1' exactly once");
  if (request.method != "POST")
    return fail(Code::kInvalid, "the management interface knows POST only");
  return {};
}

core::Status read_target(std::string_view target, Call& call) {
  const auto mark = std::min(target.find('?'), target.size());
  const std::string_view path = target.substr(0, mark);
  if (!path.starts_with('/') || !is_operation_name(path.substr(1)))
    return fail(Code::kInvalid,
                "name the operation as the address, as in POST /status; POST /operations lists "
                "them");
  call.operation = path.substr(1);
  MUSTER_ASSIGN(const auto query,
                net::parse_query(target.substr(std::min(mark + 1, target.size()))));
  for (const auto& [name, value] : query) {
    if (value.size() > kArgumentBytesMax || name.size() > kNameBytesMax)
      return fail(Code::kLimit, "an argument is too long");
    if (name == "via") {
      if (call.via.size() == kViaMax)
        return fail(Code::kLimit, "at most " + std::to_string(kViaMax) + " via in one call");
      MUSTER_ASSIGN(auto way, parse_way(value));
      call.via.push_back(std::move(way));
      continue;
    }
    if (call.arguments.size() == kArgumentsMax) return fail(Code::kLimit, "too many arguments");
    if (net::find(call.arguments, name))
      return fail(Code::kInvalid, "the argument '" + core::printable(name, 64) + "' stands twice");
    call.arguments.emplace_back(name, value);
  }
  return {};
}

}  // namespace

bool is_host_name(std::string_view name) {
  const auto edge = [](char c) { return c != '-' && c != '.'; };
  return !name.empty() && name.size() <= kNameBytesMax && all_of(name, "-.") &&
         edge(name.front()) && edge(name.back());
}

bool has_sign(const net::Pairs& headers) {
  return std::ranges::any_of(headers, [](const auto& header) {
    return std::ranges::equal(header.first, kSign, {}, [](char c) {
      if (c == '_') return '-';
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
  });
}

Result<std::uint64_t> parse_number(std::string_view text, std::string_view what) {
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size())
    return fail(Code::kInvalid, std::string(what) + " is a whole number from 0");
  return number;
}

Result<Call> parse_call(const net::Request& request) {
  MUSTER_TRY(check_sign(request));
  Call call;
  MUSTER_TRY(read_target(request.target, call));
  if (const auto left = request.header(kTimeLeft)) {
    MUSTER_ASSIGN(const auto ms, parse_number(*left, "Muster-Time-Left (milliseconds)"));
    constexpr auto most = std::chrono::duration_cast<std::chrono::milliseconds>(kTimeMax).count();
    call.time_left =
        std::chrono::milliseconds(std::min<std::uint64_t>(ms, static_cast<std::uint64_t>(most)));
  }
  if (const auto trail = request.header(kTrail)) {
    for (const auto id : split(*trail, ',')) {
      if (id.empty() || id.size() > kIdBytesMax || !all_of(id, ""))
        return fail(Code::kInvalid, "Muster-Trail holds what is no host's id");
      if (call.trail.size() == kDepthMax)
        return fail(Code::kLimit, "the call has passed " + std::to_string(kDepthMax) +
                                      " hosts: it goes no further");
      call.trail.emplace_back(id);
    }
  }
  return call;
}

Onward onward(const Call& call, const std::vector<std::vector<std::string>>& via,
              const std::string& own_id, core::Duration time_left) {
  Onward made;
  char mark = '?';
  const auto add = [&](std::string_view name, std::string_view value) {
    made.target += mark + net::percent_encode(name) + "=" + net::percent_encode(value);
    mark = '&';
  };
  made.target = "/" + call.operation;
  for (const auto& [name, value] : call.arguments) add(name, value);
  for (const auto& way : via) {
    std::string text;
    for (const auto& step : way) text += (text.empty() ? "" : "/") + step;
    add("via", text);
  }
  std::string trail;
  for (const auto& id : call.trail) trail += id + ",";
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time_left).count();
  made.headers = {{"Muster-Management", std::string(kSignValue)},
                  {"Muster-Trail", trail + own_id},
                  {"Muster-Time-Left", std::to_string(std::max<std::int64_t>(ms, 0))}};
  return made;
}

Result<std::optional<Range>> parse_range(std::string_view header, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  const auto none = std::optional<Range>();
  if (!header.starts_with(kUnit)) return none;
  header.remove_prefix(kUnit.size());
  const auto dash = header.find('-');
  if (dash == std::string_view::npos || header.contains(',')) return none;
  const auto first = parse_number(header.substr(0, dash), "first");
  const auto last = parse_number(header.substr(dash + 1), "last");
  const bool open_end = dash + 1 == header.size();
  if (dash == 0) {  // the last so many
    if (!last) return none;
    const std::uint64_t count = std::min(*last, size);
    if (count == 0) return fail(Code::kLimit, "the range is empty");
    return Range{size - count, count};
  }
  if (!first || (!last && !open_end) || (last && *last < *first)) return none;
  if (*first >= size)
    return fail(Code::kLimit,
                "the range begins behind the end: the file has " + std::to_string(size) + " bytes");
  const std::uint64_t end = last ? std::min(*last, size - 1) : size - 1;
  return Range{*first, end - *first + 1};
}

}  // namespace muster::manage
