// SPDX-License-Identifier: Apache-2.0
#include "fleet/endpoint.h"

#include <algorithm>

#include "core/bytes.h"

namespace muster::fleet {
namespace {

using core::Code;

constexpr std::size_t kFactBytesMax = 256;
constexpr std::size_t kFactListMax = 64;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_key(char c) {
  return is_letter(c) || is_digit(c) || c == '_' || c == '.' || c == '-';
}

std::string safe(const std::string& text) {
  return core::printable(text, kFactBytesMax);
}

template <typename List>
std::vector<std::string> safe_list(const List& list) {
  std::vector<std::string> result;
  for (const auto& each : list) {
    if (result.size() == kFactListMax) break;
    result.push_back(safe(each));
  }
  return result;
}

}  // namespace

core::Status check_label(std::string_view key, std::string_view value) {
  const std::string shown = "label '" + core::printable(key, kLabelKeyBytesMax) + "'";
  if (key.empty() || !(is_letter(key[0]) || key[0] == '_') || !std::ranges::all_of(key, is_key))
    return core::fail(Code::kInvalid, shown +
                                          ": a key begins with a letter or '_' and has "
                                          "letters, digits, '_', '.' and '-' only");
  if (key.size() > kLabelKeyBytesMax)
    return core::fail(Code::kLimit, shown + ": a key has at most " +
                                        std::to_string(kLabelKeyBytesMax) + " bytes");
  if (value.size() > kLabelValueBytesMax)
    return core::fail(Code::kLimit, shown + ": a value has at most " +
                                        std::to_string(kLabelValueBytesMax) + " bytes");
  const bool control = std::ranges::any_of(
      value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (control || !core::is_utf8(value))
    return core::fail(Code::kInvalid, shown + ": a value is UTF-8 text without control characters");
  return {};
}

std::string_view name(EndpointState state) {
  switch (state) {
    case EndpointState::kRevoked:
      return "revoked";
    case EndpointState::kHeld:
      return "held";
    default:
      return "active";
  }
}

std::string safe_name(std::string_view hostname) {
  std::string name(hostname.substr(0, kNameBytesMax));
  for (char& c : name)
    if (!is_key(c)) c = '-';
  return name;
}

wire::Facts facts_of(const Endpoint& endpoint) {
  wire::Facts facts;
  facts.set_hostname(endpoint.name);
  const Platform& platform = *endpoint.platform;
  facts.set_os(platform.os);
  facts.set_distribution(platform.distribution);
  facts.set_distribution_version(platform.distribution_version);
  facts.set_kernel(platform.kernel);
  facts.set_machine(platform.machine);
  facts.set_agent_version(platform.agent_version);
  for (const auto& feature : platform.features) facts.add_features(feature);
  for (const auto& address : endpoint.addresses) facts.add_addresses(address);
  facts.set_cpus(endpoint.cpus);
  facts.set_memory_bytes(endpoint.memory_bytes);
  facts.set_booted_unix_ms(endpoint.booted_unix_ms);
  return facts;
}

bool take_facts(Endpoint& endpoint, const wire::Facts& facts,
                const std::function<std::shared_ptr<const Platform>(Platform)>& share) {
  Platform platform{
      safe(facts.os()),           safe(facts.distribution()), safe(facts.distribution_version()),
      safe(facts.kernel()),       safe(facts.machine()),      safe(facts.agent_version()),
      safe_list(facts.features())};
  std::ranges::sort(platform.features);
  bool changed = false;
  const auto set = [&](auto& field, auto value) {
    if (field == value) return;
    field = std::move(value);
    changed = true;
  };
  if (!endpoint.platform || *endpoint.platform != platform) {
    endpoint.platform = share(std::move(platform));
    changed = true;
  }
  std::string name = safe_name(facts.hostname());
  if (name.empty()) name = endpoint.id.str().substr(0, 8);
  set(endpoint.name, std::move(name));
  set(endpoint.addresses, safe_list(facts.addresses()));
  set(endpoint.cpus, facts.cpus());
  set(endpoint.memory_bytes, facts.memory_bytes());
  set(endpoint.booted_unix_ms, facts.booted_unix_ms());
  return changed;
}

std::string labels_text(const Labels& labels) {
  std::string text;
  for (const Label& label : labels) text += label.key + '=' + label.value + '\n';
  return text;
}

Labels labels_from(std::string_view text) {
  Labels labels;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto equals = line.find('=');
    if (equals == line.npos || !check_label(line.substr(0, equals), line.substr(equals + 1)))
      continue;
    labels.push_back({std::string(line.substr(0, equals)), std::string(line.substr(equals + 1))});
  }
  std::ranges::sort(labels);
  return labels;
}

}  // namespace muster::fleet
