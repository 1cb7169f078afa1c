// SPDX-License-Identifier: Apache-2.0
//
// Goes through the JSON of a task's metadata and notes what is wrong where.
#pragma once

#include <boost/json/value.hpp>
#include <initializer_list>
#include <string>
#include <string_view>

#include "methods/detail/json_text.h"
#include "methods/metadata.h"

namespace muster::methods::detail {

inline constexpr std::size_t kMetadataDepthMax = 32;

class MetadataReader {
 public:
  MetadataReader(std::string_view file, std::string_view text, ParsedMetadata& out)
      : file_(file), text_(text), out_(out) {}

  void read(const json::value& value);

 private:
  /// Steps into a member or element for as long as it lives.
  class Inside {
   public:
    Inside(MetadataReader& reader, std::string_view part) : reader_(reader) {
      reader_.path_.emplace_back(part);
    }
    ~Inside() { reader_.path_.pop_back(); }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    MetadataReader& reader_;
  };

  void error(std::string message);
  void note(std::vector<Problem>& list, std::string message, Part part);
  /// Warns of members of `object` that are not among `known`.
  void warn_unknown(const json::object& object, std::initializer_list<std::string_view> known);

  // Each leaves `target` alone where the member is absent, and notes an error where it is
  // of another type.
  void text(const json::object& object, std::string_view name, std::size_t bytes_max,
            std::string& target);
  void flag(const json::object& object, std::string_view name, bool& target);
  void input_method(const json::object& object, InputMethod& target);
  void texts(const json::object& object, std::string_view name, std::size_t count_max,
             std::vector<std::string>& target);
  void files(const json::object& object, std::vector<std::string>& target);

  void parameters(const json::value& value);
  void parameter(std::string_view name, const json::value& value);
  void implementations(const json::value& value);
  void implementation(const json::value& value);
  void additions(const json::value& extensions);
  void our_additions(const json::object& object);

  std::string_view file_;
  std::string_view text_;
  ParsedMetadata& out_;
  JsonPath path_;
};

}  // namespace muster::methods::detail
