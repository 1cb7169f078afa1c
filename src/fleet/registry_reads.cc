// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>

#include "core/bytes.h"
#include "fleet/detail/selector_program.h"
#include "fleet/registry.h"

namespace muster::fleet {
namespace {

using core::Code;

constexpr std::size_t kPageMax = 10'000;
constexpr std::size_t kNamedInErrorMax = 5;

/// By what one endpoint stands before another: a number, a text, the id.
struct Place {
  std::int64_t number = 0;
  std::string_view text;
  core::EndpointId id;
};

Place place_of(const Endpoint& endpoint, SortBy sort) {
  Place place{0, endpoint.name, endpoint.id};
  switch (sort) {
    case SortBy::kName:
      break;
    case SortBy::kOs:
      place.text = endpoint.platform->distribution;
      break;
    case SortBy::kAddress:
      place.text = endpoint.address;
      break;
    case SortBy::kOnline:
      place.number = endpoint.online() ? 0 : 1;
      break;
    case SortBy::kLastContact:
      place.number = endpoint.online() ? std::numeric_limits<std::int64_t>::max()
                                       : core::unix_ms(endpoint.last_contact);
      break;
    case SortBy::kEnrolled:
      place.number = core::unix_ms(endpoint.enrolled_at);
      break;
  }
  return place;
}

bool stands_before(const Place& a, const Place& b) {
  if (a.number != b.number) return a.number < b.number;
  if (const int order = detail::natural_order(a.text, b.text); order != 0) return order < 0;
  return a.id < b.id;
}

std::string cursor_of(const Place& place) {
  return core::to_base32(std::string(place.id.bytes()) + std::to_string(place.number) + '/' +
                         std::string(place.text));
}

/// `text` holds what the place's text points into.
core::Result<Place> place_at(std::string_view cursor, std::string& text) {
  const auto wrong = core::fail(Code::kInvalid, "'after' is not the 'next' of an earlier page");
  auto bytes = core::from_base32(cursor);
  if (!bytes || bytes->size() < core::EndpointId::kBytes) return wrong;
  Place place;
  place.id = *core::EndpointId::from_bytes(bytes->substr(0, core::EndpointId::kBytes));
  text = bytes->substr(core::EndpointId::kBytes);
  const char* const end = text.data() + text.size();
  const auto [at, failed] = std::from_chars(text.data(), end, place.number);
  if (failed != std::errc() || at == end || *at != '/') return wrong;
  place.text = std::string_view(at + 1, end);
  return place;
}

bool fits(const Endpoint& endpoint, const Selector* selector, const Selector* scope,
          core::WallTime now) {
  const bool any = !selector || selector->matches_all();
  const bool anywhere = !scope || scope->matches_all();
  if (any && anywhere) return true;
  const Subject subject = subject_of(endpoint, now);
  return (any || selector->matches(subject)) && (anywhere || scope->matches(subject));
}

}  // namespace

const Endpoint* Registry::find(const core::EndpointId& id) const {
  const auto found = endpoints_.find(id);
  return found == endpoints_.end() ? nullptr : &found->second.endpoint;
}

core::Result<const Endpoint*> Registry::find_named(std::string_view text) const {
  if (const auto id = core::EndpointId::parse(text))
    if (const Endpoint* endpoint = find(*id)) return endpoint;
  const auto prefix = detail::id_prefix(text);
  std::vector<const Endpoint*> found;
  std::size_t count = 0;
  for (const auto& [id, record] : endpoints_) {
    if (!detail::equal_words(record.endpoint.name, text) && !detail::has_prefix(id, prefix))
      continue;
    ++count;
    if (found.size() < kNamedInErrorMax) found.push_back(&record.endpoint);
  }
  if (count == 1) return found[0];
  const std::string shown = "'" + core::printable(text, 80) + "'";
  if (count == 0)
    return core::fail(Code::kNotFound, "there is no endpoint " + shown +
                                           "; give its name, its id or the first 6 characters "
                                           "of that");
  std::string list;
  for (const Endpoint* each : found) list += (list.empty() ? "" : ", ") + each->id.str();
  return core::fail(Code::kConflict, std::to_string(count) + " endpoints fit " + shown +
                                         "; name one by its id: " + list);
}

std::vector<std::pair<std::string, std::size_t>> Registry::gateways() const {
  std::vector<std::pair<std::string, std::size_t>> list(gateways_.begin(), gateways_.end());
  std::ranges::sort(list);
  return list;
}

std::vector<const Endpoint*> Registry::select(const Selector* selector, const Selector* scope,
                                              core::WallTime now) const {
  std::vector<const Endpoint*> found;
  for (const auto& [id, record] : endpoints_)
    if (fits(record.endpoint, selector, scope, now)) found.push_back(&record.endpoint);
  return found;
}

core::Result<Page> Registry::page(const PageRequest& request, core::WallTime now) const {
  std::optional<Place> after;
  std::string after_text;
  if (!request.after.empty()) {
    MUSTER_ASSIGN(after, place_at(request.after, after_text));
  }
  const auto before = [&](const Place& a, const Place& b) {
    return request.descending ? stands_before(b, a) : stands_before(a, b);
  };
  Page page;
  std::vector<std::pair<Place, const Endpoint*>> candidates;
  for (const auto& [id, record] : endpoints_) {
    const Endpoint& endpoint = record.endpoint;
    if (!fits(endpoint, request.selector, request.scope, now)) continue;
    ++page.total;
    page.online += endpoint.online() ? 1 : 0;
    const Place place = place_of(endpoint, request.sort);
    if (!after || before(*after, place)) candidates.emplace_back(place, &endpoint);
  }
  const std::size_t limit =
      std::min(std::clamp<std::size_t>(request.limit, 1, kPageMax), candidates.size());
  std::ranges::partial_sort(candidates, candidates.begin() + static_cast<std::ptrdiff_t>(limit),
                            [&](const auto& a, const auto& b) { return before(a.first, b.first); });
  for (std::size_t i = 0; i < limit; ++i) page.endpoints.push_back(candidates[i].second);
  if (limit < candidates.size()) page.next = cursor_of(candidates[limit - 1].first);
  return page;
}

}  // namespace muster::fleet
