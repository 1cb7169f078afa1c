// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as metadata: problems lie inside the text, and what is accepted has types that
// compile or are told.
#include <cstdint>

#include "core/assert.h"
#include "methods/parameters.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto parsed = methods::parse_metadata("f", text);
  const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
  for (const auto* list : {&parsed.errors, &parsed.warnings}) {
    MUSTER_ASSERT(list->size() <= methods::kProblemsMax);
    for (const auto& problem : *list)
      MUSTER_ASSERT(problem.line <= lines && problem.column <= size + 1);
  }
  if (!parsed.errors.empty()) return 0;
  const auto parameters =
      methods::Parameters::compile("f", text, parsed.metadata, parsed.errors, parsed.warnings);
  (void)parameters.check({});
  return 0;
}
