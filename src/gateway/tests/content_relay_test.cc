// SPDX-License-Identifier: Apache-2.0
#include "gateway/content_relay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "core/bytes.h"
#include "wire/frame.h"

namespace muster::gateway {
namespace {

namespace fs = std::filesystem;
using content::ContentId;
using ::testing::ElementsAre;

/// A server and the links of endpoints, around a relay whose loop really runs.
class ContentRelayTest : public ::testing::Test, public link::RegionServer, public ContentLinks {
 protected:
  ContentRelayTest() {
    auto relay = ContentRelay::open(loop_, *this, {.folder = folder_});
    EXPECT_TRUE(relay) << relay.error().message;
    relay_ = std::move(*relay);
  }
  ~ContentRelayTest() override {
    relay_.reset();
    fs::remove_all(folder_);
  }

  // link::RegionServer
  void link_up(wire::LinkUp) override {}
  void link_down(wire::LinkDown) override {}
  void reports(wire::Reports) override {}
  void upcall(wire::UpcallUp) override {}
  void notice(wire::Notice) override {}
  void content_request(wire::ContentRequestUp message) override {
    requests_.push_back(message.request());
    if (silent_) return;
    loop_.post([this, request = message.request()] { answer(request); });
  }

  // ContentLinks
  void pass_content(content::ClientId link, std::string_view frame) override {
    const auto split = wire::split_link_frame(frame);
    ASSERT_TRUE(split);
    wire::ContentData data;
    ASSERT_TRUE(wire::decode(split->body, data));
    if (!data.error_code().empty()) errors_[link] = data.error_code();
    got_[link] += data.data();
    loop_.post([this, link] { relay_->taken(link, 0); });
    if (got_[link].size() >= wanted_bytes_ || !data.error_code().empty())
      if (--open_ == 0) loop_.stop();
  }
  void end_stalled(content::ClientId) override {}

  void answer(const wire::ContentRequest& request) {
    wire::ContentData data;
    data.set_digest(request.digest());
    const auto found = objects_.find(*ContentId::from_bytes(request.digest()));
    if (found == objects_.end()) {
      data.set_error("there is none");
      data.set_error_code("not_found");
      return relay_->receive(data);
    }
    const std::uint64_t end =
        std::min<std::uint64_t>(found->second.size(), request.offset() + request.bytes_max());
    for (std::uint64_t at = request.offset(); at < end; at += data.data().size()) {
      data.set_offset(at);
      data.set_total_bytes(found->second.size());
      data.set_data(found->second.substr(at, std::min<std::uint64_t>(end - at, 65'536)));
      relay_->receive(data);
    }
  }

  void ask(content::ClientId link, const ContentId& id) {
    wire::ContentRequest request;
    request.set_digest(std::string(id.bytes()));
    relay_->request(link, request);
    ++open_;
  }
  void run() {
    loop_.context().restart();
    loop_.run();
  }

  const fs::path folder_ =
      fs::temp_directory_path() / ("muster-relay-" + core::to_base32(core::random_bytes(8)));
  runtime::Loop loop_;
  std::unique_ptr<ContentRelay> relay_;
  std::map<ContentId, std::string> objects_;
  std::vector<wire::ContentRequest> requests_;
  std::map<content::ClientId, std::string> got_;
  std::map<content::ClientId, std::string> errors_;
  std::size_t wanted_bytes_ = 0;
  int open_ = 0;
  bool silent_ = false;
};

TEST_F(ContentRelayTest, FetchesOnceAndRepeats) {
  const std::string bytes(300'000, 'x');
  const ContentId id = ContentId::of(bytes);
  objects_[id] = bytes;
  wanted_bytes_ = bytes.size();
  relay_->server_found(*this);
  for (content::ClientId link = 1; link <= 20; ++link) ask(link, id);
  run();
  for (content::ClientId link = 1; link <= 20; ++link) EXPECT_EQ(got_[link], bytes);
  EXPECT_EQ(relay_->stats().fetched.bytes, bytes.size());
  // From the cache, also without a server.
  relay_->server_lost();
  const std::size_t requests = requests_.size();
  ask(21, id);
  run();
  EXPECT_EQ(got_[21], bytes);
  EXPECT_EQ(requests_.size(), requests);
}

TEST_F(ContentRelayTest, WaitsForTheServerAndGoesOnWithTheNextConnection) {
  const std::string bytes(200'000, 'y');
  const ContentId id = ContentId::of(bytes);
  objects_[id] = bytes;
  wanted_bytes_ = bytes.size();
  ask(1, id);
  loop_.post([this] {
    silent_ = true;  // this connection will break
    relay_->server_found(*this);
    loop_.post([this] {
      relay_->server_lost();
      silent_ = false;
      relay_->server_found(*this);
    });
  });
  run();
  EXPECT_EQ(got_[1], bytes);
}

TEST_F(ContentRelayTest, AWipedCacheIsFilledAgain) {
  const std::string bytes(1'000, 'z');
  const ContentId id = ContentId::of(bytes);
  objects_[id] = bytes;
  wanted_bytes_ = bytes.size();
  relay_->server_found(*this);
  ask(1, id);
  run();
  fs::remove_all(folder_);
  wire::ContentRequest complaint;
  complaint.set_digest(std::string(id.bytes()));
  complaint.set_damaged(true);
  ++open_;
  relay_->request(2, complaint);
  run();
  EXPECT_EQ(got_[2], bytes);
  EXPECT_EQ(relay_->stats().fetched.completed, 2U);
}

TEST_F(ContentRelayTest, WhatTheServerDoesNotHaveIsNotFound) {
  wanted_bytes_ = 1;
  relay_->server_found(*this);
  ask(1, ContentId::of("nothing"));
  ask(2, ContentId::of("nothing"));
  run();
  EXPECT_EQ(errors_[1], "not_found");
  EXPECT_EQ(errors_[2], "not_found");
  EXPECT_EQ(requests_.size(), 1U);
}

}  // namespace
}  // namespace muster::gateway
