// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.h"

#include <functional>

#include "cli/text.h"

namespace muster::cli {
namespace {

void each(const Command& command, const std::function<void(const Command&)>& visit) {
  visit(command);
  for (const auto& child : command.children()) each(*child, visit);
}

/// "" for the root, else " hosts show".
std::string path_of(const Command& command) {
  return command.parent() == nullptr ? "" : path_of(*command.parent()) + " " + command.name();
}

std::vector<std::string> option_names(const Option& option) {
  std::vector<std::string> names;
  std::string_view rest = option.names;
  while (!rest.empty()) {
    const auto name = rest.substr(0, rest.find(','));
    names.emplace_back(name);
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
  }
  return names;
}

std::string words_of(const Command& command) {
  std::vector<std::string> words;
  for (const auto& child : command.children()) words.push_back(child->name());
  for (const auto& option : command.options()) words.push_back(option.long_name());
  words.emplace_back("--help");
  for (const auto& argument : command.positionals()) {
    words.insert(words.end(), argument.choices.begin(), argument.choices.end());
  }
  return listed(words, " ");
}

/// A single-quoted word of any of the shells' strings.
std::string single_quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

}  // namespace

std::string bash_completion(const Command& root) {
  std::string words;
  std::string values;
  each(root, [&](const Command& command) {
    words += "    " + single_quoted(path_of(command)) +
             ") words=" + single_quoted(words_of(command)) + " ;;\n";
    for (const auto& option : command.options()) {
      if (option.value.empty()) continue;
      for (const auto& name : option_names(option)) {
        const bool file = option.value == "FILE";
        values += "    " + single_quoted(path_of(command) + " " + name) + ") " +
                  (file ? "COMPREPLY=($(compgen -f -- \"$current\"))"
                        : "COMPREPLY=($(compgen -W " + single_quoted(listed(option.choices, " ")) +
                              " -- \"$current\"))") +
                  "; return ;;\n";
      }
    }
  });
  return "# bash completion of muster; made by: muster completion bash\n"
         "_muster() {\n"
         "  local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
         "  local path='' words='' word i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    word=\"${COMP_WORDS[i]}\"\n"
         "    [[ $word == -- ]] && { COMPREPLY=($(compgen -c -f -- \"$current\")); return; }\n"
         "    _muster_words \"$path $word\" && path=\"$path $word\"\n"
         "  done\n"
         "  case \"$path $previous\" in\n" +
         values +
         "  esac\n"
         "  _muster_words \"$path\"\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  [[ ( $path == ' method '* || $path == ' pack '* ) && $current != -* ]] && _muster_ask\n"
         "}\n"
         "# Asks the region. Bash cuts words at ':' and '=': the line is read anew, and what "
         "stands\n"
         "# before the cut is taken off the answers.\n"
         "_muster_ask() {\n"
         "  local line=\"${COMP_LINE:0:COMP_POINT}\" whole\n"
         "  local -a typed\n"
         "  read -ra typed <<<\"$line\"\n"
         "  [[ $line == *' ' ]] && typed+=('')\n"
         "  whole=\"${typed[${#typed[@]}-1]}\"\n"
         "  mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(\n"
         "    \"${typed[0]}\" completion words -- \"${typed[@]:1}\" 2>/dev/null)\n"
         "  COMPREPLY=(\"${COMPREPLY[@]#\"${whole%\"${whole##*[:=]}\"}\"}\")\n"
         "  [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace "
         "2>/dev/null\n"
         "  return 0\n"
         "}\n"
         "# Sets words to what may follow the command; false where there is no such command.\n"
         "_muster_words() {\n"
         "  case \"$1\" in\n" +
         words +
         "    *) return 1 ;;\n"
         "  esac\n"
         "}\n"
         "complete -F _muster muster\n";
}

std::string zsh_completion(const Command& root) {
  const auto entry = [](const std::string& name, const std::string& help) {
    std::string escaped;
    for (const char c : name) escaped += c == ':' ? std::string("\\:") : std::string(1, c);
    return "      " + single_quoted(escaped + ":" + help) + "\n";
  };
  std::string cases;
  each(root, [&](const Command& command) {
    cases += "    " + single_quoted(path_of(command)) + ") entries=(\n";
    for (const auto& child : command.children()) cases += entry(child->name(), child->summary());
    for (const auto& argument : command.positionals()) {
      for (const auto& choice : argument.choices) cases += entry(choice, argument.help);
    }
    for (const auto& option : command.options()) cases += entry(option.long_name(), option.help);
    cases += "    ) ;;\n";
  });
  return "#compdef muster\n"
         "# zsh completion of muster; made by: muster completion zsh\n"
         "_muster_entries() {\n"
         "  case \"$1\" in\n" +
         cases +
         "    *) return 1 ;;\n"
         "  esac\n"
         "}\n"
         "_muster() {\n"
         "  local -a entries\n"
         "  local path_words='' word\n"
         "  for word in \"${words[@]:1:$((CURRENT - 2))}\"; do\n"
         "    [[ $word == -- ]] && { _normal; return }\n"
         "    _muster_entries \"$path_words $word\" && path_words=\"$path_words $word\"\n"
         "  done\n"
         "  _muster_entries \"$path_words\"\n"
         "  local -a found\n"
         "  [[ ( $path_words == ' method '* || $path_words == ' pack '* ) && ${words[CURRENT]} != "
         "-* ]] &&\n"
         "    found=(${(f)\"$(${words[1]} completion words -- \"${(@)words[2,CURRENT]}\" "
         "2>/dev/null)\"})\n"
         "  (( $#found )) && { compadd -S '' -a found; return }\n"
         "  _describe 'muster' entries || _files\n"
         "}\n"
         "_muster \"$@\"\n";
}

std::string fish_completion(const Command& root) {
  std::string cases;
  std::string lines;
  each(root, [&](const Command& command) {
    const std::string path = path_of(command);
    if (!path.empty()) cases += "      case " + single_quoted(path) + "\n        set path $next\n";
    const std::string when = " -n " + single_quoted("test (__muster_path) = \"" + path + "\"");
    for (const auto& child : command.children()) {
      lines += "complete -c muster -f" + when + " -a " + single_quoted(child->name()) + " -d " +
               single_quoted(child->summary()) + "\n";
    }
    for (const auto& argument : command.positionals()) {
      if (argument.choices.empty()) continue;
      lines += "complete -c muster -f" + when + " -a " +
               single_quoted(listed(argument.choices, " ")) + " -d " +
               single_quoted(argument.help) + "\n";
    }
    for (const auto& option : command.options()) {
      lines += "complete -c muster" + when;
      for (const auto& name : option_names(option)) {
        lines += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      if (!option.value.empty()) lines += option.value == "FILE" ? " -r -F" : " -x";
      if (!option.choices.empty()) lines += " -a " + single_quoted(listed(option.choices, " "));
      lines += " -d " + single_quoted(option.help) + "\n";
    }
  });
  return "# fish completion of muster; made by: muster completion fish\n"
         "function __muster_path\n"
         "  set -l path ''\n"
         "  for word in (commandline -opc)[2..-1]\n"
         "    set -l next \"$path $word\"\n"
         "    switch $next\n" +
         cases +
         "    end\n"
         "  end\n"
         "  echo $path\n"
         "end\n"
         "complete -c muster -f -n 'string match -qr \"^ (method|pack) \" -- (__muster_path)' -a "
         "'(muster completion words -- (commandline -opc)[2..-1] (commandline -ct) "
         "2>/dev/null)'\n" +
         lines;
}

}  // namespace muster::cli
