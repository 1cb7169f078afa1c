// SPDX-License-Identifier: Apache-2.0
#include "link/ending.h"

namespace muster::link {

const char* name(wire::GoodbyeCode code) {
  switch (code) {
    case wire::GOODBYE_NONE:
      return "broken";
    case wire::GOODBYE_STOPPING:
      return "stopping";
    case wire::GOODBYE_REVOKED:
      return "revoked";
    case wire::GOODBYE_UNKNOWN_ENDPOINT:
      return "unknown_endpoint";
    case wire::GOODBYE_DUPLICATE:
      return "duplicate";
    case wire::GOODBYE_REPLACED:
      return "replaced";
    case wire::GOODBYE_VERSION:
      return "version";
    case wire::GOODBYE_PROTOCOL:
      return "protocol";
    case wire::GOODBYE_BUSY:
      return "busy";
    case wire::GOODBYE_SILENT:
      return "silent";
    case wire::GOODBYE_MOVED:
      return "moved";
    default:
      return "other";
  }
}

}  // namespace muster::link
