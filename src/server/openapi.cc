// SPDX-License-Identifier: Apache-2.0
//
// Carries the API's contract inside the program, so that a server always serves the
// contract that it keeps. MUSTER_OPENAPI is the document's path at build time.
#include "server/openapi.h"

asm(".pushsection .rodata\n"
    ".global muster_openapi_begin\n"
    ".global muster_openapi_end\n"
    "muster_openapi_begin:\n"
    ".incbin \"" MUSTER_OPENAPI
    "\"\n"
    "muster_openapi_end:\n"
    ".popsection\n");

extern "C" {
extern const char muster_openapi_begin[];
extern const char muster_openapi_end[];
}

namespace muster::server {

std::string_view openapi_document() {
  return {muster_openapi_begin,
          static_cast<std::size_t>(muster_openapi_end - muster_openapi_begin)};
}

}  // namespace muster::server
