// SPDX-License-Identifier: Apache-2.0
//
// File packs: publishing them from folders, and what the region has.
#include <boost/json/object.hpp>
#include <map>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/method_source.h"
#include "cli/pack_commands.h"
#include "cli/pack_source.h"
#include "cli/text.h"
#include "core/bytes.h"

namespace muster::cli {
namespace {

struct PublishOptions {
  std::string folder;
  std::optional<std::string> version;
  std::optional<std::string> key;
  std::optional<std::string> programs;
  bool not_current = false;
  bool dry_run = false;
  bool json = false;
};

/// The newest published version, whose containers the next one uses; none where there is none.
core::Result<std::optional<packs::Whole>> newest(Context& context, Client& client,
                                                 const std::string& name) {
  const auto pack = one_pack(client, name, "");
  if (!pack && pack.error().code == core::Code::kNotFound) return std::nullopt;
  if (!pack) return std::unexpected(pack.error());
  const auto& versions = elements(*pack, "versions");
  if (versions.empty()) return std::nullopt;
  MUSTER_ASSIGN(const std::string bytes,
                pack_index(context, name, text(versions.front(), "version")));
  MUSTER_ASSIGN(auto whole, packs::read_whole(bytes));
  return whole;
}

core::Error older_is_gone() {
  return {core::Code::kConflict, "an older version was removed meanwhile: publish again"};
}

core::Status send_missing(Context& context, Client& client, const packs::BuiltPack& pack,
                          const PackPackage& made) {
  std::map<std::string, const std::string*> known;
  known[core::ContentId::of(pack.encoded).str()] = &pack.encoded;
  for (const auto& [id, bytes] : pack.tables) known[id.str()] = &bytes;
  for (const std::string& bytes : made.programs) known[core::ContentId::of(bytes).str()] = &bytes;
  std::map<std::string, std::size_t> containers;
  for (std::size_t i = 0; i < pack.index.containers.size(); ++i)
    containers[pack.index.containers[i].id.str()] = i;
  std::vector<std::string> digests;
  for (const auto& file : made.package.files) digests.push_back(core::to_hex(file.sha256));
  MUSTER_ASSIGN(const auto missing, client.missing_objects(digests));
  std::size_t sent = 0;
  for (const std::string& digest : missing) {
    if (context.terminal.err_is_terminal)
      context.terminal.err("\r" + std::to_string(sent++) + " of " +
                           count_of(missing.size(), "object", "objects") + " sent ");
    if (const auto object = known.find(digest); object != known.end()) {
      MUSTER_TRY(client.send_object(digest, *object->second));
    } else if (const auto container = containers.find(digest); container != containers.end()) {
      if (pack.pieces[container->second].empty()) return core::fail(older_is_gone());
      MUSTER_ASSIGN(auto bytes, packs::container_bytes(pack, container->second));
      MUSTER_TRY(client.send_object(digest, std::move(bytes)));
    } else {
      return core::fail(older_is_gone());
    }
  }
  if (context.terminal.err_is_terminal && sent > 0) context.terminal.err("\r\x1b[K");
  return {};
}

std::string brief(const packs::BuiltPack& pack) {
  std::size_t files = 0;
  for (const auto& entry : pack.index.entries) files += entry.kind == packs::Kind::kFile ? 1 : 0;
  return pack.index.name + " " + pack.index.version + "  " + count_of(files, "file", "files") +
         ", " + size_text(pack.index.bytes()) + "; new: " + size_text(pack.fresh_bytes);
}

core::Result<Json> publish(Context& context, const PublishOptions& options) {
  MUSTER_ASSIGN(auto description, packs::describe_folder(options.folder));
  if (options.version) {
    MUSTER_TRY(packs::check_version(*options.version));
    description.version = *options.version;
  }
  if (options.dry_run) {
    MUSTER_ASSIGN(const auto pack, packs::build_pack(options.folder, description, nullptr));
    context.terminal.out(brief(pack) + "\n");
    return Json();
  }
  MUSTER_ASSIGN(const auto key,
                load_publishing_key(publishing_key_file(context.environment, options.key)));
  MUSTER_ASSIGN(const auto programs, find_pack_programs(options.programs.value_or("")));
  MUSTER_ASSIGN(Client client, context.connect());
  MUSTER_ASSIGN(const auto before, newest(context, client, description.name));
  MUSTER_ASSIGN(const auto pack,
                packs::build_pack(options.folder, description, before ? &before->index : nullptr));
  MUSTER_ASSIGN(const auto made, package_of(pack, programs));
  MUSTER_TRY(send_missing(context, client, pack, made));
  const auto signed_one = methods::sign_manifest(made.manifest, key);
  MUSTER_ASSIGN(Json answer,
                client.create("methods", boost::json::object{
                                             {"manifest", core::to_base64(signed_one.manifest)},
                                             {"signature", core::to_base64(signed_one.signature)},
                                             {"key", core::to_hex(signed_one.key_id)},
                                             {"current", !options.not_current}}));
  if (!options.json) {
    std::vector<std::string> machines;
    for (const auto& program : programs) machines.push_back(program.machine);
    context.terminal.out(brief(pack) + ", for " + listed(machines) +
                         (truth(answer, "current") ? "" : "  not current") + "\n");
  }
  return answer;
}

void add_publish(Command& parent) {
  auto options = std::make_shared<PublishOptions>();
  parent.add("publish", "sign and publish a folder as a version of a pack")
      .argument("FOLDER", "a folder with a pack.toml", options->folder)
      .option("--version", "VERSION", "instead of what pack.toml says", options->version)
      .option("--key", "FILE", "the publishing key", options->key)
      .option("--programs", "FOLDER",
              "where muster-pack-apply is, for each type of machine (default: beside muster)",
              options->programs)
      .flag("--not-current", "leave the current version as it is", options->not_current)
      .flag("--dry-run", "only check, and say what would be published", options->dry_run)
      .flag("--json", "print the server's JSON", options->json)
      .details(
          "Files are cut into chunks; only what the newest version has not is sent, here and later "
          "to the hosts. An upload that broke goes on where it stood: run it again.\n\n"
          "pack.toml:\n"
          "  name = \"webapp\"\n"
          "  version = \"1.2.0\"\n"
          "  [[target]]\n"
          "  from = \"app\"            # a folder beside pack.toml\n"
          "  to = \"/opt/webapp\"\n"
          "  owned = true            # the whole folder is the pack's\n"
          "  [[rule]]\n"
          "  path = \"app/bin/*\"\n"
          "  owner = \"root\"\n"
          "  mode = \"0755\"\n"
          "  [steps]\n"
          "  post = \"restart.sh\"     # where it fails, the old version comes back")
      .example("muster pack publish ./webapp", "as its pack.toml says")
      .example("muster pack publish ./webapp --version 1.3.0 --not-current", "to try it somewhere")
      .action([options](Context& context) -> int {
        const auto made = publish(context, *options);
        if (!made) return report(context, made.error());
        if (options->json && !options->dry_run) context.terminal.out_bytes(pretty(*made));
        return kExitOk;
      });
}

void add_list(Command& parent) {
  auto json = std::make_shared<bool>(false);
  parent.add("list", "list the packs of the region")
      .flag("--json", "print the server's JSON", *json)
      .example("muster pack list", "what can be sent")
      .action([json](Context& context) -> int {
        const auto list = all_packs(context);
        if (!list) return report(context, list.error());
        if (*json) {
          context.terminal.out_bytes(pretty(*list));
        } else if (elements(*list, "packs").empty()) {
          context.terminal.err("There is no pack: muster pack publish FOLDER adds one\n");
        } else {
          context.terminal.out(render_packs(*list, context.terminal, context.now()));
        }
        return kExitOk;
      });
}

void add_show(Command& parent) {
  struct Options {
    std::string pack;
    bool files = false;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  parent.add("show", "show a pack: where it goes, what is in it, its versions")
      .argument("PACK", "NAME, or NAME@VERSION", options->pack)
      .flag("--files", "each of its files too", options->files)
      .flag("--json", "print the server's JSON", options->json)
      .example("muster pack show webapp", "the current version, and which others there are")
      .example("muster pack show webapp@1.2.0 --files", "an older one, with all its files")
      .action([options](Context& context) -> int {
        auto client = context.connect();
        if (!client) return report(context, client.error());
        const auto [name, version] = split_version(options->pack);
        const auto pack = one_pack(*client, name, version);
        if (!pack) return report(context, pack.error());
        core::Result<Json> files = boost::json::object{{"files", boost::json::array()}};
        if (options->files) files = pack_files(context, name, text(*pack, "version"));
        if (!files) return report(context, files.error());
        if (options->json) {
          Json all = *pack;
          if (options->files) all.as_object()["entries"] = files->at("files");
          context.terminal.out_bytes(pretty(all));
        } else {
          context.terminal.out(render_pack(*pack, *files, context.terminal, context.now()));
        }
        return kExitOk;
      });
}

void add_current(Command& parent) {
  auto name = std::make_shared<std::string>();
  parent.add("use", "mark a version as the current one")
      .argument("PACK", "NAME@VERSION", *name)
      .details("The current version is the one that is sent where nobody names another.")
      .example("muster pack use webapp@1.2.0",
               "go back to an older one for what is sent from now on")
      .action([=](Context& context) -> int {
        const auto [pack, version] = split_version(*name);
        if (version.empty())
          return report(context, {core::Code::kInvalid, "say which version: " + pack + "@VERSION"});
        auto client = context.connect();
        if (!client) return report(context, client.error());
        if (auto done = client->use_method("pack::" + pack, version); !done)
          return report(context, done.error());
        context.terminal.err(in_line(pack + " " + version) + " is current now\n");
        return kExitOk;
      });
}

void add_remove(Command& parent) {
  auto name = std::make_shared<std::string>();
  auto all = std::make_shared<bool>(false);
  parent.add("remove", "remove a version of a pack from the region, or all")
      .argument("PACK", "NAME@VERSION, or NAME with --all", *name)
      .flag("--all", "every version", *all)
      .details("Hosts keep what they have installed; muster pack take-away takes it from them.")
      .example("muster pack remove webapp@1.2.0", "one version")
      .action([=](Context& context) -> int {
        const auto [pack, version] = split_version(*name);
        if (version.empty() != *all)
          return report(
              context, {core::Code::kInvalid,
                        *all ? "--all removes every version: leave out @" + version
                             : "say which version (" + pack + "@VERSION), or --all for every one"});
        auto client = context.connect();
        if (!client) return report(context, client.error());
        if (auto done = client->remove_method("pack::" + pack, version); !done)
          return report(context, done.error());
        context.terminal.err("Removed " + in_line(*name) + "\n");
        return kExitOk;
      });
}

}  // namespace

void add_pack_commands(Command& root) {
  Command& pack = root.add("pack", "file packs: sets of files for hosts, versioned");
  pack.section("Methods");
  add_publish(pack);
  add_pack_run_commands(pack);
  add_pack_rule_commands(pack);
  add_list(pack);
  add_show(pack);
  add_current(pack);
  add_remove(pack);
  pack.example("muster pack publish ./webapp", "publish a folder with a pack.toml");
  pack.example("muster pack send webapp --on role=web", "install it, or bring it up to date");
  pack.example("muster pack allow webapp role=web", "its users may install it by themselves");
  pack.example("muster pack rollback webapp --on role=web", "back to what was there before");
}

}  // namespace muster::cli
