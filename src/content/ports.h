// SPDX-License-Identifier: Apache-2.0
//
// What the two state machines need of whoever keeps the bytes. `Cache` is the real one;
// a simulated endpoint has one that hashes and forgets.
//
// Contract, for every implementation: an Object was verified against its id when it was
// opened or finished, and stays readable while it is held, whatever becomes of the place
// that it came from. What happens to the bytes on the disk in between cannot be seen
// here: whoever hands them on has them checked at the end (a client by its own digest,
// lay_out() while it copies).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "core/ids.h"
#include "core/result.h"

namespace muster::content {

using core::ContentId;

/// A whole object, held: never evicted while this lives.
class Object {
 public:
  virtual ~Object() = default;
  virtual const ContentId& id() const = 0;
  virtual std::uint64_t size() const = 0;
  /// Exactly the bytes [offset, offset + bytes), which lie within the object; kCorrupt
  /// where the file has become shorter.
  virtual core::Result<std::string> read(std::uint64_t offset, std::size_t bytes) const = 0;
  /// Makes `path` another name of its file. An error where that cannot be.
  virtual core::Status link(const std::filesystem::path& path) const {
    return core::fail(core::Code::kUnavailable, path.string() + ": the object is no file");
  }
};
using ObjectPtr = std::shared_ptr<const Object>;

/// An object on its way in. Destroyed before finish(): nothing of it is left.
class Incoming {
 public:
  virtual ~Incoming() = default;
  /// The next bytes. kUnavailable: the disk is full; kLimit: more than was announced.
  virtual core::Status append(std::string_view bytes) = 0;
  virtual std::uint64_t size() const = 0;
  /// Complete: verified and kept. kCorrupt: it is not what its name says, nothing is kept.
  /// Called once, last.
  virtual core::Result<ObjectPtr> finish() = 0;
};

class Store {
 public:
  virtual ~Store() = default;
  /// The object, verified now. kNotFound: it is not here, or what was here was damaged
  /// and has been removed.
  virtual core::Result<ObjectPtr> open(const ContentId& id) = 0;
  /// Room for an object of `total` bytes. kLimit: not now; kInvalid: never;
  /// kUnavailable: disk full.
  virtual core::Result<std::unique_ptr<Incoming>> begin(const ContentId& id,
                                                        std::uint64_t total) = 0;
};

}  // namespace muster::content
