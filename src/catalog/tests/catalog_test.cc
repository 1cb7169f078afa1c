// SPDX-License-Identifier: Apache-2.0
#include "catalog/catalog.h"

#include <gtest/gtest.h>

#include "store/database.h"

namespace muster::catalog {
namespace {

using core::Code;

struct CatalogTest : ::testing::Test {
  std::unique_ptr<store::Database> database =
      *store::Database::open_temporary({catalog::migrations()});

  template <typename F>
  auto with(F work) {
    return database->write_blocking(std::move(work));
  }
  static Object object(std::string_view text) { return {core::ContentId::of(text), text.size()}; }
  static Published method(std::string name, std::string version, std::string_view content) {
    Published made;
    made.name = std::move(name);
    made.version = std::move(version);
    made.manifest = made.name + made.version + std::string(content);
    made.digest = core::ContentId::of(made.manifest);
    made.signature = "signature";
    made.key_id = std::string(32, 'k');
    made.published_by = "admin";
    return made;
  }
  core::Result<bool> publish(const std::string& name, const std::string& version,
                             std::string_view content = "a", bool current = false) {
    return with([&](store::Connection& connection) {
      return Catalog::publish(connection, method(name, version, content), {object(content)},
                              current);
    });
  }
  core::Result<Published> find(std::string_view name, std::string_view version = "") {
    return with(
        [&](store::Connection& connection) { return Catalog::find(connection, name, version); });
  }
  auto remove(std::string_view name, std::string_view version = "") {
    return with(
        [&](store::Connection& connection) { return Catalog::remove(connection, name, version); });
  }
};

TEST_F(CatalogTest, VersionsStandSideBySideWithOneCurrent) {
  EXPECT_EQ(publish("m::t", "1"), true);
  EXPECT_EQ(publish("m::t", "2"), true);
  EXPECT_EQ(find("m::t")->version, "1");  // the first one, until said otherwise
  EXPECT_EQ(publish("m::t", "3", "a", true), true);
  EXPECT_EQ(find("m::t")->version, "3");
  EXPECT_FALSE(find("m::t", "1")->current);
  EXPECT_EQ(find("m::t", "2")->manifest, "m::t2a");
  EXPECT_EQ(find("m::t", "4").error().code, Code::kNotFound);
  const auto digest = find("m::t", "2")->digest;
  EXPECT_EQ(with([&](store::Connection& c) { return Catalog::by_digest(c, digest); })->version,
            "2");
  EXPECT_TRUE(with([](store::Connection& c) { return Catalog::mark_current(c, "m::t", "2"); }));
  EXPECT_EQ(find("m::t")->version, "2");
  EXPECT_EQ(
      with([](store::Connection& c) { return Catalog::mark_current(c, "m::t", "9"); }).error().code,
      Code::kNotFound);
  EXPECT_EQ(find("m::t")->version, "2");
}

TEST_F(CatalogTest, ANameAndVersionNeverMeansTwoPackages) {
  EXPECT_EQ(publish("m::t", "1", "a"), true);
  EXPECT_EQ(publish("m::t", "1", "a"), false);
  EXPECT_EQ(publish("m::t", "1", "b").error().code, Code::kConflict);
  EXPECT_TRUE(remove("m::t"));
  EXPECT_EQ(publish("m::t", "1", "b").error().code, Code::kConflict);  // not even now
  EXPECT_EQ(publish("m::t", "1", "a"), true);
  EXPECT_TRUE(find("m::t")->current);
}

TEST_F(CatalogTest, ListsByNameInPages) {
  for (const char* name : {"c::t", "a::t", "b::t"}) EXPECT_TRUE(publish(name, "1"));
  EXPECT_TRUE(publish("b::t", "2"));
  Published hidden = method("d::t", "1", "x");
  hidden.is_private = true;
  EXPECT_TRUE(with([&](store::Connection& c) { return Catalog::publish(c, hidden, {}, false); }));
  const auto list = [&](std::size_t limit, std::string after, bool all) {
    return *with([&](store::Connection& c) { return Catalog::list(c, limit, after, all); });
  };
  const Page first = list(2, "", false);
  ASSERT_EQ(first.methods.size(), 2U);
  EXPECT_EQ(first.methods[1].current.name, "b::t");
  EXPECT_EQ(first.methods[1].versions, 2U);
  EXPECT_EQ(first.next, "b::t");
  const Page second = list(2, *first.next, false);
  ASSERT_EQ(second.methods.size(), 1U);
  EXPECT_FALSE(second.next);
  EXPECT_EQ(list(10, "", true).methods.size(), 4U);
}

TEST_F(CatalogTest, RemovingFreesWhatNothingElseNeeds) {
  EXPECT_TRUE(publish("m::t", "1", "shared"));
  EXPECT_TRUE(publish("m::t", "2", "own", true));
  EXPECT_TRUE(publish("n::t", "1", "shared"));
  EXPECT_EQ(remove("m::t", "2").error().code, Code::kConflict);  // it is current
  EXPECT_EQ(remove("m::t", "1")->size(), 0U);                    // n::t needs it
  const auto freed = remove("m::t", "2");                        // the last one may go
  ASSERT_TRUE(freed);
  ASSERT_EQ(freed->size(), 1U);
  EXPECT_EQ((*freed)[0], core::ContentId::of("own"));
  EXPECT_EQ(remove("m::t").error().code, Code::kNotFound);
  EXPECT_EQ(remove("n::t", "7").error().code, Code::kNotFound);
  EXPECT_EQ(remove("n::t")->size(), 1U);
}

TEST_F(CatalogTest, KeepsPublishingKeys) {
  const Key key{std::string(32, 'a'), "der", "laptop", core::wall_from_unix_ms(5), "admin"};
  EXPECT_TRUE(with([&](store::Connection& c) { return Catalog::add_key(c, key); }));
  EXPECT_EQ(with([&](store::Connection& c) { return Catalog::add_key(c, key); }).error().code,
            Code::kExists);
  const auto keys = with([](store::Connection& c) { return Catalog::keys(c); });
  ASSERT_EQ(keys->size(), 1U);
  EXPECT_EQ(keys->at(0).note, "laptop");
  EXPECT_TRUE(with([&](store::Connection& c) { return Catalog::remove_key(c, key.id); }));
  EXPECT_EQ(with([&](store::Connection& c) { return Catalog::remove_key(c, key.id); }).error().code,
            Code::kNotFound);
}

}  // namespace
}  // namespace muster::catalog
