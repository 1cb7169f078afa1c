// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a manifest: refused, or a package whose every way to run is there.
#include <cstdint>

#include "core/assert.h"
#include "methods/invocation.h"
#include "methods/package.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto package = methods::read_manifest(bytes);
  if (!package) return 0;
  const auto run = [&](const methods::Implementation* implementation) {
    for (const auto* file : package->needed(implementation))
      MUSTER_ASSERT(methods::check_package_path(file->path).has_value());
    methods::InvocationInput input;
    input.package = &*package;
    input.implementation = implementation;
    input.install_folder = "/x";
    MUSTER_ASSERT(methods::make_invocation(input).has_value());
  };
  if (package->metadata.implementations.empty()) run(nullptr);
  for (const auto& implementation : package->metadata.implementations) run(&implementation);
  // Read again from our own encoding, it is the same package.
  const auto again = methods::read_manifest(methods::manifest_of(*package));
  MUSTER_ASSERT(again && again->files == package->files && again->name == package->name);
  return 0;
}
