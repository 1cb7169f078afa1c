// SPDX-License-Identifier: Apache-2.0
//
// The version that an agent's program carries; programs for other machines cannot be asked.
#include "server/agent_programs.h"

#include <gtest/gtest.h>

namespace muster::server {
namespace {

using namespace std::string_literals;

TEST(AgentPrograms, ReadsTheVersionThatAProgramCarries) {
  const std::string mark = "muster-agent version: ";
  EXPECT_EQ(agent_version("\177ELF..." + mark + "0.2.0\0more"s), "0.2.0");
  EXPECT_EQ(agent_version(mark + "1.0-rc_1\0"s), "1.0-rc_1");
  EXPECT_EQ(agent_version(""), "");
  EXPECT_EQ(agent_version("an agent of before"), "");
  EXPECT_EQ(agent_version(mark), "");
  EXPECT_EQ(agent_version(mark + "\0"s), "");
  EXPECT_EQ(agent_version(mark + "0.2.0"), "");  // cut off
  EXPECT_EQ(agent_version(mark + std::string(100, '1') + "\0"s), "");
  EXPECT_EQ(agent_version(mark + "1 2\n\0"s), "");
}

}  // namespace
}  // namespace muster::server
