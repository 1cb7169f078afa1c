// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <span>

#include "core/assert.h"
#include "core/bytes.h"
#include "identity/certificate.h"
#include "identity/request.h"

// Everything that reads the foreign bytes of an enrolment: the request, and certificates.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster;
  const auto bytes = core::as_view(std::span(data, size));
  if (const auto request = identity::parse_request(bytes)) {
    MUSTER_ASSERT(request->endpoint == core::EndpointId::of_public_key(request->public_key_der));
  }
  for (const auto& parsed :
       {identity::Certificate::from_pem(bytes), identity::Certificate::from_der(bytes)}) {
    if (!parsed) continue;
    (void)parsed->serial();
    (void)parsed->not_after();
    (void)identity::peer_identity(*parsed);
    (void)identity::verify_chain(*parsed, *parsed, core::wall_from_unix_ms(1'800'000'000'000));
  }
  return 0;
}
