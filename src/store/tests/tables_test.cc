// SPDX-License-Identifier: Apache-2.0
#include "store/tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/database.h"

namespace muster::store {
namespace {

using core::Code;
using testing::HasSubstr;

constexpr Migration kTables[] = {
    {1,
     "CREATE TABLE word(name TEXT NOT NULL PRIMARY KEY, weight REAL, body BLOB);"
     "CREATE TABLE pair(b BLOB NOT NULL, a INTEGER NOT NULL, of TEXT REFERENCES word(name), "
     "PRIMARY KEY(a, b)) WITHOUT ROWID;"},
    {2, "ALTER TABLE pair ADD COLUMN note TEXT NOT NULL DEFAULT '';"}};
const std::vector<MigrationSet> kSets = {{"test", kTables}};

std::unique_ptr<Database> temporary() {
  auto opened = Database::open_temporary(kSets);
  EXPECT_TRUE(opened) << opened.error().message;
  return std::move(*opened);
}

void fill(Database& database, std::int64_t rows) {
  auto filled = database.write_blocking([&](Connection& c) -> core::Status {
    for (std::int64_t i = 0; i < rows; ++i) {
      const std::string bytes("\0\xff", i % 2 == 0 ? 2 : 0);
      MUSTER_TRY(c.enqueue("INSERT INTO word(name, weight, body) VALUES(?, ?, ?)",
                           {"w" + std::to_string(i), 0.5, Blob{bytes}}));
      MUSTER_TRY(c.enqueue("INSERT INTO pair(a, b, of) VALUES(?, ?, ?)",
                           {i / 3, Blob{std::to_string(i)}, "w" + std::to_string(i)}));
    }
    return c.enqueue("INSERT INTO word(name) VALUES('größer')");
  });
  ASSERT_TRUE(filled) << filled.error().message;
}

core::Result<std::vector<TableSum>> copy(Database& from, Database& to,
                                         const TableProgress& progress = {}) {
  return to.write_blocking([&](Connection& writer) {
    return from.read_blocking([&](Connection& reader) -> core::Result<std::vector<TableSum>> {
      MUSTER_ASSIGN(const auto tables, tables_of(kSets));
      return copy_tables(reader, writer, tables, progress);
    });
  });
}

TEST(Tables, AreKnownByTheMigrations) {
  const auto tables = tables_of(kSets);
  ASSERT_TRUE(tables) << tables.error().message;
  ASSERT_EQ(tables->size(), 2u);
  EXPECT_EQ((*tables)[0].name, "word");
  EXPECT_EQ((*tables)[1].columns.size(), 4u);
  EXPECT_EQ((*tables)[1].key, (std::vector<std::size_t>{1, 0}));
}

TEST(Tables, EveryRowIsCopiedAndSummed) {
  auto from = temporary(), to = temporary();
  fill(*from, 1001);
  std::map<std::string, std::int64_t> told;
  const auto copied = copy(*from, *to, [&](const auto& table, auto rows) { told[table] = rows; });
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ((*copied)[0].rows, 1002);
  EXPECT_EQ(told["pair"], 1001);
  const auto tables = *tables_of(kSets);
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const auto sum =
        to->read_blocking([&](Connection& connection) { return sum_of(connection, tables[i]); });
    ASSERT_TRUE(sum);
    EXPECT_EQ(*sum, (*copied)[i]);
  }
}

TEST(Tables, OneChangedByteChangesTheSum) {
  auto database = temporary();
  fill(*database, 10);
  const auto table = tables_of(kSets)->front();
  const auto sum = [&] {
    return *database->read_blocking([&](Connection& c) { return sum_of(c, table); });
  };
  const auto before = sum();
  EXPECT_EQ(sum(), before);
  ASSERT_TRUE(database->write_blocking(
      [](Connection& c) { return c.execute("UPDATE word SET weight = NULL WHERE name = 'w3'"); }));
  EXPECT_NE(sum().digest, before.digest);
  EXPECT_EQ(sum().rows, before.rows);
}

TEST(Tables, WhatIsThereIsNotOverwritten) {
  auto from = temporary(), to = temporary();
  fill(*from, 5);
  fill(*to, 1);
  const auto copied = copy(*from, *to);
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code, Code::kConflict);
  EXPECT_THAT(copied.error().message, HasSubstr("choose an empty one"));
  EXPECT_EQ(
      *to->read_blocking([](Connection& c) { return c.integer("SELECT count(*) FROM word"); }), 2);
}

TEST(Tables, AnOlderDatabaseHasItsOwnTablesAndANewerIsRefused) {
  const auto older = up_to({{"test", 1}}, kSets);
  ASSERT_TRUE(older);
  EXPECT_EQ((*tables_of(*older))[1].columns.size(), 3u);
  EXPECT_EQ(up_to({{"test", 3}}, kSets).error().code, Code::kConflict);
  EXPECT_EQ(up_to({{"test", 2}, {"later", 1}}, kSets).error().code, Code::kConflict);
  auto database = temporary();
  EXPECT_EQ(database->read_blocking(versions_of)->at("test"), 2);
}

TEST(Tables, LookingNeedsAFile) {
  const auto looked = look({.path = "/nowhere/x.db"}, [](Connection&) { return core::Status(); });
  ASSERT_FALSE(looked);
  EXPECT_EQ(looked.error().code, Code::kNotFound);
}

}  // namespace
}  // namespace muster::store
