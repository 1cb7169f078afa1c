// SPDX-License-Identifier: Apache-2.0
//
// The publishing key: made and kept here, its public half trusted by the region.
#include <boost/json/object.hpp>
#include <filesystem>

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

constexpr std::size_t kPublicKeyBytesMax = 4096;

struct KeyOptions {
  std::optional<std::string> file;
  std::string note;
  bool trust = false;
};

core::Result<identity::PrivateKey> load_or_make(Context& context,
                                                const std::filesystem::path& file) {
  auto key = identity::PrivateKey::load(file);
  if (key || key.error().code != core::Code::kNotFound) return key;
  MUSTER_TRY(runtime::make_private_folder(file.parent_path()));
  auto made = identity::PrivateKey::generate();
  MUSTER_TRY(made.save(file));
  context.terminal.err("Made a publishing key: " + file.string() +
                       "\nWhoever has this file can publish methods; keep it off the network if "
                       "you can\n");
  return made;
}

int trust(Context& context, const std::string& pem, const std::string& note) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  boost::json::object wish{{"public_key_pem", pem}};
  if (!note.empty()) wish["note"] = note;
  const auto made = client->create("publishing-keys", wish);
  if (!made && made.error().code != core::Code::kExists) return report(context, made.error());
  context.terminal.err(made ? "The region trusts this key now\n"
                            : "The region trusts this key already\n");
  return kExitOk;
}

int show_key(Context& context, const KeyOptions& options) {
  auto file = publishing_key_file(context.environment, options.file);
  if (!file.has_parent_path()) file = std::filesystem::path(".") / file;
  const auto key = load_or_make(context, file);
  if (!key) return report(context, key.error());
  const auto public_key = identity::PublicKey::of(*key);
  context.terminal.out("Key  " + core::to_hex(public_key.id()) + "\n" + public_key.pem());
  return options.trust ? trust(context, public_key.pem(), options.note) : kExitOk;
}

void add_trust(Command& key) {
  struct Options {
    std::string file;
    std::string note;
  };
  auto options = std::make_shared<Options>();
  key.add("trust", "let the region accept what a key has signed")
      .argument("FILE", "the public key in PEM, as muster method key prints it", options->file)
      .option("--note", "TEXT", "whose key it is, where it is kept", options->note)
      .example("muster method key trust offline.pem --note 'safe in room 4'",
               "of a key that is never online")
      .action([options](Context& context) -> int {
        const auto text = runtime::read_file(options->file, kPublicKeyBytesMax);
        if (!text) return report(context, text.error());
        // What is printed has a line above the key; PEM may have anything before it.
        return trust(context, *text, options->note);
      });
}

void add_keys(Command& key) {
  auto json = std::make_shared<bool>(false);
  key.add("list", "list the keys that the region trusts")
      .flag("--json", "print the server's JSON", *json)
      .example("muster method key list", "who may publish")
      .action([json](Context& context) -> int {
        auto client = context.connect();
        if (!client) return report(context, client.error());
        const auto list = client->list("publishing-keys");
        if (!list) return report(context, list.error());
        if (*json) {
          context.terminal.out_bytes(pretty(*list));
        } else if (elements(*list, "keys").empty()) {
          context.terminal.err("No publishing key is trusted: muster method key --trust\n");
        } else {
          context.terminal.out(render_publishing_keys(*list, context.terminal, context.now()));
        }
        return kExitOk;
      });
}

void add_distrust(Command& key) {
  auto id = std::make_shared<std::string>();
  key.add("distrust", "accept nothing more that a key has signed")
      .argument("ID", "the key's id, as list shows it", *id)
      .details(
          "Methods that it has signed stay in the catalog, and are refused by hosts that "
          "know of this.")
      .example("muster method key distrust 3fb6…", "a key that was lost")
      .action([id](Context& context) -> int {
        auto client = context.connect();
        if (!client) return report(context, client.error());
        if (auto done = client->remove("publishing-keys", *id); !done) {
          return report(context, done.error());
        }
        context.terminal.err("The key " + in_line(*id) + " is not trusted any more\n");
        return kExitOk;
      });
}

}  // namespace

void add_method_key_commands(Command& method) {
  auto options = std::make_shared<KeyOptions>();
  Command& key = method.add("key", "the key that signs methods: make it, show it, trust it");
  key.option("--key", "FILE", "where it is (default: beside the login file)", options->file)
      .flag("--trust", "and let the region trust it", options->trust)
      .option("--note", "TEXT", "with --trust: whose key it is", options->note)
      .details(
          "Makes the key where there is none, and prints its public half. The private half "
          "never leaves this machine.")
      .example("muster method key --trust", "the first step before publishing")
      .action([options](Context& context) { return show_key(context, *options); });
  add_trust(key);
  add_keys(key);
  add_distrust(key);
}

}  // namespace muster::cli
