// SPDX-License-Identifier: Apache-2.0
//
// Completion scripts, made from the command tree; names of methods and their parameters
// are asked of the region.
#include <map>

#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/text.h"

namespace muster::cli {

namespace {

/// What the scripts ask. Says nothing where the region cannot be asked: a keystroke is no place
/// for errors.
void add_words(Command& completion) {
  auto words = std::make_shared<std::vector<std::string>>();
  completion.add("words", "what may stand in the last word's place: for scripts")
      .rest("WORDS", "the command line so far, without the program", *words)
      .example("muster completion words -- method run greet lang", "language=")
      .action([words](Context& context) {
        auto client = context.connect();
        if (!client) return kExitOk;
        for (const std::string& word : completion_words(*client, *context.root, *words))
          context.terminal.out(word + "\n");
        return kExitOk;
      });
}

}  // namespace

void add_completion_command(Command& root) {
  auto shell = std::make_shared<std::string>();
  Command& command = root.add("completion", "print a completion script for your shell");
  add_words(command);
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
