// SPDX-License-Identifier: Apache-2.0
//
// Scope: the hosts on which somebody's rights hold, and selectors as the API takes them.
#pragma once

#include <string_view>
#include <vector>

#include "access/types.h"
#include "fleet/registry.h"
#include "fleet/selector.h"
#include "net/http_message.h"

namespace muster::server {

/// A selector from a request; the empty text is every host. The error is ready to be
/// answered: 400 with the column.
std::expected<fleet::Selector, net::Response> read_selector(std::string_view text);

/// For selectors that narrow rights: empty, or well-formed.
core::Status check_selector(std::string_view text);

class Scope {
 public:
  /// kDenied where a stored selector cannot be read any more: then nothing is allowed.
  static core::Result<Scope> of(const access::Principal& principal);

  bool everywhere() const { return selectors_.empty(); }
  bool allows(const fleet::Endpoint& endpoint, core::WallTime now) const;
  /// The narrowing as one selector for the registry's pages; null: none.
  const fleet::Selector* selector() const { return joined_ ? &*joined_ : nullptr; }

 private:
  std::vector<fleet::Selector> selectors_;
  std::optional<fleet::Selector> joined_;
};

/// The endpoint that a path names by its id, if it exists within the caller's scope;
/// else kNotFound: hosts out of scope do not exist.
core::Result<const fleet::Endpoint*> find_in_scope(const fleet::Registry& registry,
                                                   const access::Principal& principal,
                                                   std::string_view id);

}  // namespace muster::server
