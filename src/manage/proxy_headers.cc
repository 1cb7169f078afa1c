// SPDX-License-Identifier: Apache-2.0
//
// Which headers go through the proxy. Pure.
#include <algorithm>
#include <array>

#include "core/bytes.h"
#include "manage/access.h"
#include "manage/proxy.h"

namespace muster::manage {
namespace {

using core::Code;
using core::fail;

/// What belongs to one connection, or is said anew on the next.
constexpr std::array<std::string_view, 12> kOwn{"connection",
                                                "content-length",
                                                "expect",
                                                "keep-alive",
                                                "proxy-authorization",
                                                "te",
                                                "trailer",
                                                "upgrade",
                                                "proxy-authenticate",
                                                "proxy-connection",
                                                "http2-settings",
                                                "transfer-encoding"};
/// What a client must not claim: this is the first to hear it.
constexpr std::array<std::string_view, 6> kClaims{"forwarded",        "x-forwarded-for",
                                                  "x-forwarded-host", "x-forwarded-proto",
                                                  "x-forwarded-port", "x-real-ip"};
/// What a client could take from its request by naming it in Connection: never believed.
constexpr std::array<std::string_view, 6> kKept{"host",   "authorization", "cookie",
                                                "origin", "content-type",  "accept"};

/// As an application may read it that takes '_' for '-' (CGI does).
std::string spelt(std::string_view name) {
  std::string text(name);
  for (char& c : text) {
    if (c == '_') c = '-';
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

template <typename List>
bool among(const List& list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

/// The names that "Connection" says belong to it.
std::vector<std::string> named_by_connection(const net::Pairs& headers) {
  std::vector<std::string> names;
  for (const auto& [name, value] : headers) {
    if (spelt(name) != "connection") continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const auto end = std::min(rest.find(','), rest.size());
      std::string one = spelt(rest.substr(0, end));
      std::erase_if(one, [](char c) { return c == ' ' || c == '\t'; });
      if (!among(kKept, one)) names.push_back(std::move(one));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return names;
}

}  // namespace

core::Result<net::Pairs> headers_onward(const net::Request& request, std::string_view own_id) {
  const std::string own_via = "1.1 muster-" + std::string(own_id);
  const auto named = named_by_connection(request.headers);
  net::Pairs onward;
  std::string via;
  for (const auto& [name, value] : request.headers) {
    const std::string plain = spelt(name);
    if (among(kOwn, plain) || among(kClaims, plain) || among(named, plain)) continue;
    if (plain.starts_with("muster-") || plain.starts_with("x-muster-")) continue;
    if (plain == "authorization" && value.starts_with("Bearer " + std::string(kTokenKind)))
      return fail(Code::kInvalid,
                  "a token of the management interface came without the header "
                  "'Muster-Management: 1': the application is not shown it");
    if (plain == "via") {
      if (value.contains(own_via))
        return fail(Code::kConflict,
                    "the request came through this host before: the application's address leads "
                    "back to it");
      via += value + ", ";
      continue;
    }
    onward.emplace_back(name, value);
  }
  onward.emplace_back("Via", via + own_via);
  onward.emplace_back("X-Forwarded-For", request.remote_address);
  onward.emplace_back("X-Forwarded-Proto", "https");
  onward.emplace_back("X-Forwarded-Host",
                      core::printable(request.header("host").value_or(""), 300));
  return onward;
}

net::Pairs headers_back(const net::Pairs& headers) {
  const auto named = named_by_connection(headers);
  net::Pairs back;
  for (const auto& [name, value] : headers) {
    if (among(kOwn, name) || among(named, name) || name == "date") continue;
    if (spelt(name).starts_with("muster-")) continue;  // an application is no management resource
    back.emplace_back(name, value);
  }
  return back;
}

core::Result<net::ServerAddress> parse_application(std::string_view text) {
  constexpr std::string_view kHttp = "http://", kUnix = "unix:";
  const auto wrong = [&] {
    return fail(Code::kInvalid, "'" + core::printable(text, 200) +
                                    "' is no application's address; it looks like "
                                    "http://127.0.0.1:8080 or unix:/run/app.sock");
  };
  if (text.starts_with(kUnix)) {
    if (text.size() <= kUnix.size() + 1 || text[kUnix.size()] != '/') return wrong();
    return net::ServerAddress{std::string(text.substr(kUnix.size())), 0};
  }
  if (!text.starts_with(kHttp)) return wrong();
  text.remove_prefix(kHttp.size());
  if (text.ends_with('/')) text.remove_suffix(1);
  const bool has_port = text.rfind(':') != std::string_view::npos && !text.ends_with(']');
  auto address = net::ServerAddress::parse(text);
  if (!address || text.starts_with("https:")) return wrong();
  if (!has_port) address->port = 80;
  return address;
}

}  // namespace muster::manage
