// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "access/audit.h"
#include "access/enrolment.h"
#include "access/tests/fixture.h"
#include "core/bytes.h"
#include "identity/request.h"
#include "runtime/file.h"

namespace muster::access {
namespace {

using core::Code;
using testing::HasSubstr;
using namespace std::chrono_literals;

class Region : public Fixture {
 protected:
  void SetUp() override {
    std::string made = testing::TempDir() + "/muster-region-XXXXXX";
    ASSERT_NE(::mkdtemp(made.data()), nullptr);
    folder = made;
    auto opened = RegionAuthority::open(folder, now);
    ASSERT_TRUE(opened) << opened.error().message;
    region = std::make_unique<RegionAuthority>(std::move(*opened));
    tokens = std::make_unique<JoinTokens>(*database,
                                          region->authority().certificate().fingerprint(), clock());
    enrolment = std::make_unique<Enrolment>(*database, *region, revocations, clock());
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  std::string token(NewJoinToken wanted = {}) {
    auto made = run(tokens->create(Principal::system(), std::move(wanted)));
    EXPECT_TRUE(made) << made.error().message;
    return made ? made->token : "";
  }
  core::Result<Enrolled> enrol(std::string text, const identity::PrivateKey& key,
                               Enrolment::Also also = {}) {
    EnrolRequest request{std::move(text), identity::make_request(key), "192.0.2.7", {}, {}, {}};
    return run(enrolment->enrol(std::move(request), std::move(also)));
  }
  std::string last_audit() {
    Audit audit(*database);
    auto page = run(audit.page(1, {}));
    return page && !page->entries.empty() ? page->entries[0].action + " " + page->entries[0].detail
                                          : "";
  }

  std::filesystem::path folder;
  std::unique_ptr<RegionAuthority> region;
  std::unique_ptr<JoinTokens> tokens;
  Revocations revocations{*database, clock()};
  std::unique_ptr<Enrolment> enrolment;
};

TEST_F(Region, TheAuthorityIsMadeOnceAndKept) {
  EXPECT_TRUE(region->made_now());
  auto again = RegionAuthority::open(folder, now);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->made_now());
  EXPECT_EQ(again->region(), region->region());
  struct stat status{};
  ::stat((folder / "ca.key").c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_THAT(RegionAuthority::open(folder, now + std::chrono::days(4000)).error().message,
              HasSubstr("expired"));
}

TEST_F(Region, ADamagedAuthorityStopsTheStart) {
  ::chmod((folder / "ca.key").c_str(), 0644);
  EXPECT_EQ(RegionAuthority::open(folder, now).error().code, Code::kDenied);
  ::chmod((folder / "ca.key").c_str(), 0600);
  ASSERT_TRUE(identity::PrivateKey::generate().save(folder / "ca.key"));
  EXPECT_EQ(RegionAuthority::open(folder, now).error().code, Code::kConflict);
  std::filesystem::remove(folder / "ca.key");
  auto incomplete = RegionAuthority::open(folder, now);
  EXPECT_EQ(incomplete.error().code, Code::kConflict);
  EXPECT_THAT(incomplete.error().message, HasSubstr("no ca.key"));
}

TEST_F(Region, TheServersCertificateIsKeptUntilItNoLongerFits) {
  auto first = region->server_credential("main", {"localhost"}, {"127.0.0.1"}, now);
  ASSERT_TRUE(first) << first.error().message;
  const auto serial = first->certificate.serial();
  EXPECT_EQ(region->server_credential("main", {"localhost"}, {}, now)->certificate.serial(),
            serial);
  EXPECT_NE(region->server_credential("main", {"localhost", "new.example"}, {}, now)
                ->certificate.serial(),
            serial);
  auto late = region->server_credential("main", {"localhost"}, {}, now + std::chrono::days(61));
  EXPECT_GT(late->certificate.not_after(), first->certificate.not_after());
  EXPECT_TRUE(region->gateway_credential("gw", {}, {}, now));
}

// As on a full disk, after the machine got an address: the server serves, and tries again next
// time.
TEST_F(Region, ACertificateThatCannotBeKeptServesAllTheSame) {
  std::filesystem::create_directory(folder / "server.key");
  EXPECT_TRUE(region->server_credential("main", {"localhost"}, {}, now));
  std::filesystem::create_directory(folder / "signer.key");
  EXPECT_FALSE(region->signer_credential(now));  // what it signs must be verified for long
}

TEST_F(Region, ATokenLetsInAsOftenAsItSays) {
  NewJoinToken wanted;
  wanted.uses = 2;
  wanted.labels = {{"site", "a"}};
  const auto text = token(wanted);
  const auto key = identity::PrivateKey::generate();
  auto enrolled = enrol(text, key);
  ASSERT_TRUE(enrolled) << enrolled.error().message;
  EXPECT_EQ(enrolled->endpoint, key.endpoint_id());
  EXPECT_EQ(enrolled->labels.at("site"), "a");
  EXPECT_TRUE(
      identity::verify_chain(enrolled->certificate, region->authority().certificate(), now));
  const auto brief = identity::JoinToken::parse(text)->short_form();
  EXPECT_TRUE(enrol(brief, identity::PrivateKey::generate()));
  auto used = enrol(text, key);
  ASSERT_FALSE(used);
  EXPECT_EQ(used.error().code, Code::kUnauthorized);
  EXPECT_THAT(last_audit(), HasSubstr("used_up"));
}

TEST_F(Region, BadTokensReadTheSameOutside) {
  const auto key = identity::PrivateKey::generate();
  const auto good = token();
  auto forged = *identity::JoinToken::parse(good);
  forged.secret = std::string(20, 's');
  auto wrong = enrol(forged.str(), key);
  EXPECT_THAT(last_audit(), HasSubstr("wrong_secret"));
  auto unknown = enrol(identity::JoinToken::make("").str(), key);
  EXPECT_THAT(last_audit(), HasSubstr("unknown"));
  now += 25h;
  auto expired = enrol(good, key);
  EXPECT_THAT(last_audit(), HasSubstr("expired"));
  ASSERT_FALSE(wrong || unknown || expired);
  EXPECT_EQ(wrong.error().message, unknown.error().message);
  EXPECT_EQ(wrong.error().message, expired.error().message);
  EXPECT_EQ(enrol("mat1.a.b", key).error().code, Code::kInvalid);
  EnrolRequest garbage{good, "garbage", "x", {}, {}, {}};
  EXPECT_EQ(run(enrolment->enrol(garbage)).error().code, Code::kInvalid);
}

TEST_F(Region, RefusalsDoNotFillTheLog) {
  const auto key = identity::PrivateKey::generate();
  for (int i = 0; i < 60; ++i) EXPECT_FALSE(enrol(identity::JoinToken::make("").str(), key));
  Audit audit(*database);
  EXPECT_LE(run(audit.verify())->entries, LoginLimit::kAddressFailuresMax);
}

TEST_F(Region, WhatFailsInTheSameTransactionTakesNoUse) {
  const auto text = token();
  const auto key = identity::PrivateKey::generate();
  auto failed = enrol(text, key, [](store::Connection&, const Enrolled&) -> core::Status {
    return core::fail(Code::kLimit, "too many hosts");
  });
  EXPECT_EQ(failed.error().code, Code::kLimit);
  EXPECT_TRUE(enrol(text, key));
}

TEST_F(Region, RevocationCountsAtOnceAndForGood) {
  NewJoinToken wanted;
  wanted.uses.reset();
  const auto text = token(wanted);
  const auto key = identity::PrivateKey::generate();
  auto peer = *identity::peer_identity(enrol(text, key)->certificate);
  std::vector<std::string> heard;
  revocations.on_revoked([&](const Revocation& one) { heard.push_back(one.subject); });
  const Principal viewer{"v", Role::kViewer, {}, ""};
  EXPECT_EQ(run(revocations.revoke_endpoint(viewer, peer.endpoint, "")).error().code,
            Code::kDenied);
  EXPECT_FALSE(revocations.revoked(peer));
  ASSERT_TRUE(run(revocations.revoke_endpoint(Principal::system(), peer.endpoint, "lost")));
  EXPECT_TRUE(revocations.revoked(peer));
  EXPECT_THAT(heard, testing::ElementsAre("endpoint:" + peer.name));
  EXPECT_EQ(run(revocations.revoke_endpoint(Principal::system(), peer.endpoint, "")).error().code,
            Code::kExists);
  EXPECT_EQ(enrol(text, key).error().code, Code::kDenied);
  EXPECT_EQ(run(enrolment->renew(peer, identity::make_request(key))).error().code, Code::kDenied);
  Revocations later(*database, clock());
  ASSERT_TRUE(later.load());
  EXPECT_TRUE(later.revoked(peer.endpoint));
  EXPECT_FALSE(run(later.revoke_serial(Principal::system(), "XYZ", "")));
  EXPECT_TRUE(run(later.revoke_serial(Principal::system(), "abc", "")));
}

TEST_F(Region, RenewalIsForTheSameKeyOnly) {
  const auto key = identity::PrivateKey::generate();
  auto peer = *identity::peer_identity(enrol(token(), key)->certificate);
  now += 48h;
  auto next = run(enrolment->renew(peer, identity::make_request(key)));
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_GT(next->not_after(), peer.not_after);
  EXPECT_EQ(identity::peer_identity(*next)->endpoint, peer.endpoint);
  const auto other = identity::PrivateKey::generate();
  EXPECT_EQ(run(enrolment->renew(peer, identity::make_request(other))).error().code, Code::kDenied);
}

// The server knows an endpoint on its link by its id alone, and so no agent could ever renew
// its certificate: the whole fleet would have been locked out three months later.
TEST_F(Region, AnEndpointKnownByItsIdRenews) {
  const auto key = identity::PrivateKey::generate();
  const auto enrolled = identity::peer_identity(enrol(token(), key)->certificate);
  identity::PeerIdentity peer;
  peer.region = enrolled->region;
  peer.name = enrolled->name;
  peer.endpoint = enrolled->endpoint;
  auto next = run(enrolment->renew(peer, identity::make_request(key)));
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ(identity::peer_identity(*next)->endpoint, peer.endpoint);
  // Which certificate it replaces is not known then; the entry had an empty serial.
  const auto entries = run(Audit(*database).page(1, std::nullopt)).value().entries;
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].action, "endpoint.renew");
  EXPECT_EQ(entries[0].detail, audit_detail({{"serial", next->serial()}}));
  const auto other = identity::PrivateKey::generate();
  EXPECT_EQ(run(enrolment->renew(peer, identity::make_request(other))).error().code, Code::kDenied);
}

TEST_F(Region, AGatewaysTokenMakesAGateway) {
  NewJoinToken wanted;
  wanted.role = identity::Role::kGateway;
  EnrolRequest request{token(wanted),
                       identity::make_request(identity::PrivateKey::generate()),
                       "x",
                       "gw-1",
                       {"gw.example"},
                       {"192.0.2.1"}};
  auto enrolled = run(enrolment->enrol(request));
  ASSERT_TRUE(enrolled) << enrolled.error().message;
  EXPECT_EQ(identity::peer_identity(enrolled->certificate)->role, identity::Role::kGateway);
  EXPECT_TRUE(identity::names_host(enrolled->certificate, "gw.example"));
}

TEST_F(Region, TokensOutOfBoundsAreRefused) {
  NewJoinToken bad;
  bad.uses = 0;
  EXPECT_EQ(run(tokens->create(Principal::system(), bad)).error().code, Code::kInvalid);
  bad = {};
  bad.labels = {{"", "x"}};
  EXPECT_EQ(run(tokens->create(Principal::system(), bad)).error().code, Code::kInvalid);
  bad = {};
  bad.lasts = -1s;
  EXPECT_EQ(run(tokens->create(Principal::system(), bad)).error().code, Code::kInvalid);
  EXPECT_EQ(run(tokens->create({"o", Role::kOperator, {}, ""}, {})).error().code, Code::kDenied);
  token();
  auto all = run(tokens->list());
  ASSERT_EQ(all->size(), 1u);
  EXPECT_TRUE(run(tokens->remove(Principal::system(), all->front().id)));
  EXPECT_EQ(run(tokens->remove(Principal::system(), "gone")).error().code, Code::kNotFound);
}

class AuditLog : public Fixture {
 protected:
  void fill(int count) {
    ASSERT_TRUE(database->write_blocking([&](store::Connection& c) -> core::Status {
      for (int i = 0; i < count; ++i) {
        MUSTER_TRY(Audit::append(c, now, AuditRecord{"ann", "run.start", std::to_string(i)}));
      }
      return {};
    }));
  }
  core::Status sql(std::string_view text) {
    return database->write_blocking([&](store::Connection& c) { return c.script(text); });
  }
  Audit audit{*database};
};

TEST_F(AuditLog, VerifiesAndPages) {
  auto none = run(audit.verify());
  EXPECT_TRUE(none->ok);
  EXPECT_EQ(none->entries, 0);
  fill(2500);
  auto check = run(audit.verify());
  ASSERT_TRUE(check);
  EXPECT_TRUE(check->ok);
  EXPECT_EQ(check->entries, 2500);
  auto page = run(audit.page(10, {}));
  EXPECT_EQ(page->entries.front().seq, 2500);
  EXPECT_EQ(page->entries.front().hash, check->head);
  EXPECT_EQ(page->next, 2491);
  EXPECT_EQ(run(audit.page(10, 3))->entries.size(), 2u);
  EXPECT_FALSE(run(audit.page(10, 3))->next);
}

TEST_F(AuditLog, CannotBeChangedByOurselves) {
  fill(3);
  EXPECT_THAT(sql("UPDATE access_audit SET actor = 'eve' WHERE seq = 2").error().message,
              HasSubstr("append-only"));
  EXPECT_THAT(sql("DELETE FROM access_audit WHERE seq = 2").error().message,
              HasSubstr("append-only"));
}

TEST_F(AuditLog, AForgedEntryIsFound) {
  fill(1200);
  ASSERT_TRUE(sql("DROP TRIGGER access_audit_no_update; DROP TRIGGER access_audit_no_delete;"));
  ASSERT_TRUE(sql("UPDATE access_audit SET actor = 'eve' WHERE seq = 1100"));
  auto check = run(audit.verify());
  EXPECT_FALSE(check->ok);
  EXPECT_EQ(check->broken_at, 1100);
  EXPECT_EQ(check->entries, 1099);
  ASSERT_TRUE(sql("DELETE FROM access_audit WHERE seq = 7"));
  EXPECT_EQ(run(audit.verify())->broken_at, 7);
}

TEST_F(AuditLog, HostileTextIsMadePrintable) {
  ASSERT_TRUE(database->write_blocking([&](store::Connection& c) -> core::Status {
    MUSTER_TRY(Audit::append(
        c, now, AuditRecord{"a\nb\xff", "x", std::string(9999, 'y'), std::string(99999, 'z')}));
    MUSTER_TRY(Audit::append(c, now, {"ann", Role::kAdmin, {}, "session:1"}, "y", "z",
                             audit_detail({{"k", "v\""}})));
    return {};
  }));
  auto page = run(audit.page(2, {}));
  EXPECT_EQ(page->entries[0].detail, R"({"via":"session:1","k":"v\""})");
  EXPECT_EQ(page->entries[1].actor, R"(a\x0ab\xff)");
  EXPECT_LE(page->entries[1].object.size(), 260u);  // 256 and the mark of a cut
  EXPECT_TRUE(run(audit.verify())->ok);
}

}  // namespace
}  // namespace muster::access
