// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "swarm/endpoint.h"

namespace muster::swarm {

struct Options {
  Script script;
  std::string token;
  std::string file;
  std::string prefix = "sim";
  std::size_t endpoints = 1000;
  std::size_t window = 64;
};

/// Enrols, connects, and keeps the links until SIGTERM or SIGINT. The exit code.
int run(Options options);

}  // namespace muster::swarm
