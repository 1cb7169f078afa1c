// SPDX-License-Identifier: Apache-2.0
//
// What a certificate says about its holder, and whether the authority says so too.
#include "core/bytes.h"
#include "identity/authority.h"
#include "identity/certificate.h"
#include "identity/detail/openssl.h"

namespace muster::identity {
namespace {

using core::Code;
using StorePtr = std::unique_ptr<X509_STORE, detail::Freed<X509_STORE_free>>;
using ContextPtr = std::unique_ptr<X509_STORE_CTX, detail::Freed<X509_STORE_CTX_free>>;

constexpr std::string_view kScheme = "muster://";
constexpr std::size_t kUriBytesMax = 256;

std::unexpected<core::Error> refuse(std::string reason) {
  return core::fail(Code::kUnauthorized, "the certificate " + std::move(reason));
}

core::Result<std::string> muster_uri(const Certificate& certificate) {
  const detail::NamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate.native(), NID_subject_alt_name, nullptr, nullptr)));
  if (names == nullptr) return refuse("names nobody");
  std::string found;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* entry = sk_GENERAL_NAME_value(names.get(), i);
    if (entry->type != GEN_URI) continue;
    const ASN1_STRING* text = entry->d.uniformResourceIdentifier;
    const std::string_view uri(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                               static_cast<std::size_t>(ASN1_STRING_length(text)));
    if (!uri.starts_with(kScheme)) continue;
    if (!found.empty()) return refuse("has more than one muster:// name");
    if (uri.size() > kUriBytesMax) return refuse("has a name that is too long");
    found = uri;
  }
  if (found.empty()) return refuse("has no muster:// name; it is not of this system");
  return found;
}

// "<region>/<role>/<name>" into `peer`.
core::Status parse_name(std::string_view path, PeerIdentity& peer) {
  const auto first = path.find('/');
  const auto second = first == std::string_view::npos ? first : path.find('/', first + 1);
  if (second == std::string_view::npos) return refuse("has a malformed name");
  const auto region = core::EndpointId::parse(path.substr(0, first));
  if (!region || region->str() != path.substr(0, first)) {
    return refuse("has a malformed region in its name");
  }
  peer.region = region->str();
  auto role = parse_role(path.substr(first + 1, second - first - 1));
  if (!role) return refuse("has an unknown role in its name");
  peer.role = *role;
  peer.name = path.substr(second + 1);
  if (peer.role != Role::kEndpoint) {
    return is_valid_name(peer.name) ? core::Status() : refuse("has a malformed name");
  }
  peer.endpoint = core::EndpointId::of_public_key(peer.public_key_der);
  if (peer.endpoint.str() != peer.name) return refuse("claims an id that is not its key's");
  return {};
}

core::Status chain_failure(int reason, const Certificate& leaf, core::WallTime now) {
  const std::string here = "; here it is " + core::to_rfc3339(now) + ", is the clock right?";
  switch (reason) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return refuse("or its authority expired (the certificate: " +
                    core::to_rfc3339(leaf.not_after()) + ")" + here);
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return refuse("is not valid before " + core::to_rfc3339(leaf.not_before()) + here);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return refuse("is of another region's authority");
    default:
      return refuse(std::string("is refused: ") + X509_verify_cert_error_string(reason));
  }
}

}  // namespace

std::string_view name(Role role) {
  switch (role) {
    case Role::kEndpoint:
      return "endpoint";
    case Role::kGateway:
      return "gateway";
    case Role::kServer:
      return "server";
    case Role::kSigner:
      return "signer";
  }
  return "unknown";
}

core::Result<Role> parse_role(std::string_view word) {
  for (const Role role : {Role::kEndpoint, Role::kGateway, Role::kServer, Role::kSigner}) {
    if (word == name(role)) return role;
  }
  return core::fail(Code::kInvalid, "no such role: " + core::printable(word, 64) +
                                        " (endpoint, gateway, server or signer)");
}

core::Result<PeerIdentity> peer_identity(const Certificate& certificate) {
  PeerIdentity peer;
  peer.public_key_der = detail::p256_public_der(certificate.native());
  if (peer.public_key_der.empty()) return refuse("has a key that is not P-256");
  MUSTER_ASSIGN(const auto uri, muster_uri(certificate));
  MUSTER_TRY(parse_name(std::string_view(uri).substr(kScheme.size()), peer));
  peer.serial = certificate.serial();
  peer.not_before = certificate.not_before();
  peer.not_after = certificate.not_after();
  return peer;
}

core::Status verify_chain(const Certificate& leaf, const Certificate& ca, core::WallTime now) {
  const StorePtr store(X509_STORE_new());
  const ContextPtr context(X509_STORE_CTX_new());
  MUSTER_ASSERT(store != nullptr && context != nullptr);
  MUSTER_ASSERT(X509_STORE_add_cert(store.get(), ca.native()) == 1);
  MUSTER_ASSERT(X509_STORE_CTX_init(context.get(), store.get(), leaf.native(), nullptr) == 1);
  auto* params = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(params, static_cast<time_t>(core::unix_ms(now) / 1000));
  X509_VERIFY_PARAM_set_flags(params, X509_V_FLAG_X509_STRICT);
  X509_VERIFY_PARAM_set_depth(params, 1);
  if (X509_verify_cert(context.get()) != 1) {
    const int reason = X509_STORE_CTX_get_error(context.get());
    detail::last_error();
    return chain_failure(reason, leaf, now);
  }
  if (X509_check_ca(leaf.native()) != 0) return refuse("is an authority's, not a peer's");
  return {};
}

}  // namespace muster::identity
