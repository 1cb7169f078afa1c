// SPDX-License-Identifier: Apache-2.0
#include "net/detail/openssl.h"

#include <cstring>

namespace muster::net::detail {
namespace {

using core::Code;
using core::Error;

// What our side found wrong with the certificate of the other.
Error verify_error(long result, bool server) {
  const std::string whose = server ? "the client's certificate" : "the server's certificate";
  switch (result) {
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return {Code::kDenied, whose + " is not valid yet: check the clock of both machines"};
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return {Code::kDenied,
              whose + " has expired: renew it, or check the clock if it should be valid"};
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return {Code::kDenied, whose +
                                 " is from a foreign CA: it belongs to another region, or somebody "
                                 "is in between"};
    case X509_V_ERR_INVALID_PURPOSE:
      return {Code::kDenied, whose + " may not be used for this end of a connection"};
    case X509_V_ERR_APPLICATION_VERIFICATION:
      return {Code::kDenied,
              "the server shows no CA certificate with the expected fingerprint: the token is for "
              "another region, or somebody is in between"};
    default:
      return {Code::kDenied, whose + " was refused: " + X509_verify_cert_error_string(result)};
  }
}

// What the other side said about us, or what was wrong with its bytes.
Error reason_error(unsigned long code) {
  switch (ERR_GET_REASON(code)) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return {Code::kDenied, "the server demands a certificate and none was shown: enrol first"};
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return {Code::kDenied, "the client showed no certificate"};
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:  // a CA of the same name with another key
      return {Code::kDenied,
              "the peer does not know the CA of our certificate: it belongs to another region"};
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      return {Code::kDenied,
              "the peer says that our certificate has expired: renew it, or check "
              "the clock of both machines"};
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
      return {Code::kDenied,
              "the peer refused our certificate: if it is new, check the clock of "
              "both machines"};
    case SSL_R_NO_APPLICATION_PROTOCOL:
    case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
      return {Code::kInvalid, "the two ends share no protocol (ALPN): is this a Muster server?"};
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return {Code::kInvalid, "TLS 1.3 is required and the other end does not speak it"};
    case SSL_R_WRONG_VERSION_NUMBER:
      return {Code::kInvalid, "the other end does not speak TLS"};
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
      return {Code::kUnavailable, "the connection was cut"};
    default:
      break;
  }
  const char* reason = ERR_reason_error_string(code);
  return {Code::kInvalid, std::string("TLS failed: ") + (reason ? reason : "unknown reason")};
}

}  // namespace

std::string to_der(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate, &bytes);
  if (size <= 0) return {};
  std::string der(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

// An SSL holds its peer's certificate as long as it lives, and no function takes it away.
// Its costly half is the key, with a copy of its curve's tables: a key that all share
// goes in its place. That one is as small as a key can be, proves nothing, and is of the kind
// that X509_set_pubkey() writes without an encoder, which would cost as much as a signature.
void shrink(X509* certificate) {
  static EVP_PKEY* const no_key = [] {
    static constexpr unsigned char kModulus15Exponent3[] = {0x30, 6, 2, 1, 15, 2, 1, 3};
    const unsigned char* at = kModulus15Exponent3;
    return d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, sizeof kModulus15Exponent3);
  }();
  if (no_key != nullptr) X509_set_pubkey(certificate, no_key);
  while (X509_EXTENSION* extension = X509_delete_ext(certificate, 0))
    X509_EXTENSION_free(extension);
  ERR_clear_error();
}

Error tls_error(SSL* ssl, int ssl_code, int errno_value) {
  const unsigned long code = ERR_peek_error();
  ERR_clear_error();
  if (ssl_code == SSL_ERROR_SYSCALL && code == 0) {
    if (errno_value == 0) return {Code::kUnavailable, "the connection was cut"};
    return {Code::kUnavailable, std::string("the connection broke: ") + std::strerror(errno_value)};
  }
  if (const long result = SSL_get_verify_result(ssl); result != X509_V_OK)
    return verify_error(result, SSL_is_server(ssl) != 0);
  return reason_error(code);
}

std::unexpected<Error> fail_openssl(Code code, std::string message) {
  const unsigned long cause = ERR_peek_error();
  ERR_clear_error();
  if (const char* reason = cause == 0 ? nullptr : ERR_reason_error_string(cause))
    message += std::string(": ") + reason;
  return core::fail(code, std::move(message));
}

}  // namespace muster::net::detail
