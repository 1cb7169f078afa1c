// SPDX-License-Identifier: Apache-2.0
//
// A compiled selector: a flat tree whose leaves hold everything that matching needs,
// so that matching allocates nothing.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/selector.h"

namespace muster::fleet::detail {

enum class Key : std::uint8_t {
  kLabel,
  kName,
  kId,
  kOs,
  kDistribution,
  kDistributionVersion,
  kKernel,
  kMachine,
  kVersion,
  kFeature,
  kGateway,
  kAddress,
  kState,
  kCpus,
  kMemory,
  kSeen,
};

enum class Op : std::uint8_t {
  kEqual,
  kNotEqual,
  kGlob,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual
};

enum class Kind : std::uint8_t {
  kAll,
  kOnline,
  kOffline,
  kRevoked,
  kAnd,      ///< of children
  kOr,       ///< of children
  kNot,      ///< of the one child
  kCompare,  ///< key op values[0]
  kIn,       ///< key is one of values
  kNames,    ///< the name is one of values (lower case, sorted)
  kGlobs,    ///< the name fits one of values
  kIdPrefix,
};

/// The characters of an id prefix as numbers of five bits.
struct IdPrefix {
  std::array<std::uint8_t, 26> digits{};
  std::uint8_t count = 0;
};

struct Term {
  Kind kind = Kind::kAll;
  Key key = Key::kLabel;
  Op op = Op::kEqual;
  bool never = false;  ///< seen=never
  std::string label;
  std::vector<std::string> values;
  std::uint64_t number = 0;  ///< cpus, bytes, or nanoseconds
  IdPrefix prefix;
  std::vector<core::EndpointId> ids;  ///< id in (…): whole ids, sorted …
  std::vector<IdPrefix> prefixes;     ///< … and beginnings of ids
  std::vector<std::uint32_t> children;
};

/// '*' any text, '?' one character, without regard to ASCII case.
bool glob_fits(std::string_view pattern, std::string_view text);
/// Runs of digits by value, the rest by character: 9 < 10, 1.9 < 1.10. -1, 0 or 1.
int natural_order(std::string_view a, std::string_view b);
/// Equality without regard to ASCII case.
bool equal_words(std::string_view a, std::string_view b);
char lower(char c);
std::string lower(std::string_view text);

/// The prefix that `text` spells; count 0 where it is none (too short or too long).
IdPrefix id_prefix(std::string_view text);
bool has_prefix(const core::EndpointId& id, const IdPrefix& prefix);

}  // namespace muster::fleet::detail

namespace muster::fleet {

struct Selector::Program {
  std::string text;
  std::vector<detail::Term> terms;
  std::uint32_t root = 0;
};

}  // namespace muster::fleet
