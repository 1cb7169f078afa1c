// SPDX-License-Identifier: Apache-2.0
#include "agent/user_request.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "core/bytes.h"

namespace muster::agent {
namespace {

namespace json = boost::json;
using core::Code;
using core::fail;

constexpr std::size_t kNameBytesMax = 60;
constexpr std::size_t kVersionBytesMax = 64;

core::Status check(const UserRequest& request) {
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const std::string& name = request.name;
  if (name.empty() || name.size() > kNameBytesMax || !lower(name.front()) ||
      !std::ranges::all_of(name, [&](char c) { return lower(c) || digit(c) || c == '_'; }))
    return fail(Code::kInvalid,
                "'" + core::printable(name, 100) +
                    "' is no name of a file pack: small letters, digits and '_', a letter first");
  if (request.version.size() <= kVersionBytesMax &&
      std::ranges::all_of(request.version, [&](char c) {
        return lower(c) || digit(c) || (c >= 'A' && c <= 'Z') ||
               std::string_view(".+_-").contains(c);
      }))
    return {};
  return fail(Code::kInvalid, "'" + core::printable(request.version, 100) + "' is no version");
}

/// The text of a member; empty where it is not there. False: it is none.
bool read_text(const json::object& object, std::string_view name, std::string& text) {
  const json::value* value = object.if_contains(name);
  if (!value) return true;
  if (!value->is_string()) return false;
  text = std::string(value->get_string());
  return true;
}

}  // namespace

core::Result<UserRequest> read_user_request(std::string_view line) {
  if (line.size() > kUserRequestBytesMax) return fail(Code::kLimit, "the question is too long");
  json::parse_options options;
  options.max_depth = 2;
  std::error_code failed;
  const json::value value = json::parse(line, failed, {}, options);
  if (failed || !value.is_object()) return fail(Code::kInvalid, "the question is no JSON object");
  const json::object& object = value.get_object();
  UserRequest request;
  std::string call;
  if (!read_text(object, "call", call) || !read_text(object, "name", request.name) ||
      !read_text(object, "version", request.version))
    return fail(Code::kInvalid, "call, name and version must be texts");
  if (call == "packs.list") return UserRequest{};
  if (call != "packs.get")
    return fail(Code::kNotFound, "there is no call '" + core::printable(call, 64) + "'");
  request.call = UserRequest::Call::kPackGet;
  MUSTER_TRY(check(request));
  return request;
}

core::Result<UserRequest> parse_pack_name(std::string_view text) {
  const auto at = text.find('@');
  UserRequest request{UserRequest::Call::kPackGet, std::string(text.substr(0, at)), {}};
  if (at != text.npos) {
    request.version = text.substr(at + 1);
    if (request.version.empty()) return fail(Code::kInvalid, "say which version: NAME@VERSION");
  }
  MUSTER_TRY(check(request));
  return request;
}

std::string encode(const UserRequest& request) {
  if (request.call == UserRequest::Call::kPackList) return R"({"call":"packs.list"})";
  json::object object{{"call", "packs.get"}, {"name", request.name}};
  if (!request.version.empty()) object["version"] = request.version;
  return json::serialize(object);
}

}  // namespace muster::agent
