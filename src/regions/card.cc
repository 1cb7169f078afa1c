// SPDX-License-Identifier: Apache-2.0
#include "regions/card.h"

#include <algorithm>
#include <array>

#include "core/bytes.h"
#include "identity/authority.h"
#include "identity/signature.h"

namespace muster::regions {
namespace {

using core::Code;
using core::fail;

constexpr std::string_view kFirstLine = "muster-region-card 1";
constexpr std::string_view kFamily = "muster-region-card ";
constexpr std::string_view kCertificate = "-----BEGIN CERTIFICATE-----";
constexpr std::array<std::string_view, 6> kReserved{"all",   "card",    "here",
                                                    "hosts", "inspect", "runs"};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

/// The next line, without its end; takes it from `text`.
std::string_view take_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  const auto line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return trimmed(line);
}

bool is_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || text.size() > Card::kAddressBytesMax)
    return false;
  const auto port = text.substr(colon + 1);
  const bool digits = !port.empty() && port.size() <= 5 &&
                      std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
  return digits && std::ranges::all_of(text.substr(0, colon), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view(".-_:[]").contains(c);
         });
}

std::unexpected<core::Error> wrong(std::size_t line, std::string why) {
  return fail(Code::kInvalid,
              "line " + std::to_string(line) + " of the region's card: " + std::move(why));
}

struct Head {
  std::string name;
  std::vector<std::string> addresses;
};

core::Status take_member(std::string_view line, std::size_t number, Head& head) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos)
    return wrong(number, "'" + core::printable(line, 60) + "' is no 'name: value'");
  const auto key = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
  if (key == "name") {
    if (!is_valid_region_name(value))
      return wrong(number, "'" + core::printable(value, 60) + "' is no name of a region");
    head.name = value;
  } else if (key == "address") {
    if (!is_address(value))
      return wrong(number, "'" + core::printable(value, 60) + "' is no host:port");
    if (head.addresses.size() >= Card::kAddressesMax)
      return wrong(number, "more than " + std::to_string(Card::kAddressesMax) + " addresses");
    head.addresses.emplace_back(value);
  }
  return {};
}

}  // namespace

bool is_valid_region_name(std::string_view name) {
  if (name.empty() || name.size() > 32 || name.front() < 'a' || name.front() > 'z') return false;
  if (std::ranges::find(kReserved, name) != kReserved.end()) return false;
  return std::ranges::all_of(
      name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

std::string Card::identity_of() const {
  return identity::region_of(authority);
}

std::string Card::str() const {
  std::string text(kFirstLine);
  text += "\nname: " + name + "\n";
  for (const auto& address : addresses) text += "address: " + address + "\n";
  return text + authority.pem();
}

core::Result<Card> Card::parse(std::string_view text) {
  if (text.size() > kTextBytesMax)
    return fail(Code::kLimit, "a region's card has at most 32 KiB; is this the right file?");
  std::size_t number = 1;
  auto line = take_line(text);
  for (; line.empty() && !text.empty(); ++number) line = take_line(text);
  if (line != kFirstLine)
    return fail(Code::kInvalid,
                line.starts_with(kFamily)
                    ? "this region's card is of a newer version of Muster: update this server"
                    : "this is no region's card; on a server of the other region 'muster regions "
                      "card' prints one");
  Head head;
  for (;;) {
    if (text.empty()) return fail(Code::kInvalid, "the region's card is cut: no certificate in it");
    if (text.starts_with(kCertificate)) break;
    ++number;
    line = take_line(text);
    if (!line.empty()) MUSTER_TRY(take_member(line, number, head));
  }
  if (head.name.empty() || head.addresses.empty())
    return fail(Code::kInvalid, "the region's card is cut: it has no name or no address");
  auto authority = identity::Certificate::from_pem(text);
  if (!authority) return wrong(number + 1, authority.error().message);
  // What may stand there is one key's own certificate, of the kind that Muster makes.
  if (!identity::PublicKey::from_der(authority->public_key_der()))
    return wrong(number + 1, "the certificate's key is not P-256; it is no region's authority");
  return Card{std::move(head.name), std::move(head.addresses), *std::move(authority)};
}

}  // namespace muster::regions
