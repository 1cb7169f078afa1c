// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace muster::runtime {

/// For a process that is about to sleep: gives back the free memory of its heap, and
/// unmaps the pages of code and constants of the program and its libraries. They stay in the
/// system's cache as long as it likes; what is needed again comes back by page faults, of
/// which an idle agent has some dozen a minute instead of megabytes mapped. Data and what the
/// loader relocated stay; a debugger's breakpoints do not.
void release_idle_memory();

}  // namespace muster::runtime
