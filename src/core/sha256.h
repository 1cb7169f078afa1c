// SPDX-License-Identifier: Apache-2.0
//
// SHA-256 of bytes that arrive in pieces.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/ids.h"

struct evp_md_ctx_st;

namespace muster::core {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::string_view bytes);
  /// The name of everything since the start or the last finish(), which begins anew.
  ContentId finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace muster::core
