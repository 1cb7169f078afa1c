// SPDX-License-Identifier: Apache-2.0
#include "methods/metadata.h"

#include "core/bytes.h"
#include "methods/detail/metadata_reader.h"

namespace muster::methods {

std::string Problem::text() const {
  std::string where = file;
  if (line > 0) where += ":" + std::to_string(line) + ":" + std::to_string(column);
  return where + ": " + message;
}

std::string_view name(InputMethod method) {
  switch (method) {
    case InputMethod::kDefault:
      return "default";
    case InputMethod::kStdin:
      return "stdin";
    case InputMethod::kEnvironment:
      return "environment";
    case InputMethod::kBoth:
      return "both";
    case InputMethod::kPowershell:
      return "powershell";
  }
  return "default";
}

const Parameter* Metadata::parameter(std::string_view wanted) const {
  if (!parameters) return nullptr;
  for (const Parameter& candidate : *parameters) {
    if (candidate.name == wanted) return &candidate;
  }
  return nullptr;
}

ParsedMetadata parse_metadata(std::string_view file, std::string_view text) {
  ParsedMetadata parsed;
  if (text.size() > kMetadataBytesMax) {
    parsed.errors.push_back({std::string(file), 0, 0,
                             "the metadata has " + std::to_string(text.size()) + " bytes; " +
                                 std::to_string(kMetadataBytesMax) + " are allowed"});
    return parsed;
  }
  auto value = detail::parse_located(text, detail::kMetadataDepthMax);
  if (!value) {
    const auto& [place, message] = value.error();
    parsed.errors.push_back({std::string(file), place.line, place.column, message});
    return parsed;
  }
  detail::MetadataReader(file, text, parsed).read(*value);
  return parsed;
}

Problem problem_at(std::string_view file, std::string_view text, std::span<const std::string> path,
                   std::string message) {
  const detail::Place place = detail::place_of(text, path);
  return {std::string(file), place.line, place.column, std::move(message)};
}

core::Result<Metadata> read_metadata(std::string_view file, std::string_view text) {
  ParsedMetadata parsed = parse_metadata(file, text);
  if (parsed.errors.empty()) return std::move(parsed.metadata);
  std::string message;
  for (const Problem& problem : parsed.errors) {
    if (!message.empty()) message += '\n';
    message += problem.text();
  }
  return core::fail(core::Code::kInvalid, std::move(message));
}

}  // namespace muster::methods
