// SPDX-License-Identifier: Apache-2.0
//
// A recursive descent over the tokens; the grammar stands in docs/formats/selectors.md.
#include "fleet/selector.h"

#include <algorithm>
#include <charconv>

#include "core/duration_text.h"
#include "fleet/detail/selector_lexer.h"
#include "fleet/detail/selector_program.h"
#include "fleet/node_set.h"

namespace muster::fleet {
namespace detail {
namespace {

using Parsed = std::expected<std::uint32_t, SelectorError>;

/// Names that all brackets of one selector may expand to.
constexpr std::size_t kExpandedNamesMax = 50'000;

struct KeyName {
  std::string_view name;
  Key key;
};
constexpr KeyName kFacts[] = {
    {"os", Key::kOs},
    {"distribution", Key::kDistribution},
    {"distribution_version", Key::kDistributionVersion},
    {"kernel", Key::kKernel},
    {"machine", Key::kMachine},
    {"version", Key::kVersion},
    {"agent_version", Key::kVersion},
    {"hostname", Key::kName},
    {"name", Key::kName},
    {"id", Key::kId},
    {"feature", Key::kFeature},
    {"features", Key::kFeature},
    {"gateway", Key::kGateway},
    {"address", Key::kAddress},
    {"state", Key::kState},
    {"cpus", Key::kCpus},
    {"memory", Key::kMemory},
    {"memory_bytes", Key::kMemory},
    {"seen", Key::kSeen},
};

std::optional<Key> fact(std::string_view name) {
  const auto* found = std::ranges::find(kFacts, name, &KeyName::name);
  return found == std::end(kFacts) ? std::nullopt : std::optional(found->key);
}

bool is_number(Key key) {
  return key == Key::kCpus || key == Key::kMemory || key == Key::kSeen;
}

/// "8G", "512MiB", "1024": powers of 1024.
std::optional<std::uint64_t> bytes_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc()) return std::nullopt;
  std::string unit = lower(std::string_view(end, text.data() + text.size()));
  if (unit.ends_with("ib"))
    unit.erase(unit.size() - 2);
  else if (unit.ends_with("b"))
    unit.erase(unit.size() - 1);
  const std::size_t power = std::string_view("kmgtp").find(unit.empty() ? '\0' : unit[0]);
  if (unit.empty()) return value;
  if (unit.size() > 1 || power == std::string_view::npos) return std::nullopt;
  const auto shift = 10 * (power + 1);
  if (value > (~0ULL >> shift)) return std::nullopt;
  return value << shift;
}

class Parser {
 public:
  Parser(std::vector<Token> tokens, Selector::Program& program)
      : tokens_(std::move(tokens)), program_(program) {}

  Parsed parse() {
    if (peek().kind == Token::Kind::kEnd)
      return fail_at(1, "the selector is empty; write 'all' for every machine");
    auto root = any_of(0);
    if (!root) return root;
    if (peek().kind == Token::Kind::kComma)
      return fail_at(peek().column,
                     "',' joins names only; write 'or', or key in (a,b) for several values");
    if (peek().kind == Token::Kind::kClose) return fail_at(peek().column, "this ')' has no '('");
    if (peek().kind != Token::Kind::kEnd)
      return fail_at(peek().column, "expected 'and' or 'or' before " + peek().shown());
    return root;
  }

 private:
  const Token& peek() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Token take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }

  Parsed add(Term term, std::size_t column) {
    if (program_.terms.size() >= kSelectorTermsMax)
      return fail_at(column, "more than " + std::to_string(kSelectorTermsMax) + " conditions");
    program_.terms.push_back(std::move(term));
    return static_cast<std::uint32_t>(program_.terms.size() - 1);
  }

  Parsed any_of(std::size_t depth) { return chain(Kind::kOr, depth); }

  /// a or b or c; its members are chains of `and`.
  Parsed chain(Kind kind, std::size_t depth) {
    const std::size_t column = peek().column;
    std::vector<std::uint32_t> children;
    do {
      auto child = kind == Kind::kOr ? chain(Kind::kAnd, depth) : condition(depth);
      if (!child) return child;
      children.push_back(*child);
    } while (accept(kind == Kind::kOr ? "or" : "and"));
    if (children.size() == 1) return children[0];
    Term term;
    term.kind = kind;
    term.children = std::move(children);
    return add(std::move(term), column);
  }

  bool accept(std::string_view keyword) {
    if (!peek().is(keyword)) return false;
    ++at_;
    return true;
  }

  Parsed condition(std::size_t depth) {
    const Token token = peek();
    if (depth >= kSelectorDepthMax)
      return fail_at(token.column, "nested deeper than " + std::to_string(kSelectorDepthMax));
    if (accept("not")) {
      auto child = condition(depth + 1);
      if (!child) return child;
      Term term;
      term.kind = Kind::kNot;
      term.children = {*child};
      return add(std::move(term), token.column);
    }
    if (token.kind == Token::Kind::kOpen) {
      take();
      auto inner = any_of(depth + 1);
      if (!inner) return inner;
      if (peek().kind == Token::Kind::kClose) {
        take();
        return inner;
      }
      return fail_at(peek().column, "expected ')' for the '(' of column " +
                                        std::to_string(token.column) + ", not " + peek().shown());
    }
    if (token.kind != Token::Kind::kWord && token.kind != Token::Kind::kQuoted)
      return fail_at(token.column, token.kind == Token::Kind::kOperator
                                       ? "expected a key before " + token.shown()
                                       : "expected a condition, not " + token.shown());
    for (const char* keyword : {"and", "or", "in"})
      if (token.is(keyword))
        return fail_at(token.column, "expected a condition before '" + token.text +
                                         "'; quote it if a machine is called so");
    take();
    if (peek().kind == Token::Kind::kOperator) return comparison(token);
    if (peek().is("in")) return one_of(token, false);
    if (peek().is("not") && ahead().is("in")) {
      take();
      return one_of(token, true);
    }
    return names(token);
  }

  std::expected<Term, SelectorError> keyed(const Token& token) {
    Term term;
    std::string_view name = token.text;
    if (token.kind == Token::Kind::kQuoted) {
      term.label = name;
    } else if (name.starts_with("labels.")) {
      term.label = name.substr(7);
    } else if (name.starts_with("facts.")) {
      const auto known = fact(name.substr(6));
      if (!known) {
        std::string list;
        for (const KeyName& each : kFacts)
          list += (list.empty() ? "" : ", ") + std::string(each.name);
        return fail_at(token.column, "there is no fact " + token.shown() + "; there are " + list);
      }
      term.key = *known;
    } else if (const auto known = fact(name)) {
      term.key = *known;
    } else {
      term.label = name;
    }
    if (term.key == Key::kLabel && (term.label.empty() || !check_label(term.label, "")))
      return fail_at(token.column,
                     token.shown() + " cannot be the key of a label (letters, digits, _ . -)");
    return term;
  }

  Parsed comparison(const Token& key) {
    auto term = keyed(key);
    if (!term) return std::unexpected(std::move(term.error()));
    const Token op = take();
    term->kind = Kind::kCompare;
    constexpr std::pair<std::string_view, Op> kOps[] = {
        {"=", Op::kEqual},   {"==", Op::kEqual},       {"!=", Op::kNotEqual},
        {"~", Op::kGlob},    {"<", Op::kLess},         {"<=", Op::kLessEqual},
        {">", Op::kGreater}, {">=", Op::kGreaterEqual}};
    for (const auto& [text, each] : kOps)
      if (op.text == text) term->op = each;
    const Token value = peek();
    if (value.kind != Token::Kind::kWord && value.kind != Token::Kind::kQuoted)
      return fail_at(value.column, "expected a value after '" + op.text + "'");
    take();
    term->values = {value.text};
    const bool exact = term->op == Op::kEqual || term->op == Op::kNotEqual;
    if (exact && value.kind == Token::Kind::kWord &&
        value.text.find_first_of("*?") != value.text.npos)
      return fail_at(op.column, "'" + op.text + "' compares exactly: write " +
                                    (term->op == Op::kEqual ? "" : "not ") + key.text + "~" +
                                    value.text + " for a pattern, or quote the value");
    if (auto checked = check_value(*term, op, value); !checked)
      return std::unexpected(std::move(checked.error()));
    return add(std::move(*term), key.column);
  }

  std::expected<void, SelectorError> check_value(Term& term, const Token& op, const Token& value) {
    const bool order = term.op >= Op::kLess;
    if (is_number(term.key) && term.op == Op::kGlob)
      return fail_at(op.column, "'~' compares text; use = != < <= > >= for numbers");
    if (term.key == Key::kCpus || term.key == Key::kMemory) {
      const auto number = bytes_of(value.text);
      if (!number)
        return fail_at(value.column, "expected a number such as 4 or 8G, not " + value.shown());
      term.number = *number;
    } else if (term.key == Key::kSeen) {
      term.never = value.is("never");
      if (term.never == order)
        return fail_at(op.column, "write seen<5m, seen>7d, seen=never or seen!=never");
      const auto age = core::parse_duration(term.never ? "1s" : value.text);
      if (!age) return fail_at(value.column, age.error().message);
      term.number = static_cast<std::uint64_t>(age->count());
    } else if (term.key == Key::kId) {
      if (order || term.op == Op::kGlob)
        return fail_at(op.column, "an id is compared with = or != only");
      term.prefix = id_prefix(value.text);
      if (term.prefix.count == 0)
        return fail_at(
            value.column,
            "expected an endpoint id or its first 6 or more characters, not " + value.shown());
    } else if (order && (term.key == Key::kFeature || term.key == Key::kState)) {
      return fail_at(op.column, "this key has no order; use = or !=");
    }
    return {};
  }

  std::expected<void, SelectorError> list_value(Term& term, const Token& value) {
    if (term.key != Key::kId) {
      term.values.push_back(value.text);
      return {};
    }
    const auto id = core::EndpointId::parse(value.text);
    const IdPrefix prefix = id_prefix(value.text);
    if (!id && prefix.count == 0)
      return fail_at(
          value.column,
          "expected an endpoint id or its first 6 or more characters, not " + value.shown());
    if (id)
      term.ids.push_back(*id);
    else
      term.prefixes.push_back(prefix);
    return {};
  }

  Parsed one_of(const Token& key, bool negated) {
    auto term = keyed(key);
    if (!term) return std::unexpected(std::move(term.error()));
    const Token in = take();
    if (is_number(term->key))
      return fail_at(in.column, "this key has no list; write conditions joined by 'or'");
    if (peek().kind != Token::Kind::kOpen)
      return fail_at(peek().column, "expected '(' after 'in', as in site in (a,b)");
    term->kind = Kind::kIn;
    do {
      take();  // '(' or ','
      const Token value = peek();
      if (value.kind != Token::Kind::kWord && value.kind != Token::Kind::kQuoted)
        return fail_at(value.column, "expected a value, not " + value.shown());
      take();
      if (term->values.size() + term->ids.size() + term->prefixes.size() >= kSelectorTermsMax)
        return fail_at(value.column, "more values than " + std::to_string(kSelectorTermsMax));
      if (auto listed = list_value(*term, value); !listed)
        return std::unexpected(std::move(listed.error()));
    } while (peek().kind == Token::Kind::kComma);
    std::ranges::sort(term->ids);
    if (peek().kind != Token::Kind::kClose)
      return fail_at(peek().column, "expected ',' or ')', not " + peek().shown());
    take();
    auto added = add(std::move(*term), key.column);
    if (!added || !negated) return added;
    Term outer;
    outer.kind = Kind::kNot;
    outer.children = {*added};
    return add(std::move(outer), key.column);
  }

  /// web*,db[01-12],3k9f…: any of them.
  Parsed names(Token token) {
    const std::size_t column = token.column;
    Term list;
    list.kind = Kind::kOr;
    Term exact;
    exact.kind = Kind::kNames;
    while (true) {
      auto added = name(token, list, exact);
      if (!added) return std::unexpected(std::move(added.error()));
      if (peek().kind != Token::Kind::kComma) break;
      take();
      token = peek();
      if (token.kind != Token::Kind::kWord && token.kind != Token::Kind::kQuoted)
        return fail_at(token.column, "expected a name after ','");
      take();
      if (peek().kind == Token::Kind::kOperator || peek().is("in"))
        return fail_at(token.column, "',' joins names only; write 'or' before a condition");
    }
    if (!exact.values.empty()) {
      std::ranges::sort(exact.values);
      auto added = add(std::move(exact), column);
      if (!added) return added;
      list.children.push_back(*added);
    }
    if (list.children.size() == 1) return list.children[0];
    return add(std::move(list), column);
  }

  std::expected<void, SelectorError> name(const Token& token, Term& list, Term& exact) {
    const auto alone = [&](Term term) -> std::expected<void, SelectorError> {
      auto added = add(std::move(term), token.column);
      if (!added) return std::unexpected(std::move(added.error()));
      list.children.push_back(*added);
      return {};
    };
    constexpr std::pair<std::string_view, Kind> kWords[] = {{"all", Kind::kAll},
                                                            {"online", Kind::kOnline},
                                                            {"offline", Kind::kOffline},
                                                            {"revoked", Kind::kRevoked}};
    Term term;
    for (const auto& [word, kind] : kWords)
      if (token.is(word)) {
        term.kind = kind;
        return alone(std::move(term));
      }
    if (token.kind == Token::Kind::kQuoted) {
      exact.values.push_back(lower(token.text));
      return {};
    }
    auto expanded =
        expand_names(token.text, kExpandedNamesMax - std::min(expanded_, kExpandedNamesMax));
    if (!expanded) return fail_at(token.column, expanded.error().message);
    expanded_ += expanded->size();
    if (token.text.find_first_of("*?") != token.text.npos) {
      term.kind = Kind::kGlobs;
      term.values = std::move(*expanded);
      return alone(std::move(term));
    }
    for (auto& each : *expanded) exact.values.push_back(lower(each));
    term.prefix = id_prefix(token.text);
    if (term.prefix.count == 0) return {};
    term.kind = Kind::kIdPrefix;
    return alone(std::move(term));
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::size_t expanded_ = 0;
  Selector::Program& program_;
};

}  // namespace
}  // namespace detail

std::expected<Selector, SelectorError> Selector::parse(std::string_view text) {
  if (text.size() > kSelectorBytesMax)
    return detail::fail_at(kSelectorBytesMax + 1,
                           "longer than " + std::to_string(kSelectorBytesMax) + " bytes");
  auto tokens = detail::tokens_of(text);
  if (!tokens) return std::unexpected(std::move(tokens.error()));
  auto program = std::make_shared<Program>();
  program->text = text;
  auto root = detail::Parser(std::move(*tokens), *program).parse();
  if (!root) return std::unexpected(std::move(root.error()));
  program->root = *root;
  return Selector(std::move(program));
}

Selector Selector::all() {
  auto program = std::make_shared<Program>();
  program->text = "all";
  program->terms.emplace_back();
  return Selector(std::move(program));
}

}  // namespace muster::fleet
