// SPDX-License-Identifier: Apache-2.0
#include "identity/renewal.h"

namespace muster::identity {

core::WallTime renewal_due(core::WallTime not_before, core::WallTime not_after,
                           core::Random& random) {
  if (not_after <= not_before) return not_before;
  const auto life = not_after - not_before;
  const auto spread = static_cast<std::uint64_t>((life / 12).count());
  return not_after - life / 3 + std::chrono::milliseconds(spread == 0 ? 0 : random.below(spread));
}

}  // namespace muster::identity
