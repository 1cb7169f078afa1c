// SPDX-License-Identifier: Apache-2.0
//
// For the tests of this module: a store in memory that can be damaged, a folder that
// goes away, bytes by number.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "content/ports.h"
#include "core/assert.h"
#include "core/bytes.h"
#include "core/clock.h"
#include "core/sha256.h"

namespace muster::content::testing {

using namespace std::chrono_literals;

inline core::MonoTime at(core::Duration since_start) {
  return core::MonoTime{} + 1h + since_start;
}

/// Bytes that differ from those of any other seed.
inline std::string bytes_of(std::size_t size, std::uint64_t seed) {
  core::Random random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.next());
  return bytes;
}

class TemporaryFolder {
 public:
  TemporaryFolder()
      : path_(std::filesystem::temp_directory_path() /
              ("muster-content-" + core::to_base32(core::random_bytes(8)))) {
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class MemoryObject final : public Object {
 public:
  MemoryObject(ContentId id, std::shared_ptr<std::string> bytes)
      : id_(id), size_(bytes->size()), bytes_(std::move(bytes)) {}
  const ContentId& id() const override { return id_; }
  std::uint64_t size() const override { return size_; }
  core::Result<std::string> read(std::uint64_t offset, std::size_t bytes) const override {
    MUSTER_ASSERT(offset <= size_ && bytes <= size_ - offset);
    if (offset + bytes > bytes_->size()) return core::fail(core::Code::kCorrupt, "shorter");
    return bytes_->substr(offset, bytes);
  }

 private:
  ContentId id_;
  std::uint64_t size_;
  std::shared_ptr<std::string> bytes_;  // shared with the store, as a file is with its folder
};

/// Keeps the Store's contract. `objects` may be changed at any time, as a disk may.
class MemoryStore final : public Store {
 public:
  std::map<ContentId, std::shared_ptr<std::string>> objects;
  std::optional<core::Error> refuse_begin;
  std::optional<core::Error> refuse_append;
  int begun = 0;
  int being_written = 0;

  ContentId add(std::string bytes) {
    const ContentId id = ContentId::of(bytes);
    objects[id] = std::make_shared<std::string>(std::move(bytes));
    return id;
  }

  core::Result<ObjectPtr> open(const ContentId& id) override {
    const auto found = objects.find(id);
    if (found != objects.end() && ContentId::of(*found->second) == id)
      return std::make_shared<MemoryObject>(id, found->second);
    objects.erase(id);
    return core::fail(core::Code::kNotFound, "not here");
  }

  core::Result<std::unique_ptr<Incoming>> begin(const ContentId& id, std::uint64_t total) override {
    if (refuse_begin) return std::unexpected(*refuse_begin);
    ++begun;
    return std::make_unique<Writing>(*this, id, total);
  }

 private:
  class Writing final : public Incoming {
   public:
    Writing(MemoryStore& store, ContentId id, std::uint64_t total)
        : store_(store), id_(id), total_(total) {
      ++store_.being_written;
    }
    ~Writing() override { --store_.being_written; }
    core::Status append(std::string_view bytes) override {
      if (store_.refuse_append) return std::unexpected(*store_.refuse_append);
      if (bytes_.size() + bytes.size() > total_) return core::fail(core::Code::kLimit, "longer");
      bytes_ += bytes;
      return {};
    }
    std::uint64_t size() const override { return bytes_.size(); }
    core::Result<ObjectPtr> finish() override {
      if (ContentId::of(bytes_) != id_) return core::fail(core::Code::kCorrupt, "wrong digest");
      store_.add(bytes_);
      return store_.open(id_);
    }

   private:
    MemoryStore& store_;
    ContentId id_;
    std::uint64_t total_;
    std::string bytes_;
  };
};

/// All of an object, for comparisons.
inline std::string all_of(const Object& object) {
  return object.read(0, object.size()).value_or("cannot be read");
}

}  // namespace muster::content::testing
