// SPDX-License-Identifier: Apache-2.0
#include "net/tls_context.h"

#include <vector>

#include "core/bytes.h"
#include "net/detail/openssl.h"

namespace muster::net {
namespace {

using core::Code;
using core::Result;
using core::Status;
using Context = std::shared_ptr<SSL_CTX>;

constexpr std::size_t kFingerprintBytes = 32;
constexpr std::size_t kCertificatesMax = 16;  // in one PEM text

Result<std::vector<detail::CertificateOwner>> parse_certificates(std::string_view pem,
                                                                 const char* what) {
  const detail::BioOwner bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<detail::CertificateOwner> certificates;
  while (auto* one = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(one);
    if (certificates.size() > kCertificatesMax)
      return core::fail(Code::kLimit, std::string(what) + " holds too many certificates");
  }
  if (certificates.empty())
    return detail::fail_openssl(Code::kInvalid, std::string(what) + " holds no PEM certificate");
  ERR_clear_error();  // the end of the text is an error to OpenSSL
  return certificates;
}

Result<Context> make_context(const SSL_METHOD* method) {
  Context context(SSL_CTX_new(method), SSL_CTX_free);
  if (!context) return detail::fail_openssl(Code::kInternal, "making a TLS context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_options(context.get(),
                      SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // One system call a record instead of two; the buffer is released when it is empty.
  SSL_CTX_set_read_ahead(context.get(), 1);
  return context;
}

Status use_identity(SSL_CTX* context, const TlsIdentity& identity) {
  auto chain = parse_certificates(identity.chain_pem, "the certificate chain");
  if (!chain) return std::unexpected(chain.error());
  const detail::BioOwner bio(
      BIO_new_mem_buf(identity.key_pem.data(), static_cast<int>(identity.key_pem.size())));
  // An empty password instead of a prompt: an encrypted key fails.
  const detail::KeyOwner key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, const_cast<char*>("")));
  if (!key) return detail::fail_openssl(Code::kInvalid, "reading the private key");
  if (SSL_CTX_use_certificate(context, chain->front().get()) != 1)
    return detail::fail_openssl(Code::kInvalid, "using the certificate");
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1)
    return detail::fail_openssl(Code::kInvalid, "the private key does not fit the certificate");
  for (std::size_t i = 1; i < chain->size(); ++i)
    if (SSL_CTX_add1_chain_cert(context, (*chain)[i].get()) != 1)
      return detail::fail_openssl(Code::kInvalid, "using the certificate chain");
  // What the chain is, is said above: nothing is looked up in the trust store.
  SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
  return {};
}

Status trust(SSL_CTX* context, std::string_view ca_pem, bool announce) {
  auto certificates = parse_certificates(ca_pem, "the CA file");
  if (!certificates) return std::unexpected(certificates.error());
  for (const auto& certificate : *certificates) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get()) != 1)
      return detail::fail_openssl(Code::kInvalid, "using the CA certificate");
    if (announce) SSL_CTX_add_client_CA(context, certificate.get());
  }
  return {};
}

// Another region's certificate is judged with the request that it came with.
int accept_any(int, X509_STORE_CTX*) {
  return 1;
}

// Chooses the protocol, and with it whether a certificate is demanded: one place, so
// that the two cannot disagree. OpenSSL calls it before it writes its answer.
int choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  for (const std::string_view protocol : {kAlpnLink, kAlpnServer, kAlpnPeer, kAlpnHttp}) {
    for (unsigned int at = 0; at < offered_size; at += 1U + offered[at]) {
      const unsigned int size = offered[at];
      if (at + 1 + size > offered_size) return SSL_TLSEXT_ERR_ALERT_FATAL;
      if (std::string_view(reinterpret_cast<const char*>(offered) + at + 1, size) != protocol)
        continue;
      *out = offered + at + 1;
      *out_size = static_cast<unsigned char>(size);
      if (protocol != kAlpnHttp) {
        SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       protocol == kAlpnPeer ? accept_any : nullptr);
        // Who has a certificate of the region knows its CA: spared, it is not parsed there.
        SSL_clear_chain_certs(ssl);
      }
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

Result<Context> make_server_context(const TlsIdentity& identity, std::string_view ca_pem,
                                    HttpClients http) {
  auto context = make_context(TLS_server_method());
  if (!context) return context;
  MUSTER_TRY(use_identity(context->get(), identity));
  MUSTER_TRY(trust(context->get(), ca_pem, true));
  SSL_CTX_set_verify(context->get(),
                     http == HttpClients::kAnonymous ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_alpn_select_cb(context->get(), choose_protocol, nullptr);
  return context;
}

// Trusts the one presented certificate with the expected fingerprint, then verifies.
int verify_pinned(X509_STORE_CTX* verification, void* fingerprint) {
  const auto& expected = *static_cast<const std::string*>(fingerprint);
  STACK_OF(X509)* presented = X509_STORE_CTX_get0_untrusted(verification);
  for (int i = 0; i < sk_X509_num(presented); ++i) {
    X509* candidate = sk_X509_value(presented, i);
    if (core::sha256(detail::to_der(candidate)) != expected) continue;
    if (X509_self_signed(candidate, 1) != 1) continue;
    STACK_OF(X509)* trusted = sk_X509_new_null();
    if (trusted == nullptr || sk_X509_push(trusted, candidate) == 0) return 0;
    X509_STORE_CTX_set0_trusted_stack(verification, trusted);
    const int verified = X509_verify_cert(verification);
    X509_STORE_CTX_set0_trusted_stack(verification, nullptr);
    sk_X509_free(trusted);
    return verified > 0 ? 1 : 0;
  }
  X509_STORE_CTX_set_error(verification, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

}  // namespace

Result<std::shared_ptr<TlsServerContext>> TlsServerContext::make(const TlsIdentity& identity,
                                                                 std::string ca_pem,
                                                                 HttpClients http) {
  std::shared_ptr<TlsServerContext> made(new TlsServerContext(std::move(ca_pem), http));
  MUSTER_TRY(made->replace_identity(identity));
  return made;
}

Status TlsServerContext::replace_identity(const TlsIdentity& identity) {
  MUSTER_ASSIGN(auto context, make_server_context(identity, ca_pem_, http_));
  const std::lock_guard lock(mutex_);
  current_ = std::move(context);
  return {};
}

std::shared_ptr<ssl_ctx_st> TlsServerContext::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

Result<std::shared_ptr<const TlsClientContext>> TlsClientContext::make(TlsClientOptions options) {
  if (!options.ca_pem.empty() + !options.ca_fingerprint.empty() + (options.trust_of != nullptr) !=
      1)
    return core::fail(Code::kInvalid, "a TLS client needs a CA or a fingerprint of one, not both");
  if (options.trust_of && options.trust_of->options_.ca_pem.empty())
    return core::fail(Code::kInvalid, "trust by fingerprint cannot be shared");
  if (!options.ca_fingerprint.empty() && options.ca_fingerprint.size() != kFingerprintBytes)
    return core::fail(Code::kInvalid, "the fingerprint of a CA has 32 bytes");
  if (options.alpn.empty() || options.alpn.size() > 255)
    return core::fail(Code::kInvalid, "a TLS client names its protocol in 1 to 255 bytes");
  MUSTER_ASSIGN(auto context, make_context(TLS_client_method()));
  if (options.identity) MUSTER_TRY(use_identity(context.get(), *options.identity));
  if (!options.ca_pem.empty()) MUSTER_TRY(trust(context.get(), options.ca_pem, false));
  if (options.trust_of)
    SSL_CTX_set1_cert_store(context.get(),
                            SSL_CTX_get_cert_store(options.trust_of->context().get()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  const std::string protocols = static_cast<char>(options.alpn.size()) + options.alpn;
  if (SSL_CTX_set_alpn_protos(context.get(),
                              reinterpret_cast<const unsigned char*>(protocols.data()),
                              static_cast<unsigned int>(protocols.size())) != 0)
    return detail::fail_openssl(Code::kInternal, "naming the protocol");
  std::shared_ptr<TlsClientContext> made(new TlsClientContext(std::move(options)));
  if (!made->options_.ca_fingerprint.empty())
    SSL_CTX_set_cert_verify_callback(context.get(), verify_pinned,
                                     const_cast<std::string*>(&made->options_.ca_fingerprint));
  made->context_ = std::move(context);
  return made;
}

Status TlsClientContext::check_peer(std::string_view leaf_der) const {
  if (!options_.check_peer) return {};
  return options_.check_peer(leaf_der);
}

}  // namespace muster::net
