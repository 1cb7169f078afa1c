// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "fleet/detail/selector_program.h"

namespace muster::fleet {
namespace detail {
namespace {

constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t kPrefixCharactersMin = 6;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool holds(int order, Op op) {
  switch (op) {
    case Op::kLess:
      return order < 0;
    case Op::kLessEqual:
      return order <= 0;
    case Op::kGreater:
      return order > 0;
    case Op::kGreaterEqual:
      return order >= 0;
    case Op::kNotEqual:
      return order != 0;
    default:
      return order == 0;
  }
}

std::optional<std::string_view> text_of(const Term& term, const Subject& subject) {
  switch (term.key) {
    case Key::kName:
      return subject.name;
    case Key::kOs:
      return subject.platform->os;
    case Key::kDistribution:
      return subject.platform->distribution;
    case Key::kDistributionVersion:
      return subject.platform->distribution_version;
    case Key::kKernel:
      return subject.platform->kernel;
    case Key::kMachine:
      return subject.platform->machine;
    case Key::kVersion:
      return subject.platform->agent_version;
    case Key::kGateway:
      return subject.gateway;
    case Key::kAddress:
      return subject.address;
    case Key::kState:
      return name(subject.state);
    default:
      break;
  }
  const auto at =
      std::ranges::lower_bound(subject.labels, std::string_view(term.label), {},
                               [](const Label& label) { return std::string_view(label.key); });
  if (at == subject.labels.end() || at->key != term.label) return std::nullopt;
  return at->value;
}

bool ordered(const Term& term, std::string_view text, std::string_view value) {
  if (term.op == Op::kGlob) return glob_fits(value, text);
  if (term.op == Op::kEqual || term.op == Op::kNotEqual)
    return (term.key == Key::kName ? equal_words(text, value) : text == value) ==
           (term.op == Op::kEqual);
  return holds(natural_order(text, value), term.op);
}

bool number_fits(const Term& term, std::uint64_t number) {
  return holds(number < term.number ? -1 : number > term.number ? 1 : 0, term.op);
}

bool seen_fits(const Term& term, const Subject& subject) {
  if (term.never) return subject.silent_for.has_value() == (term.op == Op::kNotEqual);
  // Who was never seen has been silent longer than any time.
  if (!subject.silent_for) return term.op == Op::kGreater || term.op == Op::kGreaterEqual;
  return number_fits(
      term, static_cast<std::uint64_t>(std::max<std::int64_t>(0, subject.silent_for->count())));
}

bool feature_fits(const Term& term, const Subject& subject) {
  const auto& features = subject.platform->features;
  if (term.op == Op::kGlob)
    return std::ranges::any_of(features,
                               [&](const auto& f) { return glob_fits(term.values[0], f); });
  return std::ranges::binary_search(features, term.values[0]) == (term.op == Op::kEqual);
}

bool compare(const Term& term, const Subject& subject) {
  switch (term.key) {
    case Key::kCpus:
      return number_fits(term, subject.cpus);
    case Key::kMemory:
      return number_fits(term, subject.memory_bytes);
    case Key::kSeen:
      return seen_fits(term, subject);
    case Key::kFeature:
      return feature_fits(term, subject);
    case Key::kId:
      return has_prefix(*subject.id, term.prefix) == (term.op == Op::kEqual);
    default:
      break;
  }
  const auto text = text_of(term, subject);
  if (!text) return term.op == Op::kNotEqual;
  return ordered(term, *text, term.values[0]);
}

bool is_one_of(const Term& term, const Subject& subject) {
  if (term.key == Key::kFeature)
    return std::ranges::any_of(term.values, [&](const auto& value) {
      return std::ranges::binary_search(subject.platform->features, value);
    });
  if (term.key == Key::kId)
    return std::ranges::binary_search(term.ids, *subject.id) ||
           std::ranges::any_of(term.prefixes,
                               [&](const auto& prefix) { return has_prefix(*subject.id, prefix); });
  const auto text = text_of(term, subject);
  if (!text) return false;
  return std::ranges::any_of(term.values, [&](const auto& value) {
    return term.key == Key::kName ? equal_words(*text, value) : *text == value;
  });
}

bool is_named(const Term& term, std::string_view name) {
  const auto less = [](std::string_view value, std::string_view sought) {
    return std::ranges::lexicographical_compare(value, sought, {}, {},
                                                [](char c) { return lower(c); });
  };
  const auto at = std::lower_bound(term.values.begin(), term.values.end(), name, less);
  return at != term.values.end() && equal_words(*at, name);
}

bool fits(const Selector::Program& program, std::uint32_t number, const Subject& subject) {
  const Term& term = program.terms[number];
  const auto child_fits = [&](std::uint32_t child) { return fits(program, child, subject); };
  switch (term.kind) {
    case Kind::kAll:
      return true;
    case Kind::kOnline:
      return subject.online;
    case Kind::kOffline:
      return !subject.online;
    case Kind::kRevoked:
      return subject.state == EndpointState::kRevoked;
    case Kind::kAnd:
      return std::ranges::all_of(term.children, child_fits);
    case Kind::kOr:
      return std::ranges::any_of(term.children, child_fits);
    case Kind::kNot:
      return !child_fits(term.children[0]);
    case Kind::kCompare:
      return compare(term, subject);
    case Kind::kIn:
      return is_one_of(term, subject);
    case Kind::kNames:
      return is_named(term, subject.name);
    case Kind::kGlobs:
      return std::ranges::any_of(
          term.values, [&](const auto& pattern) { return glob_fits(pattern, subject.name); });
    case Kind::kIdPrefix:
      return has_prefix(*subject.id, term.prefix);
  }
  return false;
}

}  // namespace

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = lower(c);
  return result;
}

bool equal_words(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

bool glob_fits(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = pattern.npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || lower(pattern[p]) == lower(text[t]))) {
      ++p;
      ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

int natural_order(std::string_view a, std::string_view b) {
  const auto digits_of = [](std::string_view& text) {
    std::size_t count = 0;
    while (count < text.size() && is_digit(text[count])) ++count;
    std::string_view digits = text.substr(0, count);
    text.remove_prefix(count);
    digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
    return digits;
  };
  while (!a.empty() && !b.empty()) {
    if (is_digit(a[0]) && is_digit(b[0])) {
      const auto x = digits_of(a), y = digits_of(b);
      if (x.size() != y.size()) return x.size() < y.size() ? -1 : 1;
      if (const int order = x.compare(y); order != 0) return order < 0 ? -1 : 1;
    } else {
      if (a[0] != b[0])
        return static_cast<unsigned char>(a[0]) < static_cast<unsigned char>(b[0]) ? -1 : 1;
      a.remove_prefix(1);
      b.remove_prefix(1);
    }
  }
  return a.empty() ? (b.empty() ? 0 : -1) : 1;
}

IdPrefix id_prefix(std::string_view text) {
  IdPrefix prefix;
  if (text.size() < kPrefixCharactersMin || text.size() > prefix.digits.size()) return {};
  for (const char c : text) {
    const auto digit = kDigits.find(lower(c));
    if (digit == kDigits.npos) return {};
    prefix.digits[prefix.count++] = static_cast<std::uint8_t>(digit);
  }
  return prefix;
}

bool has_prefix(const core::EndpointId& id, const IdPrefix& prefix) {
  if (prefix.count == 0) return false;
  const std::string_view bytes = id.bytes();
  for (std::size_t i = 0; i < prefix.count; ++i) {
    const std::size_t bit = i * 5;
    unsigned window = static_cast<unsigned char>(bytes[bit / 8]) << 8;
    if (bit / 8 + 1 < bytes.size()) window |= static_cast<unsigned char>(bytes[bit / 8 + 1]);
    if ((window >> (11 - bit % 8) & 31) != prefix.digits[i]) return false;
  }
  return true;
}

}  // namespace detail

bool Selector::matches(const Subject& subject) const {
  return detail::fits(*program_, program_->root, subject);
}

bool Selector::matches_all() const {
  return program_->terms[program_->root].kind == detail::Kind::kAll;
}

const std::string& Selector::text() const {
  return program_->text;
}

}  // namespace muster::fleet
