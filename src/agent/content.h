// SPDX-License-Identifier: Apache-2.0
//
// Content is an endpoint's part in content (docs/protocols/content.md): a cache folder,
// downloads over whichever link there is, and the files of a run laid out in a folder of
// its own.
//
//   cache/   objects; may vanish or rot at any time
//   runs/    one folder a run, gone with it
//
// Runs of other users, who cannot enter the state folder, have theirs in a folder of the
// system's place for temporary files.
//
// Lives on the agent's loop; outlives links.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "content/cache.h"
#include "content/downloader.h"
#include "content/layout.h"
#include "runtime/loop.h"

namespace muster::agent {

struct ContentOptions {
  std::filesystem::path folder{};
  std::uint64_t cache_bytes_max = 1ULL << 30;
  std::uint64_t bytes_per_second = 0;  ///< of all downloads; 0: no limit
  /// Where other users may enter; it holds a folder named after `folder`.
  std::filesystem::path public_parent = std::filesystem::temp_directory_path();
};

/// One file of a run: where, what, and how large its package says it is.
struct NeededFile : content::LayoutFile {
  std::uint64_t size = 0;
};

class Content final : private content::FetcherPort {
 public:
  /// The folder holds the run's files until it is destroyed.
  using Ready = std::function<void(core::Result<content::RunFolder>)>;
  using Ticket = std::uint64_t;

  /// Makes the folders; removes what a former process left.
  static core::Result<std::unique_ptr<Content>> open(runtime::Loop& loop, ContentOptions options);
  ~Content() override;

  /// Fetches what is missing and lays everything out in a new folder, which `other_user`
  /// may enter. Runs that need the same object share its download. `ready` comes once,
  /// later: kTimeout, kNotFound and what else a download or the disk may say.
  Ticket prepare(std::vector<NeededFile> files, bool other_user, core::Duration patience,
                 Ready ready);
  /// The bytes of one object, from the cache or fetched. `done` comes once, later.
  using Done = std::function<void(core::Result<std::string>)>;
  Ticket read(const content::ContentId& id, std::uint64_t size, core::Duration patience, Done done);
  /// `ready` or `done` will not come.
  void cancel(Ticket ticket);

  /// Sends a request on the open link; what cannot be sent is asked for again.
  using Send = std::function<void(const wire::ContentRequest&)>;
  /// A link is open, until link_over().
  void link_open(Send send);
  void link_over();
  void receive(const wire::ContentData& data) { downloader_.receive(data); }

  content::Cache& cache() { return *cache_; }

 private:
  struct Preparation;
  struct Reading;
  class Held;

  Content(runtime::Loop& loop, std::unique_ptr<content::Cache> cache,
          const ContentOptions& options);
  void request(const wire::ContentRequest& request) override;
  void fetch(Ticket ticket, const content::ContentId& id);
  void fetched(Ticket ticket, const content::ContentId& id,
               core::Result<content::ObjectPtr> object);
  void start_reading(Ticket ticket);
  void end_reading(Ticket ticket, core::Result<content::ObjectPtr> object);
  void start(Ticket ticket);
  void lay_out(Ticket ticket);
  void end(Ticket ticket, core::Result<content::RunFolder> result);

  runtime::Loop& loop_;
  const std::filesystem::path runs_;
  const std::filesystem::path public_runs_;
  std::unique_ptr<content::Cache> cache_;
  content::Downloader downloader_;
  Send send_;  // empty without a link
  Ticket last_ = 0;
  std::map<Ticket, std::unique_ptr<Preparation>> preparations_;
  std::map<Ticket, Reading> readings_;
  std::shared_ptr<Content*> self_;  // null once destroyed, for posts that come later
};

}  // namespace muster::agent
