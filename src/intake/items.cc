// SPDX-License-Identifier: Apache-2.0
#include "intake/items.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>

#include "core/bytes.h"
#include "core/json.h"

namespace muster::intake {
namespace {

namespace json = boost::json;
using core::Code;
using core::fail;

constexpr std::array<std::string_view, 5> kSeverities = {"debug", "info", "warning", "error",
                                                         "critical"};

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameBytesMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

core::Result<json::object> parse(std::string_view body) {
  auto value = core::read_json(body, kDepthMax);
  if (!value)
    return fail(Code::kInvalid, "the body must be a JSON object: " + value.error().message);
  if (!value->is_object()) return fail(Code::kInvalid, "the body must be a JSON object");
  return std::move(value->get_object());
}

/// The member's text; nothing where it is absent. kInvalid for anything else.
core::Result<std::optional<std::string>> text_of(const json::object& object, const char* member) {
  const json::value* value = object.if_contains(member);
  if (!value || value->is_null()) return std::nullopt;
  if (!value->is_string()) return fail(Code::kInvalid, std::string(member) + " must be a text");
  return std::string(value->get_string());
}

core::Result<std::string> name_of(const json::object& object, const char* member) {
  MUSTER_ASSIGN(const auto text, text_of(object, member));
  if (!text || !is_name(*text))
    return fail(Code::kInvalid, std::string(member) + " must be a name of 1 to " +
                                    std::to_string(kNameBytesMax) + " letters, digits and . _ -");
  return *text;
}

core::Status check_members(const json::object& object,
                           std::initializer_list<std::string_view> known) {
  for (const auto& member : object)
    if (std::ranges::find(known, std::string_view(member.key())) == known.end())
      return fail(
          Code::kInvalid,
          "there is no member '" + core::printable(std::string(member.key()), kNameBytesMax) + "'");
  return {};
}

}  // namespace

std::string_view name(Severity severity) {
  return kSeverities.at(static_cast<std::size_t>(severity));
}

std::optional<Severity> severity_of(std::string_view name) {
  const auto found = std::ranges::find(kSeverities, name);
  if (found == kSeverities.end()) return std::nullopt;
  return static_cast<Severity>(found - kSeverities.begin());
}

bool is_intake(std::string_view call) {
  return call == kEventCall || call == kInventoryCall;
}

core::Result<Event> read_event(std::string_view body) {
  MUSTER_ASSIGN(const json::object object, parse(body));
  MUSTER_TRY(check_members(object, {"severity", "kind", "text", "data", "key"}));
  Event event;
  MUSTER_ASSIGN(const auto severity, text_of(object, "severity"));
  const auto known = severity_of(severity.value_or("info"));
  if (!known)
    return fail(Code::kInvalid, "severity must be debug, info, warning, error or critical");
  event.severity = *known;
  MUSTER_ASSIGN(event.kind, name_of(object, "kind"));
  MUSTER_ASSIGN(const auto text, text_of(object, "text"));
  if (text && text->size() > kEventTextBytesMax)
    return fail(Code::kLimit, "text has " + std::to_string(text->size()) + " bytes, " +
                                  std::to_string(kEventTextBytesMax) + " are allowed");
  if (text) event.text = core::printable(*text, kEventTextBytesMax);
  if (const json::value* data = object.if_contains("data"); data && !data->is_null()) {
    if (!data->is_object()) return fail(Code::kInvalid, "data must be an object");
    event.data = json::serialize(*data);
    if (event.data.size() > kEventDataBytesMax)
      return fail(Code::kLimit, "data has " + std::to_string(event.data.size()) + " bytes, " +
                                    std::to_string(kEventDataBytesMax) + " are allowed");
  }
  if (object.contains("key")) {
    MUSTER_ASSIGN(event.key, name_of(object, "key"));
  }
  return event;
}

core::Result<Inventory> read_inventory(std::string_view body) {
  MUSTER_ASSIGN(const json::object object, parse(body));
  MUSTER_TRY(check_members(object, {"table", "data"}));
  Inventory report;
  MUSTER_ASSIGN(report.table, name_of(object, "table"));
  const json::value* data = object.if_contains("data");
  if (!data || data->is_null())
    return fail(Code::kInvalid, "data is missing: what is in the table?");
  report.data = json::serialize(*data);
  if (report.data.size() > kInventoryBytesMax)
    return fail(Code::kLimit, "data has " + std::to_string(report.data.size()) + " bytes, " +
                                  std::to_string(kInventoryBytesMax) + " are allowed");
  return report;
}

core::Status check(std::string_view call, std::string_view body) {
  if (call == kEventCall) {
    MUSTER_TRY(read_event(body));
    return {};
  }
  MUSTER_TRY(read_inventory(body));
  return {};
}

}  // namespace muster::intake
