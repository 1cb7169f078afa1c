// SPDX-License-Identifier: Apache-2.0
#include "server/json.h"

#include <charconv>

#include "core/bytes.h"
#include "core/json.h"

namespace muster::server {

using core::Code;
using core::fail;

Members::Members(const json::object& object, std::string where)
    : object_(object), where_(std::move(where)) {}

const json::value* Members::find(std::string_view name) {
  seen_.emplace(name);
  return object_.if_contains(name);
}

void Members::wrong(std::string_view name, std::string_view what) {
  if (!status_) return;
  status_ =
      fail(Code::kInvalid, "the member '" + where_ + std::string(name) + "' " + std::string(what));
}

std::optional<std::string> Members::maybe_text(std::string_view name, std::size_t bytes_max) {
  const json::value* value = find(name);
  if (!value) return std::nullopt;
  if (!value->is_string()) {
    wrong(name, "must be a string");
    return std::nullopt;
  }
  const auto& text = value->get_string();
  if (text.size() > bytes_max)
    wrong(name, "is longer than " + std::to_string(bytes_max) + " bytes");
  if (text.find('\0') != json::string::npos) wrong(name, "contains a NUL character");
  return std::string(text);
}

std::string Members::text(std::string_view name, std::size_t bytes_max, std::string otherwise) {
  return maybe_text(name, bytes_max).value_or(std::move(otherwise));
}

std::string Members::required_text(std::string_view name, std::size_t bytes_max) {
  auto text = maybe_text(name, bytes_max);
  if (!text) wrong(name, "is required");
  return text.value_or("");
}

std::optional<std::int64_t> Members::maybe_integer(std::string_view name, std::int64_t least,
                                                   std::int64_t most) {
  const json::value* value = find(name);
  if (!value) return std::nullopt;
  const bool whole = value->is_int64() || (value->is_uint64() && value->get_uint64() <= INT64_MAX);
  const std::int64_t number = !whole              ? 0
                              : value->is_int64() ? value->get_int64()
                                                  : static_cast<std::int64_t>(value->get_uint64());
  if (!whole || number < least || number > most) {
    wrong(name,
          "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return std::nullopt;
  }
  return number;
}

bool Members::flag(std::string_view name, bool otherwise) {
  const json::value* value = find(name);
  if (!value) return otherwise;
  if (!value->is_bool()) wrong(name, "must be true or false");
  return value->is_bool() && value->get_bool();
}

const json::object* Members::object(std::string_view name) {
  const json::value* value = find(name);
  if (!value) return nullptr;
  if (!value->is_object()) wrong(name, "must be an object");
  return value->if_object();
}

std::vector<const json::object*> Members::objects(std::string_view name, std::size_t count_max) {
  const json::value* value = find(name);
  std::vector<const json::object*> objects;
  if (!value) return objects;
  const json::array* array = value->if_array();
  const bool fits = array && array->size() <= count_max;
  if (fits)
    for (const json::value& entry : *array)
      if (entry.is_object()) objects.push_back(&entry.get_object());
  if (!fits || objects.size() != array->size())
    wrong(name, "must be a list of at most " + std::to_string(count_max) + " objects");
  return objects;
}

std::optional<std::vector<std::string>> Members::texts(std::string_view name, std::size_t count_max,
                                                       std::size_t bytes_max) {
  const json::value* value = find(name);
  if (!value) return std::nullopt;
  std::vector<std::string> texts;
  const json::array* array = value->if_array();
  if (!array || array->size() > count_max) {
    wrong(name, "must be a list of at most " + std::to_string(count_max) + " strings");
    return texts;
  }
  for (const json::value& entry : *array) {
    if (!entry.is_string() || entry.get_string().size() > bytes_max ||
        entry.get_string().find('\0') != json::string::npos) {
      wrong(name, "must have strings of at most " + std::to_string(bytes_max) +
                      " bytes without NUL only");
      return texts;
    }
    texts.emplace_back(entry.get_string());
  }
  return texts;
}

std::vector<std::pair<std::string, std::string>> Members::text_map(std::string_view name,
                                                                   std::size_t count_max,
                                                                   std::size_t bytes_max) {
  std::vector<std::pair<std::string, std::string>> map;
  const json::object* object = this->object(name);
  if (!object) return map;
  if (object->size() > count_max)
    wrong(name, "has more than " + std::to_string(count_max) + " members");
  Members members(*object, where_ + std::string(name) + ".");
  for (const auto& member : *object)
    map.emplace_back(member.key(), members.required_text(member.key(), bytes_max));
  if (auto status = members.done(); !status && status_) status_ = std::move(status);
  return map;
}

core::Status Members::done() {
  if (!status_) return status_;
  for (const auto& member : object_)
    if (!seen_.contains(std::string_view(member.key())))
      return fail(Code::kInvalid, "there is no member '" + where_ +
                                      core::printable(member.key(), 64) + "' in this request");
  return {};
}

core::Result<json::object> parse_object(std::string_view body) {
  json::parse_options options;
  options.max_depth = 16;
  boost::system::error_code failed;
  json::stream_parser parser({}, options);
  const std::size_t used = parser.write_some(body, failed);
  if (!failed && used < body.size()) failed = json::error::extra_data;
  if (!failed) parser.finish(failed);
  if (failed)
    return fail(Code::kInvalid, "the body is not JSON: " + failed.message() + " at byte " +
                                    std::to_string(used + 1));
  json::value value = parser.release();
  if (!core::is_writable(value)) return fail(Code::kInvalid, "a number in the body is too large");
  if (!value.is_object()) return fail(Code::kInvalid, "the body must be a JSON object");
  return std::move(value.get_object());
}

net::Response json_response(const json::value& value, int status) {
  return net::Response::json(json::serialize(value), status);
}

void set(json::object& object, std::string_view name, const std::string& text) {
  if (!text.empty()) object[name] = text;
}

void set(json::object& object, std::string_view name, const std::optional<core::WallTime>& time) {
  if (time) object[name] = time_text(*time);
}

json::value cursor(const std::optional<std::string>& next) {
  return next ? json::value(*next) : json::value(nullptr);
}

core::Result<std::size_t> limit_of(const net::Request& request) {
  const auto text = request.query_value("limit");
  if (!text) return 100;
  std::size_t limit = 0;
  const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), limit);
  if (failed != std::errc{} || end != text->data() + text->size() || limit < 1 || limit > 1000)
    return fail(Code::kInvalid, "limit must be a whole number from 1 to 1000");
  return limit;
}

void set_output(json::object& object, std::string_view name, std::string_view bytes) {
  if (bytes.empty()) return;
  if (core::is_utf8(bytes))
    object[name] = bytes;
  else
    object[std::string(name) + "_base64"] = core::to_base64(bytes);
}

}  // namespace muster::server
