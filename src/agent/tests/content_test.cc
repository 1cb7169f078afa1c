// SPDX-License-Identifier: Apache-2.0
#include "agent/content.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/bytes.h"
#include "runtime/file.h"

namespace muster::agent {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using content::ContentId;

class ContentTest : public ::testing::Test {
 protected:
  ContentTest() {
    fs::create_directories(folder_);
    auto content = Content::open(loop_, {.folder = folder_});
    EXPECT_TRUE(content) << content.error().message;
    content_ = std::move(*content);
  }
  ~ContentTest() override {
    prepared_.clear();
    content_.reset();
    fs::remove_all(folder_);
  }

  NeededFile file(std::string path, const std::string& bytes, bool executable = false) {
    NeededFile needed;
    needed.path = std::move(path);
    needed.id = ContentId::of(bytes);
    needed.executable = executable;
    needed.size = bytes.size();
    objects_[needed.id] = bytes;
    return needed;
  }
  /// A gateway that has `objects_`.
  void connect() {
    content_->link_open([this](const wire::ContentRequest& request) {
      ++requests_;
      loop_.post([this, request] { answer(request); });
    });
  }
  void answer(const wire::ContentRequest& request) {
    wire::ContentData data;
    data.set_digest(request.digest());
    const auto found = objects_.find(*ContentId::from_bytes(request.digest()));
    if (found == objects_.end()) {
      data.set_error("there is none");
      return content_->receive(data);
    }
    const std::uint64_t end =
        std::min<std::uint64_t>(found->second.size(), request.offset() + request.bytes_max());
    for (std::uint64_t at = request.offset(); at < end; at += data.data().size()) {
      data.set_offset(at);
      data.set_total_bytes(found->second.size());
      data.set_data(found->second.substr(at, std::min<std::uint64_t>(end - at, 65'536)));
      content_->receive(data);
    }
  }
  Content::Ticket prepare(std::vector<NeededFile> files, core::Duration patience = 1h) {
    ++waiting_;
    return content_->prepare(std::move(files), false, patience,
                             [this](core::Result<content::RunFolder> folder) {
                               prepared_.push_back(std::move(folder));
                               if (--waiting_ == 0) loop_.stop();
                             });
  }
  void run() {
    loop_.context().restart();
    loop_.run();
  }

  const fs::path folder_ =
      fs::temp_directory_path() / ("muster-agent-" + core::to_base32(core::random_bytes(8)));
  runtime::Loop loop_;
  std::unique_ptr<Content> content_;
  std::map<ContentId, std::string> objects_;
  std::vector<core::Result<content::RunFolder>> prepared_;
  int waiting_ = 0;
  int requests_ = 0;
};

TEST_F(ContentTest, FetchesWhatIsMissingAndLaysItOut) {
  const std::string tool(200'000, 't');
  connect();
  prepare({file("bin/tool", tool, true), file("list", "words\n")});
  prepare({file("other/tool", tool)});
  run();
  ASSERT_EQ(prepared_.size(), 2U);
  ASSERT_TRUE(prepared_[0]) << prepared_[0].error().message;
  ASSERT_TRUE(prepared_[1]) << prepared_[1].error().message;
  const bool first = fs::exists(prepared_[0]->path() / "list");
  EXPECT_EQ(runtime::read_file(prepared_[first ? 0 : 1]->path() / "bin/tool").value(), tool);
  EXPECT_EQ(runtime::read_file(prepared_[first ? 1 : 0]->path() / "other/tool").value(), tool);
  EXPECT_EQ(requests_, 2);  // each object once
  connect();
  prepare({file("bin/tool", tool, true)});
  run();
  EXPECT_EQ(requests_, 2);  // now from the cache
}

TEST_F(ContentTest, DamagedObjectsAreFetchedAgain) {
  const NeededFile needed = file("tool", "right bytes");
  ASSERT_TRUE(content_->cache().put("right bytes"));
  const fs::path object = folder_ / "cache/objects" / needed.id.str();
  fs::permissions(object, fs::perms::owner_write, fs::perm_options::add);
  std::ofstream(object) << "wrong bytes";
  connect();
  prepare({needed});
  run();
  ASSERT_TRUE(prepared_.at(0)) << prepared_[0].error().message;
  EXPECT_EQ(runtime::read_file(prepared_[0]->path() / "tool").value(), "right bytes");
  EXPECT_EQ(requests_, 1);
}

TEST_F(ContentTest, AFolderLivesAsLongAsItsRun) {
  connect();
  prepare({file("tool", "bytes")});
  run();
  const fs::path path = prepared_.at(0)->path();
  EXPECT_TRUE(fs::exists(path / "tool"));
  prepared_.clear();
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(ContentTest, ErrorsSayWhatIsWrong) {
  connect();
  NeededFile missing = file("tool", "nobody has this");
  objects_.clear();
  prepare({missing});
  run();
  EXPECT_EQ(prepared_.at(0).error().code, core::Code::kNotFound);
  content_->link_over();
  prepare({missing}, 1ms);
  run();
  EXPECT_EQ(prepared_.at(1).error().code, core::Code::kTimeout);
  NeededFile outside = file("../tool", "bytes");
  connect();
  prepare({outside});
  run();
  EXPECT_EQ(prepared_.at(2).error().code, core::Code::kInvalid);
}

TEST_F(ContentTest, ACancelledPreparationIsForgotten) {
  const auto cancelled = prepare({file("tool", "bytes")});
  --waiting_;
  content_->cancel(cancelled);
  connect();
  prepare({file("other", "other bytes")});
  run();
  ASSERT_EQ(prepared_.size(), 1U);
  EXPECT_TRUE(fs::exists(prepared_[0]->path() / "other"));
  EXPECT_EQ(requests_, 1);
}

}  // namespace
}  // namespace muster::agent
