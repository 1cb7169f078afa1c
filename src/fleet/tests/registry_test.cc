// SPDX-License-Identifier: Apache-2.0
#include "fleet/registry.h"

#include <gtest/gtest.h>

#include "store/database.h"

namespace muster::fleet {
namespace {

using namespace std::chrono_literals;

const core::WallTime kNow = core::wall_from_unix_ms(1'800'000'000'000);

core::EndpointId id_of(int number) {
  return core::EndpointId::of_public_key("key " + std::to_string(number));
}

wire::Hello hello_of(const std::string& hostname,
                     const std::string& instance = "instance-aaaaaaa") {
  wire::Hello hello;
  hello.set_instance(instance);
  hello.mutable_facts()->set_hostname(hostname);
  hello.mutable_facts()->set_os("linux");
  hello.set_wall_clock_unix_ms(core::unix_ms(kNow));
  return hello;
}

LinkUpOutcome up(Registry& registry, int number, std::uint64_t link, const wire::Hello& hello) {
  auto outcome =
      registry.link_up(id_of(number), {"gw", link, "192.0.2.1", hello.instance()}, hello, kNow);
  EXPECT_TRUE(outcome);
  return outcome.value_or(LinkUpOutcome());
}

TEST(Registry, LinksComeAndGo) {
  Registry registry;
  ASSERT_TRUE(registry.add(id_of(1), {{"site", "a"}}, kNow));
  EXPECT_EQ(registry.link_up(id_of(2), {}, {}, kNow).error().code, core::Code::kNotFound);
  EXPECT_FALSE(up(registry, 1, 7, hello_of("web1")).replaced);
  EXPECT_EQ(registry.online(), 1u);
  EXPECT_EQ(registry.find(id_of(1))->name, "web1");
  const auto outcome = up(registry, 1, 8, hello_of("web1"));
  EXPECT_TRUE(outcome.replaced);
  EXPECT_EQ(outcome.previous.link, 7u);
  EXPECT_FALSE(registry.link_down(id_of(1), "gw", 7, kNow));
  EXPECT_TRUE(registry.link_down(id_of(1), "gw", 8, kNow + 1min));
  EXPECT_EQ(registry.online(), 0u);
  EXPECT_EQ(registry.find(id_of(1))->last_contact, kNow + 1min);
  EXPECT_TRUE(registry.gateways().empty());
  ASSERT_TRUE(registry.revoke(id_of(1)));
  EXPECT_EQ(registry.link_up(id_of(1), {}, {}, kNow).error().code, core::Code::kDenied);
}

TEST(RegistryStore, HeldHostIsStoredAndApproved) {
  const auto database = store::Database::open_temporary({registry_migrations()});
  ASSERT_TRUE(database);
  const auto write = [&](auto change) { return (*database)->write_blocking(change); };
  ASSERT_TRUE(write([](store::Connection& connection) {
    return RegistryStore::insert(connection, id_of(1), {}, kNow, EndpointState::kHeld);
  }));
  ASSERT_TRUE(write([](store::Connection& connection) {
    return RegistryStore::insert(connection, id_of(1), {}, kNow);
  }));
  EXPECT_EQ((*database)->read_blocking(RegistryStore::load)->at(0).state, EndpointState::kHeld);
  const auto approve = [](store::Connection& connection) {
    return RegistryStore::approve(connection, id_of(1));
  };
  ASSERT_TRUE(write(approve));
  EXPECT_EQ(write(approve).error().code, core::Code::kConflict);
  EXPECT_EQ((*database)->read_blocking(RegistryStore::load)->at(0).state, EndpointState::kActive);
}

TEST(Registry, HeldHostIsApprovedOnce) {
  Registry registry;
  ASSERT_TRUE(registry.add(id_of(1), {}, kNow, EndpointState::kHeld));
  ASSERT_TRUE(registry.add(id_of(1), {{"a", "b"}}, kNow));  // it enrols once more
  EXPECT_EQ(registry.find(id_of(1))->state, EndpointState::kHeld);
  const auto held = Selector::parse("state=held");
  ASSERT_TRUE(held);
  EXPECT_EQ(registry.select(&*held, nullptr, kNow).size(), 1U);
  ASSERT_TRUE(registry.approve(id_of(1)));
  EXPECT_EQ(registry.approve(id_of(1)).error().code, core::Code::kConflict);
  EXPECT_EQ(registry.approve(id_of(2)).error().code, core::Code::kNotFound);
  EXPECT_TRUE(registry.select(&*held, nullptr, kNow).empty());
}

TEST(Registry, FactsAreHeardBeforeTheLink) {
  Registry registry;
  ASSERT_TRUE(registry.add(id_of(1), {}, kNow));
  ASSERT_TRUE(registry.hear(id_of(1), "10.1.2.3", hello_of("web1").facts()));
  EXPECT_EQ(registry.find(id_of(1))->name, "web1");
  EXPECT_EQ(registry.find(id_of(1))->address, "10.1.2.3");
  EXPECT_FALSE(registry.find(id_of(1))->online());
  EXPECT_EQ(registry.hear(id_of(2), "", {}).error().code, core::Code::kNotFound);
  ASSERT_TRUE(registry.revoke(id_of(1)));
  EXPECT_EQ(registry.hear(id_of(1), "", {}).error().code, core::Code::kDenied);
}

TEST(Registry, WarnsOfOneKeyInTwoPlacesAndOfClocks) {
  Registry registry;
  ASSERT_TRUE(registry.add(id_of(1), {}, kNow));
  EXPECT_FALSE(up(registry, 1, 1, hello_of("a", "instance A")).duplicate_key);
  EXPECT_FALSE(up(registry, 1, 2, hello_of("a", "instance B")).duplicate_key);
  EXPECT_TRUE(up(registry, 1, 3, hello_of("a", "instance A")).duplicate_key);
  EXPECT_NE(registry.find(id_of(1))->warning, "");
  registry.set_warning(id_of(1), "");
  auto hello = hello_of("a", "instance A");
  hello.set_wall_clock_unix_ms(core::unix_ms(kNow + 1h));
  up(registry, 1, 4, hello);
  EXPECT_EQ(registry.find(id_of(1))->warning,
            "its clock is 1h ahead: check its time synchronisation");
  up(registry, 1, 5, hello_of("a", "instance A"));
  EXPECT_EQ(registry.find(id_of(1))->warning, "");
}

TEST(Registry, HostileFactsAreMadeSafe) {
  Registry registry;
  ASSERT_TRUE(registry.add(id_of(1), {}, kNow));
  auto hello = hello_of("../../etc/<script>\n");
  hello.mutable_facts()->set_kernel("\x1b[31m" + std::string(10'000, 'x'));
  hello.set_wall_clock_unix_ms(std::numeric_limits<std::int64_t>::max());
  for (int i = 0; i < 1000; ++i) hello.mutable_facts()->add_features("f" + std::to_string(i));
  up(registry, 1, 1, hello);
  const Endpoint* endpoint = registry.find(id_of(1));
  EXPECT_EQ(endpoint->name, "..-..-etc--script--");
  EXPECT_LE(endpoint->platform->kernel.size(), 300u);
  EXPECT_EQ(endpoint->platform->kernel.find('\x1b'), std::string::npos);
  EXPECT_LE(endpoint->platform->features.size(), 64u);
}

TEST(Registry, PagesInOrderWhateverChangesInBetween) {
  Registry registry;
  for (int i = 0; i < 57; ++i) {
    ASSERT_TRUE(registry.add(id_of(i), {{"odd", i % 2 ? "yes" : "no"}}, kNow));
    up(registry, i, 1, hello_of("web" + std::to_string(i)));
  }
  for (const bool descending : {false, true}) {
    std::vector<std::string> names;
    PageRequest request;
    request.limit = 10;
    request.descending = descending;
    do {
      const auto page = registry.page(request, kNow).value();
      EXPECT_EQ(page.total, 57u);
      for (const auto* endpoint : page.endpoints) names.push_back(endpoint->name);
      request.after = page.next;
    } while (!request.after.empty());
    ASSERT_EQ(names.size(), 57u);
    EXPECT_EQ(names[descending ? 54 : 2], "web2");
    EXPECT_EQ(names[descending ? 46 : 10], "web10");
  }
  PageRequest request;
  request.after = "nonsense!";
  EXPECT_FALSE(registry.page(request, kNow));
  const auto odd = Selector::parse("odd=yes").value();
  EXPECT_EQ(registry.select(&odd, nullptr, kNow).size(), 28u);
  EXPECT_EQ(registry.find_named("WEB3").value()->name, "web3");
  EXPECT_EQ(registry.find_named(id_of(3).str().substr(0, 10)).value()->name, "web3");
  EXPECT_EQ(registry.find_named("web99").error().code, core::Code::kNotFound);
}

TEST(Registry, LabelsOfManyChangeTogetherOrNotAtAll) {
  Registry registry;
  std::vector<core::EndpointId> ids;
  for (int i = 1; i <= 3; ++i) {
    ids.push_back(id_of(i));
    ASSERT_TRUE(registry.add(ids.back(), {{"site", i == 1 ? "b" : "a"}}, kNow));
  }
  const std::string drained[] = {"drained"};
  EXPECT_EQ(registry.change_labels(ids, {{"site", "b"}}, drained), 2u);  // one has it already
  for (const auto& id : ids) EXPECT_EQ(registry.find(id)->labels, (Labels{{"site", "b"}}));
  Labels many;
  for (int i = 0; i < 63; ++i) many.push_back({"key" + std::to_string(i), "x"});
  const core::EndpointId last[] = {id_of(3)};
  ASSERT_TRUE(registry.change_labels(last, {{"extra", "x"}}, {}));
  const auto refused = registry.change_labels(ids, many, {});  // too many for the last alone
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, core::Code::kLimit);
  EXPECT_EQ(registry.find(ids[0])->labels.size(), 1u);
  ids.push_back(id_of(9));
  EXPECT_EQ(registry.change_labels(ids, {{"site", "c"}}, {}).error().code, core::Code::kNotFound);
  EXPECT_EQ(registry.find(ids[0])->labels, (Labels{{"site", "b"}}));
}

TEST(Registry, SurvivesARestart) {
  auto database = store::Database::open_temporary({registry_migrations()}).value();
  Registry registry;
  ASSERT_TRUE(database->write_blocking([&](store::Connection& connection) {
    return RegistryStore::insert(connection, id_of(1), {{"site", "a"}}, kNow);
  }));
  ASSERT_TRUE(registry.add(id_of(1), {{"site", "a"}}, kNow));
  up(registry, 1, 1, hello_of("web1"));
  const core::EndpointId one[] = {id_of(1)};
  EXPECT_EQ(registry.change_labels(one, {{"role", "x = y"}}, {}), 1u);
  EXPECT_FALSE(registry.change_labels(one, {{"0", "bad"}}, {}));
  const auto rows = registry.take_unsaved(100, kNow);
  EXPECT_EQ(rows.size(), 1u);
  ASSERT_TRUE(database->write_blocking(
      [&](store::Connection& connection) { return RegistryStore::save(connection, rows); }));
  EXPECT_TRUE(registry.take_unsaved(100, kNow).empty());
  EXPECT_EQ(registry.take_changed(10).size(), 1u);

  Registry again;
  again.load(database->read_blocking(RegistryStore::load).value());
  const Endpoint* endpoint = again.find(id_of(1));
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->name, "web1");
  EXPECT_EQ(endpoint->labels, (Labels{{"role", "x = y"}, {"site", "a"}}));
  EXPECT_EQ(endpoint->last_contact, kNow);
  EXPECT_EQ(endpoint->platform->os, "linux");
  EXPECT_FALSE(endpoint->online());

  ASSERT_TRUE(database->write_blocking(
      [&](store::Connection& connection) { return RegistryStore::revoke(connection, id_of(1)); }));
  EXPECT_EQ(database
                ->write_blocking([&](store::Connection& connection) {
                  return RegistryStore::insert(connection, id_of(1), {}, kNow);
                })
                .error()
                .code,
            core::Code::kDenied);
}

}  // namespace
}  // namespace muster::fleet
