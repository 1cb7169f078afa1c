// SPDX-License-Identifier: Apache-2.0
//
// Says how fast rows go in; judges nothing, since machines differ.
#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>

#include "core/clock.h"
#include "store/database.h"

namespace muster::store {
namespace {

constexpr Migration kTables[] = {
    {1,
     "CREATE TABLE item(run INTEGER NOT NULL, target INTEGER NOT NULL, state INTEGER NOT NULL,"
     "code INTEGER, body BLOB, PRIMARY KEY(run, target)) WITHOUT ROWID;"}};

core::Status add(Connection& c, std::int64_t i) {
  MUSTER_TRY(c.execute("INSERT INTO item(run, target, state, code, body) VALUES(?, ?, ?, ?, ?)",
                       {1, i, 2, 0, Blob{"hello from a host\n"}}));
  return {};
}

double rate(std::int64_t pieces, std::int64_t rows_each) {
  std::string folder = testing::TempDir() + "/muster-rate-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return 0;
  double per_second = 0;
  {
    auto database = Database::open(
        {.path = std::filesystem::path(folder) / "rate.db", .migrations = {{"test", kTables}}});
    EXPECT_TRUE(database) << database.error().message;
    runtime::Loop loop;
    std::int64_t done = 0;
    const auto began = core::mono_now();
    for (std::int64_t i = 0; i < pieces; ++i) {
      (*database)->write_then(
          loop,
          [=](Connection& c) -> core::Status {
            for (std::int64_t r = 0; r < rows_each; ++r) MUSTER_TRY(add(c, i * rows_each + r));
            return {};
          },
          [&](core::Status status) { done += status ? rows_each : 0; });
    }
    loop.run_until_idle();
    const std::chrono::duration<double> took = core::mono_now() - began;
    EXPECT_EQ(done, pieces * rows_each);
    per_second = static_cast<double>(done) / took.count();
  }
  std::filesystem::remove_all(folder);
  return per_second;
}

TEST(Rate, RowsASecond) {
  for (const std::int64_t rows_each : {1, 10, 100}) {
    const double found = rate(100'000 / rows_each, rows_each);
    std::cout << "  " << rows_each << " rows a piece of work: " << static_cast<long>(found)
              << " durable rows/s\n";
  }
}

}  // namespace
}  // namespace muster::store
