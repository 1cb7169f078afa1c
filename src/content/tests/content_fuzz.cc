// SPDX-License-Identifier: Apache-2.0
//
// What comes from others: names, requests and pieces. Input: one byte chooses what is fed.
//   0  a path and a content id, as text
//   1  ContentData to a Fetcher    2  ContentRequest to a Repeater
// For both: one byte says how far the time moves and what else happens, two bytes give the
// length of the message that follows, and so on. A message without a digest gets the right one.
#include <chrono>
#include <cstdint>

#include "content/fetcher.h"
#include "content/layout.h"
#include "content/repeater.h"
#include "content/tests/fakes.h"

namespace {

using namespace muster;
using namespace muster::content;

const std::string& object_bytes() {
  static const std::string bytes = content::testing::bytes_of(150'000, 1);
  return bytes;
}

struct Link : FetcherPort, RepeaterPort {
  Repeater* repeater = nullptr;
  std::vector<ContentId> loads;
  std::size_t sent = 0;
  void request(const wire::ContentRequest& request) override {
    MUSTER_ASSERT(request.bytes_max() > 0 && request.bytes_max() <= kRangeBytesMax);
  }
  std::string encode(const wire::ContentData& data) override { return data.SerializeAsString(); }
  void send(ClientId, std::string_view frame) override { sent += frame.size(); }
  void load(const ContentId& id) override { loads.push_back(id); }
  void stalled(ClientId) override {}
};

template <typename Message, typename Handle>
void for_each_message(std::string_view rest, Handle handle) {
  const std::string digest(ContentId::of(object_bytes()).bytes());
  while (rest.size() >= 3) {
    const auto control = static_cast<std::uint8_t>(rest[0]);
    const std::size_t length =
        static_cast<std::uint8_t>(rest[1]) * 256U + static_cast<std::uint8_t>(rest[2]);
    rest.remove_prefix(3);
    const std::string_view bytes = rest.substr(0, length);
    rest.remove_prefix(bytes.size());
    Message message;
    if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) continue;
    if (message.digest().empty()) message.set_digest(digest);
    handle(control, message);
  }
}

void feed_fetcher(std::string_view input) {
  Link link;
  content::testing::MemoryStore store;
  core::MonoTime now{};
  Fetcher fetcher(link, store, {.object_bytes_max = 1 << 20}, now);
  const ContentId id = ContentId::of(object_bytes());
  int told = 0;
  fetcher.want(id, {}, now + std::chrono::minutes(1), now,
               [&](const core::Result<ObjectPtr>& result) {
                 ++told;
                 MUSTER_ASSERT(!result || ContentId::of(content::testing::all_of(**result)) == id);
               });
  fetcher.connected(now);
  for_each_message<wire::ContentData>(input, [&](std::uint8_t control, wire::ContentData& data) {
    now += std::chrono::milliseconds(control) * 4;
    // Bytes that are right, where only their place is given.
    if (data.data().empty() && data.error().empty() && data.offset() < object_bytes().size()) {
      data.set_data(object_bytes().substr(data.offset(), kPieceBytes));
      if (data.total_bytes() == 0) data.set_total_bytes(object_bytes().size());
    }
    fetcher.receive(data, now);
    if (control == 255) fetcher.disconnected();
    if (control == 254) fetcher.connected(now);
    fetcher.tick(now);
  });
  fetcher.tick(now + std::chrono::hours(1));
  MUSTER_ASSERT(told == 1 && fetcher.downloads() == 0 && store.being_written == 0);
}

void feed_repeater(std::string_view input) {
  Link link;
  content::testing::MemoryStore store;
  core::MonoTime now{};
  Repeater repeater(link, {}, now);
  store.add(object_bytes());
  for_each_message<wire::ContentRequest>(
      input, [&](std::uint8_t control, const wire::ContentRequest& request) {
        now += std::chrono::milliseconds(control) * 4;
        const ClientId client = control % 4;
        repeater.request(client, request, now);
        if (control & 16)
          for (const ContentId& id : std::exchange(link.loads, {}))
            repeater.loaded(id, store.open(id), now);
        if (control & 32) repeater.taken(client, 0, now);
        if (control & 64) repeater.gone(client);
        if (control & 128) store.objects.clear();
        repeater.tick(now);
        MUSTER_ASSERT(repeater.stats().in_flight_bytes <= 4 * kClientBytesMax);
      });
  for (ClientId client = 0; client < 4; ++client) repeater.gone(client);
  MUSTER_ASSERT(repeater.stats().waiting == 0 && repeater.stats().in_flight_bytes == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) return 0;
  const char what = input.front();
  input.remove_prefix(1);
  if (what == 1) {
    feed_fetcher(input);
  } else if (what == 2) {
    feed_repeater(input);
  } else {
    if (check_path(input)) {
      const auto inside = (std::filesystem::path("/root/run") / input).lexically_normal().string();
      MUSTER_ASSERT(inside.starts_with("/root/run/"));
    }
    if (const auto id = ContentId::parse(input)) MUSTER_ASSERT(id->str() == input);
  }
  return 0;
}
