// SPDX-License-Identifier: Apache-2.0
//
// ServersConnection: the statements behind store::Servers, on a connection of their own.
#pragma once

#include <string>
#include <vector>

#include "store/detail/postgres_connection.h"
#include "store/servers.h"

namespace muster::store::detail {

class ServersConnection final : public PostgresConnection {
 public:
  ServersConnection(std::string url, std::string schema, std::string instance)
      : url_(std::move(url)), schema_(std::move(schema)), instance_(std::move(instance)) {}

  /// Connects anew and makes sure that the tables are there.
  core::Status open();
  /// Our row, in place of one of the same name that nobody keeps any more. kConflict where it is
  /// kept.
  core::Status enter(const ServerSelf& self);
  /// Our number grows. False: the row is another process's.
  core::Result<bool> beat(const ServerSelf& self);
  core::Result<LeaseRow> lease();
  /// One more renewal; false: it is not ours.
  core::Result<bool> renew(std::int64_t term);
  /// The next term, if the row is still `seen`; 0: it is not.
  core::Result<std::int64_t> take(const LeaseRow& seen, const std::string& name);
  core::Status give_up(std::int64_t term);
  core::Status leave(const std::string& name);

  core::Status say(const std::string& word);
  core::Result<std::pair<std::string, std::int64_t>> hear();

  struct Kept {
    ServerRow row;
    std::string instance;
    std::int64_t beats = 0;
  };
  core::Result<std::vector<Kept>> servers();
  core::Status remove(const std::string& name, const std::string& instance);

  // Session: nothing of this connection is a group of work.
  core::Status begin(std::size_t) override { return {}; }
  core::Status begin_piece() override { return {}; }
  core::Status end_piece(bool) override { return {}; }
  core::Status commit() override { return {}; }
  void roll_back() override {}
  bool in_transaction() const override { return false; }

 private:
  core::Result<bool> connected(const std::string& instance);

  const std::string url_, schema_, instance_;
};

}  // namespace muster::store::detail
