// SPDX-License-Identifier: Apache-2.0
//
// What travels in discovery's datagrams (docs/protocols/discovery.md): a question to whoever is
// near, and an answer that is never larger.
//
// Both carry a tag that only somebody makes who knows the region's authority: a stranger gets no
// answer, and another region's machines are no confusion. It is a hint and no proof: whoever is
// found this way has to show a certificate before anything is believed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"

namespace muster::discovery {

/// A question has exactly so many bytes, an answer at most.
inline constexpr std::size_t kDatagramBytes = 512;
inline constexpr std::size_t kNonceBytes = 16;
/// Places that one answer names.
inline constexpr std::size_t kPlacesMax = 3;
inline constexpr std::size_t kHostBytesMax = 100;
/// Where servers and gateways listen, whatever their TCP port is, and where agents may.
inline constexpr std::uint16_t kPort = 7443;
inline constexpr std::uint16_t kAgentPort = 7444;

/// Who is sought; several are joined by |.
enum Sought : std::uint8_t { kGateways = 1, kServers = 2, kEndpoints = 4 };

/// A region, as those know it who belong to it.
class RegionKey {
 public:
  /// `ca_fingerprint`: 32 raw bytes, as a join token has them.
  explicit RegionKey(std::string ca_fingerprint) : secret_(std::move(ca_fingerprint)) {}
  /// HMAC-SHA-256 over `bytes`, for messages of that kind.
  std::string tag(char kind, std::string_view bytes) const;

 private:
  std::string secret_;
};

/// Where to log in or to enrol.
struct Place {
  Sought what = kServers;
  std::string host;  ///< empty: where the answer came from
  std::uint16_t port = 0;
  bool operator==(const Place&) const = default;
};

/// A server or a gateway answers with places, an agent with what it is.
struct Answer {
  std::vector<Place> places = {};
  std::optional<core::EndpointId> endpoint = {};
  bool link_open = false;  ///< of the endpoint
  bool operator==(const Answer&) const = default;
};

struct Question {
  std::uint8_t sought = 0;  ///< of Sought, joined; bits of later versions may be set
  std::string nonce;
};

/// `nonce`: kNonceBytes, unpredictable.
std::string write_question(const RegionKey& key, const Question& question);
/// Nothing where it is none, or none of this region.
std::optional<Question> read_question(const RegionKey& key, std::string_view datagram);

/// Places beyond kPlacesMax and hosts beyond kHostBytesMax are left out.
std::string write_answer(const RegionKey& key, std::string_view nonce, const Answer& answer);
/// Nothing where it does not answer the question with this nonce. Lines of later versions are
/// passed over.
std::optional<Answer> read_answer(const RegionKey& key, std::string_view nonce,
                                  std::string_view datagram);

}  // namespace muster::discovery
