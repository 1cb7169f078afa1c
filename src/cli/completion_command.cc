// SPDX-License-Identifier: Apache-2.0
//
// Completion scripts, made from the command tree. They are static: a keystroke
// asks no server.
#include <map>

#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/text.h"

namespace muster::cli {

void add_completion_command(Command& root) {
  auto shell = std::make_shared<std::string>();
  Command& command = root.add("completion", "print a completion script for your shell");
  command.section("Region")
      .argument("SHELL", "bash, zsh or fish", *shell)
      .choices({"bash", "zsh", "fish"});
  command
      .example("muster completion bash >~/.local/share/bash-completion/completions/muster",
               "for bash, from the next shell on")
      .example("muster completion zsh >\"${fpath[1]}/_muster\"", "for zsh")
      .example("muster completion fish >~/.config/fish/completions/muster.fish", "for fish")
      .action([shell](Context& context) {
        const Command& tree = *context.root;
        context.terminal.out(*shell == "bash"  ? bash_completion(tree)
                             : *shell == "zsh" ? zsh_completion(tree)
                                               : fish_completion(tree));
        return kExitOk;
      });
}

void add_version_command(Command& root) {
  root.add("version", "print the version")
      .section("Region")
      .example("muster version", "what this program is")
      .action([](Context& context) {
        context.terminal.out("muster " MUSTER_VERSION "\n");
        return kExitOk;
      });
}

}  // namespace muster::cli
