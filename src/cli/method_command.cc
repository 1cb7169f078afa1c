// SPDX-License-Identifier: Apache-2.0
//
// Methods: publishing them from folders, and what the region has.
#include <boost/json/object.hpp>
#include <set>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/method_source.h"
#include "cli/render.h"
#include "cli/text.h"
#include "core/bytes.h"
#include "runtime/file.h"

namespace muster::cli {
namespace {

struct PublishOptions {
  MethodChoice choice;
  std::optional<std::string> key;
  std::optional<std::string> signed_folder;
  bool not_current = false;
  bool dry_run = false;
  bool json = false;
};

void warn(Context& context, const std::vector<methods::BuiltPackage>& packages) {
  for (const auto& built : packages) {
    for (const auto& warning : built.warnings) {
      context.terminal.err(context.terminal.paint_error(Color::kYellow, "warning: ") +
                           in_line(warning.text()) + "\n");
    }
  }
}

core::Status send_missing(Client& client, const std::vector<methods::BuiltPackage>& packages) {
  std::map<std::string, std::filesystem::path> sources;
  for (const auto& built : packages) {
    for (const auto& file : built.package.files) {
      sources[core::to_hex(file.sha256)] = built.sources.at(file.path);
    }
  }
  std::vector<std::string> digests;
  for (const auto& [digest, source] : sources) digests.push_back(digest);
  for (std::size_t from = 0; from < digests.size(); from += methods::kPackageFilesMax) {
    const auto to = std::min(digests.size(), from + methods::kPackageFilesMax);
    MUSTER_ASSIGN(const auto missing,
                  client.missing_objects({digests.begin() + static_cast<std::ptrdiff_t>(from),
                                          digests.begin() + static_cast<std::ptrdiff_t>(to)}));
    for (const std::string& digest : missing) {
      const auto source = sources.find(digest);
      if (source == sources.end()) continue;  // the server asks for what we have not named
      MUSTER_ASSIGN(auto bytes, runtime::read_file(source->second, methods::kPackageFileBytesMax));
      MUSTER_TRY(client.send_object(digest, std::move(bytes)));
    }
  }
  return {};
}

core::Result<Json> publish_one(Client& client, const methods::SignedManifest& manifest,
                               bool current) {
  return client.create("methods",
                       boost::json::object{{"manifest", core::to_base64(manifest.manifest)},
                                           {"signature", core::to_base64(manifest.signature)},
                                           {"key", core::to_hex(manifest.key_id)},
                                           {"current", current}});
}

core::Result<std::vector<methods::SignedManifest>> sign_all(
    Context& context, const PublishOptions& options,
    const std::vector<methods::BuiltPackage>& packages) {
  std::vector<methods::SignedManifest> manifests;
  if (options.signed_folder) {
    for (const auto& built : packages) {
      MUSTER_ASSIGN(auto manifest, read_signed(*options.signed_folder, built));
      manifests.push_back(std::move(manifest));
    }
    return manifests;
  }
  MUSTER_ASSIGN(const auto key,
                load_publishing_key(publishing_key_file(context.environment, options.key)));
  for (const auto& built : packages) {
    manifests.push_back(methods::sign_manifest(built.manifest, key));
  }
  return manifests;
}

std::string brief(const methods::BuiltPackage& built) {
  std::uint64_t bytes = 0;
  for (const auto& file : built.package.files) bytes += file.size;
  return built.package.name.shown() + " " + built.package.version + "  " +
         count_of(built.package.files.size(), "file", "files") + ", " + size_text(bytes);
}

int publish(Context& context, const PublishOptions& options) {
  const auto packages = build_methods(options.choice);
  if (!packages) return report(context, packages.error());
  warn(context, *packages);
  if (options.dry_run) {
    for (const auto& built : *packages) context.terminal.out(brief(built) + "\n");
    return kExitOk;
  }
  const auto manifests = sign_all(context, options, *packages);
  if (!manifests) return report(context, manifests.error());
  auto client = context.connect();
  if (!client) return report(context, client.error());
  if (auto sent = send_missing(*client, *packages); !sent) return report(context, sent.error());
  boost::json::array all;
  for (std::size_t i = 0; i < packages->size(); ++i) {
    auto made = publish_one(*client, (*manifests)[i], !options.not_current);
    if (!made) {
      return report(
          context,
          std::move(made.error()).while_doing("publishing " + (*packages)[i].package.name.shown()));
    }
    if (!options.json) {
      context.terminal.out(brief((*packages)[i]) +
                           (truth(*made, "current") ? "" : "  not current") + "\n");
    }
    all.push_back(*std::move(made));
  }
  if (options.json) context.terminal.out_bytes(pretty(boost::json::object{{"methods", all}}));
  return kExitOk;
}

int sign(Context& context, const PublishOptions& options, const std::string& folder) {
  const auto packages = build_methods(options.choice);
  if (!packages) return report(context, packages.error());
  warn(context, *packages);
  const auto manifests = sign_all(context, options, *packages);
  if (!manifests) return report(context, manifests.error());
  for (std::size_t i = 0; i < packages->size(); ++i) {
    if (auto written = write_signed(folder, (*packages)[i].package, (*manifests)[i]); !written) {
      return report(context, written.error());
    }
    context.terminal.out(folder + "/" + signed_file_name((*packages)[i].package) + "\n");
  }
  return kExitOk;
}

void add_choice(Command& command, PublishOptions& options) {
  command
      .argument("FOLDER", "a module (with tasks/ in it), or a folder with one task",
                options.choice.folder)
      .option("--task", "NAME", "only this task; may be repeated", options.choice.tasks)
      .option("--module", "NAME", "what the module is called, where its folder is not",
              options.choice.module)
      .option("--version", "VERSION", "instead of what the metadata says", options.choice.version)
      .option("--key", "FILE", "the publishing key", options.key);
}

void add_publish(Command& parent) {
  auto options = std::make_shared<PublishOptions>();
  Command& command = parent.add("publish", "sign and publish the methods of a folder");
  add_choice(command, *options);
  command
      .option("--signed", "FOLDER", "what muster method sign has written, instead of a key",
              options->signed_folder)
      .flag("--not-current", "leave the current version as it is", options->not_current)
      .flag("--dry-run", "only check, and say what would be published", options->dry_run)
      .flag("--json", "print the server's JSON", options->json)
      .details(
          "The folder is a Puppet module, or one task. Metadata is checked first, with file and "
          "line. Only content that the server has not is sent.")
      .example("muster method publish ./service", "every task of this module")
      .example("muster method publish ./service --task restart --version 2.0", "one of them")
      .action([options](Context& context) { return publish(context, *options); });
}

void add_sign(Command& parent) {
  auto options = std::make_shared<PublishOptions>();
  auto folder = std::make_shared<std::string>();
  Command& command = parent.add("sign", "sign methods on a machine that is never online");
  add_choice(command, *options);
  command.option("--to", "FOLDER", "where the signed manifests are written", *folder)
      .required()
      .details(
          "Take the folder to a machine with access, together with the same methods, and "
          "run: muster method publish --signed FOLDER")
      .example("muster method sign ./service --to ./signed", "with the key of this machine")
      .action([=](Context& context) -> int {
        if (folder->empty()) {
          return report(context, {core::Code::kInvalid, "--to is missing: where to write"});
        }
        return sign(context, *options, *folder);
      });
}

void add_list(Command& parent) {
  struct Options {
    bool all = false;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  parent.add("list", "list the methods of the region")
      .flag("-a,--all", "also private ones", options->all)
      .flag("--json", "print the server's JSON", options->json)
      .example("muster method list", "what can be run")
      .action([options](Context& context) -> int {
        auto client = context.connect();
        if (!client) return report(context, client.error());
        const auto list = client->methods(options->all);
        if (!list) return report(context, list.error());
        if (options->json) {
          context.terminal.out_bytes(pretty(*list));
        } else if (elements(*list, "methods").empty()) {
          context.terminal.err("There is no method: muster method publish FOLDER adds some\n");
        } else {
          context.terminal.out(render_methods(*list, context.terminal, context.now()));
        }
        return kExitOk;
      });
}

void add_show(Command& parent) {
  auto name = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  parent.add("show", "show a method: parameters, implementations, versions")
      .argument("METHOD", "module::task, or module::task@VERSION", *name)
      .flag("--json", "print the server's JSON", *json)
      .example("muster method show service::restart", "what it takes and what it does")
      .action([=](Context& context) -> int {
        auto client = context.connect();
        if (!client) return report(context, client.error());
        const auto [method, version] = split_version(*name);
        const auto found = client->method(method, version);
        if (!found) return report(context, found.error());
        if (*json) {
          context.terminal.out_bytes(pretty(*found));
        } else {
          context.terminal.out(render_method(*found, context.terminal, context.now()));
        }
        return kExitOk;
      });
}

void add_remove(Command& parent) {
  auto name = std::make_shared<std::string>();
  auto all = std::make_shared<bool>(false);
  parent.add("remove", "remove a version of a method, or all")
      .argument("METHOD", "module::task@VERSION, or module::task with --all", *name)
      .flag("--all", "every version", *all)
      .example("muster method remove service::restart@1.0", "one version")
      .action([=](Context& context) -> int {
        const auto [method, version] = split_version(*name);
        if (version.empty() != *all) {
          return report(context, {core::Code::kInvalid,
                                  *all ? "--all removes every version: leave out @" + version
                                       : "say which version (" + method +
                                             "@VERSION), or --all for every one"});
        }
        auto client = context.connect();
        if (!client) return report(context, client.error());
        if (auto done = client->remove_method(method, version); !done) {
          return report(context, done.error());
        }
        context.terminal.err("Removed " + in_line(*name) + "\n");
        return kExitOk;
      });
}

void add_current(Command& parent) {
  auto name = std::make_shared<std::string>();
  parent.add("use", "mark a version as the current one")
      .argument("METHOD", "module::task@VERSION", *name)
      .details("The current version is the one that runs where a run names none.")
      .example("muster method use service::restart@1.0", "go back to an older one")
      .action([=](Context& context) -> int {
        const auto [method, version] = split_version(*name);
        if (version.empty()) {
          return report(context,
                        {core::Code::kInvalid, "say which version: " + method + "@VERSION"});
        }
        auto client = context.connect();
        if (!client) return report(context, client.error());
        if (auto done = client->use_method(method, version); !done) {
          return report(context, done.error());
        }
        context.terminal.err(in_line(method + " " + version) + " is current now\n");
        return kExitOk;
      });
}

void add_diff(Command& parent) {
  auto names = std::make_shared<std::array<std::string, 2>>();
  parent.add("diff", "what changed between two versions of a method")
      .argument("OLD", "module::task@VERSION; without a version the current one", (*names)[0])
      .argument("NEW", "@VERSION of the same method, or another method", (*names)[1])
      .example("muster method diff service::restart @2.0", "the current version against 2.0")
      .action([=](Context& context) -> int {
        auto client = context.connect();
        if (!client) return report(context, client.error());
        const auto [old_name, old_version] = split_version((*names)[0]);
        auto [new_name, new_version] = split_version((*names)[1]);
        if (new_name.empty()) new_name = old_name;
        const auto before = client->method(old_name, old_version);
        if (!before) return report(context, before.error());
        const auto after = client->method(new_name, new_version);
        if (!after) return report(context, after.error());
        const std::string changes = render_method_diff(*before, *after, context.terminal);
        if (changes.empty()) {
          context.terminal.err("No difference\n");
        } else {
          context.terminal.out(changes);
        }
        return kExitOk;
      });
}

}  // namespace

std::pair<std::string, std::string> split_version(const std::string& text) {
  const auto at = text.find('@');
  if (at == std::string::npos) return {text, ""};
  return {text.substr(0, at), text.substr(at + 1)};
}

void add_method_commands(Command& root) {
  Command& method = root.add("method", "methods: what can be run, published and versioned");
  method.section("Methods");
  add_publish(method);
  add_method_run_command(method);
  add_list(method);
  add_show(method);
  add_diff(method);
  add_current(method);
  add_remove(method);
  add_sign(method);
  add_method_key_commands(method);
  method.example("muster method key --trust", "make the key that signs, let the region trust it");
  method.example("muster method publish ./service", "publish a module's tasks");
  method.example("muster method list", "what there is");
  method.example("muster method run service::restart --on role=web name=nginx", "run one");
}

}  // namespace muster::cli
