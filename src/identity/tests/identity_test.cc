// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <filesystem>

#include "core/bytes.h"
#include "identity/authority.h"
#include "identity/join_token.h"
#include "identity/renewal.h"
#include "identity/request.h"

namespace muster::identity {
namespace {

using core::Code;
using testing::HasSubstr;
using namespace std::chrono_literals;

const core::WallTime kNow = core::wall_from_unix_ms(1'790'000'000'000);
constexpr core::Duration kYear = std::chrono::days(365);

LeafSpec endpoint_spec(const PrivateKey& key) {
  return {Role::kEndpoint, key.endpoint_id().str(), {}, {}, std::chrono::days(30)};
}

TEST(PrivateKey, SurvivesItsPem) {
  const auto key = PrivateKey::generate();
  auto again = PrivateKey::from_pem(key.pem());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->public_key_der(), key.public_key_der());
  EXPECT_EQ(again->endpoint_id(), key.endpoint_id());
}

TEST(PrivateKey, OtherKindsAndGarbageAreRefused) {
  for (const char* curve : {"P-384", "secp256k1"}) {
    EVP_PKEY* other = EVP_EC_gen(curve);
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PKCS8PrivateKey(bio, other, nullptr, nullptr, 0, nullptr, nullptr);
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio, &data);
    auto parsed = PrivateKey::from_pem({data, static_cast<std::size_t>(size)});
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, Code::kInvalid);
    BIO_free_all(bio);
    EVP_PKEY_free(other);
  }
  EXPECT_FALSE(PrivateKey::from_pem(""));
  EXPECT_FALSE(PrivateKey::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n"));
  EXPECT_FALSE(PrivateKey::from_pem(std::string(100'000, 'x')));
}

TEST(PrivateKey, AFileThatOthersCanReadIsRefused) {
  const std::filesystem::path file =
      testing::TempDir() + "/muster-key-" + std::to_string(::getpid());
  const auto key = PrivateKey::generate();
  ASSERT_TRUE(key.save(file));
  EXPECT_TRUE(PrivateKey::load(file));
  ::chmod(file.c_str(), 0640);
  auto loaded = PrivateKey::load(file);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Code::kDenied);
  EXPECT_THAT(loaded.error().message, HasSubstr("chmod 600"));
  std::filesystem::remove(file);
  EXPECT_EQ(PrivateKey::load(file).error().code, Code::kNotFound);
}

TEST(Request, CarriesTheKeyAndProvesIt) {
  const auto key = PrivateKey::generate();
  const auto pem = make_request(key);
  auto parsed = parse_request(pem);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->public_key_der, key.public_key_der());
  EXPECT_EQ(parsed->endpoint, key.endpoint_id());
}

TEST(Request, EveryChangedByteIsRefusedOrHarmless) {
  const auto key = PrivateKey::generate();
  const auto pem = make_request(key);
  for (std::size_t i = 0; i < pem.size(); ++i) {
    auto changed = pem;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    const auto parsed = parse_request(changed);
    if (parsed) EXPECT_EQ(parsed->public_key_der, key.public_key_der()) << i;
  }
  for (std::size_t size = 0; size < pem.size() / 2; ++size) {
    EXPECT_FALSE(parse_request(pem.substr(0, size)));
  }
  EXPECT_EQ(parse_request(std::string(kRequestBytesMax + 1, 'A')).error().code, Code::kLimit);
}

TEST(Request, AnRsaKeyIsRefused) {
  EVP_PKEY* key = EVP_RSA_gen(2048);
  X509_REQ* request = X509_REQ_new();
  X509_REQ_set_pubkey(request, key);
  X509_REQ_sign(request, key, EVP_sha256());
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509_REQ(bio, request);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  auto parsed = parse_request({data, static_cast<std::size_t>(size)});
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().message, HasSubstr("P-256"));
  BIO_free_all(bio);
  X509_REQ_free(request);
  EVP_PKEY_free(key);
}

TEST(Authority, IssuesWhatPeersVerify) {
  const auto authority = Authority::create(kNow, 10 * kYear);
  const auto key = PrivateKey::generate();
  auto leaf = authority.issue(key.public_key_der(), endpoint_spec(key), kNow);
  ASSERT_TRUE(leaf) << leaf.error().message;
  EXPECT_TRUE(verify_chain(*leaf, authority.certificate(), kNow))
      << verify_chain(*leaf, authority.certificate(), kNow).error().message;
  auto peer = peer_identity(*leaf);
  ASSERT_TRUE(peer) << peer.error().message;
  EXPECT_EQ(peer->role, Role::kEndpoint);
  EXPECT_EQ(peer->region, authority.region());
  EXPECT_EQ(peer->endpoint, key.endpoint_id());
  EXPECT_EQ(peer->name, key.endpoint_id().str());
  EXPECT_EQ(peer->serial.size(), 32u);
  EXPECT_EQ(peer->not_before, kNow - 5min);
  EXPECT_EQ(peer->not_after, kNow + std::chrono::days(30));
  EXPECT_TRUE(holds_key(*leaf, key.public_key_der()));
  EXPECT_FALSE(holds_key(*leaf, PrivateKey::generate().public_key_der()));
  EXPECT_EQ(region_of(authority.certificate()), authority.region());
}

TEST(Authority, ServersHaveNamesAndAddresses) {
  const auto authority = Authority::create(kNow, 10 * kYear);
  const auto key = PrivateKey::generate();
  LeafSpec spec{Role::kServer, "main", {"localhost", "host.example"}, {"127.0.0.1", "::1"}, kYear};
  auto leaf = authority.issue(key.public_key_der(), spec, kNow);
  ASSERT_TRUE(leaf) << leaf.error().message;
  EXPECT_EQ(X509_check_host(leaf->native(), "host.example", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_host(leaf->native(), "other.example", 0, 0, nullptr), 0);
  EXPECT_EQ(X509_check_ip_asc(leaf->native(), "::1", 0), 1);
  auto peer = peer_identity(*leaf);
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->role, Role::kServer);
  EXPECT_EQ(peer->name, "main");
}

TEST(Authority, RefusesWhatItMustNotSign) {
  const auto authority = Authority::create(kNow, 10 * kYear);
  const auto key = PrivateKey::generate();
  const auto der = key.public_key_der();
  EXPECT_FALSE(authority.issue(der, endpoint_spec(PrivateKey::generate()), kNow));
  EXPECT_FALSE(authority.issue("garbage", endpoint_spec(key), kNow));
  EXPECT_FALSE(authority.issue(der + "x", endpoint_spec(key), kNow));
  for (const char* bad : {"", "a/b", "../x", "A", "-a", "a b", "a\nb"}) {
    EXPECT_FALSE(authority.issue(der, {Role::kGateway, bad, {}, {}, kYear}, kNow)) << bad;
  }
  EXPECT_FALSE(authority.issue(der, {Role::kGateway, "g", {"a,URI:x"}, {}, kYear}, kNow));
  EXPECT_FALSE(authority.issue(der, {Role::kGateway, "g", {}, {"300.1.1.1"}, kYear}, kNow));
}

TEST(Authority, NothingOutlivesIt) {
  const auto authority = Authority::create(kNow, std::chrono::days(10));
  const auto key = PrivateKey::generate();
  auto leaf = authority.issue(key.public_key_der(), endpoint_spec(key), kNow);
  ASSERT_TRUE(leaf);
  EXPECT_EQ(leaf->not_after(), authority.certificate().not_after());
}

TEST(Authority, KeyAndCertificateMustBelongTogether) {
  const auto one = Authority::create(kNow, kYear);
  const auto two = Authority::create(kNow, kYear);
  EXPECT_TRUE(Authority::from(one.key(), one.certificate()));
  EXPECT_EQ(Authority::from(one.key(), two.certificate()).error().code, Code::kConflict);
  const auto key = PrivateKey::generate();
  auto leaf = one.issue(key.public_key_der(), endpoint_spec(key), kNow);
  EXPECT_EQ(Authority::from(key, *leaf).error().code, Code::kConflict);
}

TEST(Chain, ForeignExpiredEarlyAndAuthorityCertificatesAreRefused) {
  const auto authority = Authority::create(kNow, 10 * kYear);
  const auto foreign = Authority::create(kNow, 10 * kYear);
  const auto key = PrivateKey::generate();
  const auto leaf = *authority.issue(key.public_key_der(), endpoint_spec(key), kNow);
  const auto& ca = authority.certificate();
  const auto reason = [&](const Certificate& one, const Certificate& by, core::WallTime at) {
    auto status = verify_chain(one, by, at);
    if (status) return std::string("accepted");
    EXPECT_EQ(status.error().code, Code::kUnauthorized);
    return status.error().message;
  };
  EXPECT_THAT(reason(leaf, foreign.certificate(), kNow), HasSubstr("another region"));
  EXPECT_THAT(reason(leaf, ca, kNow + std::chrono::days(31)), HasSubstr("expired"));
  EXPECT_THAT(reason(leaf, ca, kNow - 10min), HasSubstr("clock"));
  EXPECT_NE(reason(ca, ca, kNow), "accepted");
  EXPECT_FALSE(peer_identity(ca));
}

TEST(Certificate, SurvivesBothForms) {
  const auto authority = Authority::create(kNow, kYear);
  const auto& one = authority.certificate();
  EXPECT_EQ(Certificate::from_pem(one.pem())->der(), one.der());
  EXPECT_EQ(Certificate::from_der(one.der())->fingerprint(), one.fingerprint());
  EXPECT_FALSE(Certificate::from_der(one.der() + "x"));
  EXPECT_FALSE(Certificate::from_der(""));
  EXPECT_FALSE(Certificate::from_pem("nonsense"));
}

TEST(Renewal, FallsIntoTheLastThird) {
  core::Random random(7);
  const auto end = kNow + std::chrono::days(30);
  for (int i = 0; i < 100; ++i) {
    const auto due = renewal_due(kNow, end, random);
    EXPECT_GE(due, kNow + std::chrono::days(20));
    EXPECT_LT(due, kNow + std::chrono::days(23));
  }
  EXPECT_EQ(renewal_due(kNow, kNow, random), kNow);
}

TEST(JoinToken, SurvivesItsText) {
  const auto token = JoinToken::make(core::sha256("ca"));
  auto parsed = JoinToken::parse("  " + token.str() + "\n");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->id, token.id);
  EXPECT_EQ(parsed->secret, token.secret);
  EXPECT_EQ(parsed->ca_fingerprint, core::sha256("ca"));
  auto brief = JoinToken::parse(token.short_form());
  ASSERT_TRUE(brief);
  EXPECT_EQ(brief->ca_fingerprint, "");
  EXPECT_EQ(brief->str(), token.short_form());
}

TEST(JoinToken, EachMistakeHasItsMessage) {
  const auto token = JoinToken::make(core::sha256("ca"));
  const auto reason = [](std::string_view text) {
    auto parsed = JoinToken::parse(text);
    return parsed ? std::string("accepted") : parsed.error().message;
  };
  EXPECT_THAT(reason("  "), HasSubstr("empty"));
  EXPECT_THAT(reason("mat1.abc.def"), HasSubstr("API token"));
  EXPECT_THAT(reason("mjt2.abc.def"), HasSubstr("version"));
  EXPECT_THAT(reason("hello"), HasSubstr("not a join token"));
  EXPECT_THAT(reason("mjt1." + token.id), HasSubstr("cut short"));
  EXPECT_THAT(reason(token.str().substr(0, 30)), HasSubstr("copied whole"));
  EXPECT_THAT(reason(token.str() + ".x"), HasSubstr("too many"));
  EXPECT_THAT(reason("mjt1." + token.id + ".u!" + std::string(30, '0')), HasSubstr("character"));
  EXPECT_THAT(reason(std::string(1000, 'x')), HasSubstr("too long"));
}

}  // namespace
}  // namespace muster::identity
