// SPDX-License-Identifier: Apache-2.0
//
// JSON in and out of the API. Bodies are read member by member, and what nobody read
// is refused: a misspelt member must not be ignored in silence.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "net/http_message.h"

namespace muster::server {

namespace json = boost::json;

/// Reads the members of one JSON object. The first thing that is wrong is kept; done()
/// returns it, or names a member that nobody asked for.
class Members {
 public:
  /// `where` is put before each member's name in errors ("limits."). The object must
  /// outlive this reader.
  explicit Members(const json::object& object, std::string where = "");

  std::string text(std::string_view name, std::size_t bytes_max, std::string otherwise = "");
  std::string required_text(std::string_view name, std::size_t bytes_max);
  std::optional<std::string> maybe_text(std::string_view name, std::size_t bytes_max);
  std::optional<std::int64_t> maybe_integer(std::string_view name, std::int64_t least,
                                            std::int64_t most);
  bool flag(std::string_view name, bool otherwise);
  /// None where the member is absent.
  const json::object* object(std::string_view name);
  /// A list of objects; empty where the member is absent.
  std::vector<const json::object*> objects(std::string_view name, std::size_t count_max);
  std::optional<std::vector<std::string>> texts(std::string_view name, std::size_t count_max,
                                                std::size_t bytes_max);
  /// An object whose members are all strings.
  std::vector<std::pair<std::string, std::string>> text_map(std::string_view name,
                                                            std::size_t count_max,
                                                            std::size_t bytes_max);

  void wrong(std::string_view name, std::string_view what);
  core::Status done();

 private:
  const json::value* find(std::string_view name);

  const json::object& object_;
  std::string where_;
  std::set<std::string, std::less<>> seen_;
  core::Status status_;
};

/// The body as one JSON object; kInvalid with the place where it is malformed.
core::Result<json::object> parse_object(std::string_view body);

net::Response json_response(const json::value& value, int status = 200);

inline std::string time_text(core::WallTime time) {
  return core::to_rfc3339(time);
}

/// Adds a member unless it is empty or absent.
void set(json::object& object, std::string_view name, const std::string& text);
void set(json::object& object, std::string_view name, const std::optional<core::WallTime>& time);

/// `next` of a list: the cursor, or null at its end.
json::value cursor(const std::optional<std::string>& next);

/// The query's `limit`: 1 to 1000, 100 where it is absent.
core::Result<std::size_t> limit_of(const net::Request& request);

/// Output bytes as text where they are UTF-8, else as <name>_base64; absent where empty.
void set_output(json::object& object, std::string_view name, std::string_view bytes);

}  // namespace muster::server
