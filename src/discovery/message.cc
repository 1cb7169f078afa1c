// SPDX-License-Identifier: Apache-2.0
#include "discovery/message.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <charconv>

#include "core/assert.h"
#include "core/bytes.h"

namespace muster::discovery {
namespace {

// magic (8), kind (1), sought (1), nonce (16), tag (32), then the answer's text or zeros.
constexpr std::string_view kMagic = "MUSTERD1";
constexpr char kQuestion = 'Q';
constexpr char kAnswer = 'A';
constexpr std::size_t kNonceAt = 10;
constexpr std::size_t kTagAt = kNonceAt + kNonceBytes;
constexpr std::size_t kTagBytes = 32;
constexpr std::size_t kTextAt = kTagAt + kTagBytes;

std::string head(char kind, std::uint8_t sought, std::string_view nonce) {
  MUSTER_ASSERT(nonce.size() == kNonceBytes);
  std::string bytes(kMagic);
  bytes.push_back(kind);
  bytes.push_back(static_cast<char>(sought));
  bytes.append(nonce);
  return bytes;
}

bool is_tagged(const RegionKey& key, char kind, std::string_view datagram) {
  if (datagram.size() < kTextAt || datagram.size() > kDatagramBytes ||
      !datagram.starts_with(kMagic) || datagram[kMagic.size()] != kind)
    return false;
  std::string covered(datagram.substr(0, kTagAt));
  covered += datagram.substr(kTextAt);
  return core::equal_in_constant_time(key.tag(kind, covered), datagram.substr(kTagAt, kTagBytes));
}

std::string_view word(Sought what) {
  return what == kGateways ? "gateway" : "server";
}

bool is_host(std::string_view text) {
  return text.size() <= kHostBytesMax && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '-' || c == '_' || c == ':' || c == '%';
         });
}

// "HOST PORT", or "PORT" alone.
std::optional<Place> read_place(Sought what, std::string_view text) {
  Place place;
  place.what = what;
  if (const std::size_t blank = text.find(' '); blank != text.npos) {
    if (!is_host(text.substr(0, blank))) return std::nullopt;
    place.host = text.substr(0, blank);
    text.remove_prefix(blank + 1);
  }
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), place.port);
  if (failed != std::errc{} || end != text.data() + text.size() || place.port == 0)
    return std::nullopt;
  return place;
}

void read_line(std::string_view line, Answer& answer) {
  const std::size_t blank = std::min(line.find(' '), line.size());
  const std::string_view name = line.substr(0, blank);
  const std::string_view rest = line.substr(std::min(blank + 1, line.size()));
  if (name == "gateway" || name == "server") {
    auto place = read_place(name == "gateway" ? kGateways : kServers, rest);
    if (place && answer.places.size() < kPlacesMax) answer.places.push_back(std::move(*place));
  } else if (name == "endpoint") {
    if (auto id = core::EndpointId::parse(rest)) answer.endpoint = *id;
  } else if (name == "link") {
    answer.link_open = rest == "open";
  }
}

}  // namespace

std::string RegionKey::tag(char kind, std::string_view bytes) const {
  const std::string covered =
      "muster discovery 1 " + std::string(1, kind) + "\n" + std::string(bytes);
  std::array<unsigned char, kTagBytes> made{};
  unsigned size = 0;
  MUSTER_ASSERT(HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
                     reinterpret_cast<const unsigned char*>(covered.data()), covered.size(),
                     made.data(), &size) &&
                size == kTagBytes);
  return std::string(core::as_view(made));
}

std::string write_question(const RegionKey& key, const Question& question) {
  std::string covered = head(kQuestion, question.sought, question.nonce);
  const std::string room(kDatagramBytes - kTextAt, '\0');  // for the answer
  return covered + key.tag(kQuestion, covered + room) + room;
}

std::optional<Question> read_question(const RegionKey& key, std::string_view datagram) {
  if (datagram.size() != kDatagramBytes || !is_tagged(key, kQuestion, datagram))
    return std::nullopt;
  return Question{static_cast<std::uint8_t>(datagram[kMagic.size() + 1]),
                  std::string(datagram.substr(kNonceAt, kNonceBytes))};
}

std::string write_answer(const RegionKey& key, std::string_view nonce, const Answer& answer) {
  std::string text;
  std::size_t places = 0;
  for (const Place& place : answer.places) {
    if (!is_host(place.host) || place.port == 0 || ++places > kPlacesMax) continue;
    text += std::string(word(place.what)) + " " + place.host + (place.host.empty() ? "" : " ") +
            std::to_string(place.port) + "\n";
  }
  if (answer.endpoint)
    text += "endpoint " + answer.endpoint->str() + "\nlink " +
            (answer.link_open ? "open" : "down") + "\n";
  const std::string covered = head(kAnswer, 0, nonce);
  std::string datagram = covered + key.tag(kAnswer, covered + text) + text;
  MUSTER_ASSERT(datagram.size() <= kDatagramBytes);
  return datagram;
}

std::optional<Answer> read_answer(const RegionKey& key, std::string_view nonce,
                                  std::string_view datagram) {
  if (!is_tagged(key, kAnswer, datagram) || datagram.substr(kNonceAt, kNonceBytes) != nonce)
    return std::nullopt;
  Answer answer;
  std::string_view text = datagram.substr(kTextAt);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    read_line(text.substr(0, end), answer);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return answer;
}

}  // namespace muster::discovery
