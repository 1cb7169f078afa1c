// SPDX-License-Identifier: Apache-2.0
//
// Session: a connection as the engine drives it, and Backend: the database it leads to.
//
// One session writes, the others read. A transaction holds many pieces of work, each of
// which may fail alone. Sessions of a file are never lost; those of a server may be, and
// are then restored by the thread that uses them.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "core/result.h"
#include "store/connection.h"
#include "store/migration.h"

namespace muster::store::detail {

class Session : public Connection {
 public:
  /// A transaction of `pieces` pieces of work: of changes, or one snapshot of a reader.
  virtual core::Status begin(std::size_t pieces) = 0;
  virtual core::Status begin_piece() = 0;
  /// Keeps or undoes what the piece did. An error (also of what was only enqueued) undoes it.
  virtual core::Status end_piece(bool keep) = 0;
  virtual core::Status commit() = 0;
  virtual void roll_back() = 0;
  /// False once a transaction ended, also when the database rolled it back by itself.
  virtual bool in_transaction() const = 0;

  /// The connection is gone, and with it the transaction: restore() before anything else.
  virtual bool lost() { return false; }
  /// Tries once to connect again, a few seconds at most. kConflict: another server has taken
  /// the database over; that does not pass.
  virtual core::Status restore() { return {}; }
  /// After restore(): whether the commit() that the loss interrupted had come through.
  virtual core::Result<bool> committed() { return false; }
};

class Backend {
 public:
  virtual ~Backend() = default;
  /// The only writer, with the database to itself and its tables up to date.
  virtual core::Result<std::unique_ptr<Session>> open_writer(
      std::span<const MigrationSet> migrations) = 0;
  virtual core::Result<std::unique_ptr<Session>> open_reader() = 0;
};

}  // namespace muster::store::detail
