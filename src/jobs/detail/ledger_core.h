// SPDX-License-Identifier: Apache-2.0
//
// What the ledger keeps in memory: dense arrays of targets by run, and for each
// endpoint the list of its open targets, so that a report costs one hash look-up.
//
// ledger_runs.cc: a run's begin, cancel and restore · ledger_rollout.cc: waves, ceilings,
// pauses: what may leave when · ledger_links.cc: links and
// reconciliation · ledger_reports.cc: reports · ledger_output.cc: large results ·
// ledger_commit.cc: batches and what follows a commit · ledger_tick.cc: deadlines.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "jobs/ledger.h"

namespace muster::jobs::detail {

inline constexpr std::uint32_t kNoGateway = ~0u;
/// A count of dispatches that nothing can prove unsent any more.
inline constexpr std::uint8_t kDoubtForever = 255;
inline constexpr std::size_t kReasonBytesMax = 1024;
/// Targets that a wave's begin or a cancel writes in one batch; the next follows its commit.
inline constexpr std::size_t kRowsAtOnceMax = 20'000;

struct OpenRun;

/// One open target of an endpoint.
struct Membership {
  OpenRun* run;
  std::uint32_t slot;
};

/// An endpoint that is online or is somebody's target.
struct Node {
  core::EndpointId id;
  std::uint32_t gateway = kNoGateway;  ///< of its link; none: offline
  std::uint64_t link = 0;
  std::uint64_t instance = 0;
  std::array<char, 16> instance_bytes{};
  std::vector<Membership> open;

  bool online() const { return gateway != kNoGateway; }
};

/// One target in memory.
struct Member {
  std::uint32_t node = 0;
  TargetState state = TargetState::kQueued;
  TargetState shown = TargetState::kQueued;  ///< what is durable
  std::uint8_t in_doubt = 0;                 ///< dispatches that may have arrived
  std::uint8_t retries = 0;                  ///< of a gateway that was busy
  std::uint8_t restarts = 0;                 ///< sent to anew: something may have run before
  bool intent = false;                       ///< sent, but not yet written, thus not yet dispatched
  bool overdue = false;                      ///< its deadline has passed once
  bool durable = false;                      ///< the final state is written
  bool is_ready = false;                     ///< it stands in OpenRun::ready
  bool owed = false;      ///< sent, proven not to have arrived, and held back by a pause
  bool answered = false;  ///< its endpoint holds a result and waits for the acknowledgement
  std::uint32_t gateway = kNoGateway;  ///< of the last dispatch
  std::uint32_t row = 0;               ///< in the batch with this serial
  std::uint64_t row_batch = 0;
  std::uint64_t instance = 0;  ///< that it was sent to
  core::MonoTime deadline = core::MonoTime::max();
  std::int64_t started_at_ms = 0;  ///< 0: not known
};

/// A result on its way in chunks.
struct Assembly {
  wire::Announce announce;
  std::uint64_t out_received = 0;
  std::uint64_t err_received = 0;
  std::uint32_t out_blocks = 0;  ///< given to the disk
  std::uint32_t err_blocks = 0;
  std::string block;   ///< the part of the current stream that fills no block yet
  std::string out;     ///< both streams, where they fit in the row
  std::string digest;  ///< chained over the blocks
  bool apart = false;
  std::uint64_t serial = 0;        ///< no other one has it
  std::unique_ptr<Target> target;  ///< what it ends with, once all its blocks are stored

  std::uint64_t received() const { return out_received + err_received; }
};

struct OpenRun {
  Run run;  ///< as it is shown: durable
  std::vector<Member> members;
  std::unordered_map<std::uint32_t, std::unique_ptr<Assembly>> assemblies;
  std::vector<TargetEvent> events;  ///< of the commit that is being told
  Ledger::Created created;
  std::string idempotency;  ///< author and key while it is being created
  std::uint32_t open = 0;   ///< members that are not final
  bool cancelled = false;

  // What may leave when. Slots below `released` may go when their endpoint is there and
  // there is room; the others wait for their turn.
  Progress progress;                ///< as decided; `run` has what is durable
  std::uint32_t released = 0;       ///< at most the end of the wave that is under way
  std::uint32_t under_way = 0;      ///< members that are sent or running
  std::uint32_t wave_open = 0;      ///< members of the wave that are not final
  std::uint32_t failures = 0;       ///< of the run, as its plan counts them
  std::uint32_t wave_failures = 0;  ///< of the wave
  std::deque<std::uint32_t> ready;  ///< released, there, and without room to go
  std::vector<std::uint32_t> owed;  ///< sent, but a pause came before they were sent again
  std::uint32_t closed = 0;         ///< below it nothing waits any more (cancel, stop)
  bool gate_open = false;           ///< somebody let the next wave begin
  bool pumping = false;             ///< it stands in Core::to_pump
  core::MonoTime next_wave_at = core::MonoTime::max();
  bool touched = false;  ///< by the commit that is being told
  core::Duration patience{};
  core::MonoTime queue_until = core::MonoTime::min();  ///< min: no queue time
  core::MonoTime next_check = core::MonoTime::max();

  std::uint32_t size() const { return static_cast<std::uint32_t>(members.size()); }
  std::uint32_t wave_begin() const {
    return run.rollout ? run.rollout->begin_of(progress.wave) : 0;
  }
  std::uint32_t wave_end() const {
    return run.rollout ? std::min(run.rollout->waves[progress.wave].end, size()) : size();
  }
  bool is_last_wave() const { return wave_end() == size(); }
  bool in_wave(std::uint32_t slot) const { return slot >= wave_begin() && slot < wave_end(); }
  /// It ends: what waits is not sent any more.
  bool closing() const { return cancelled || progress.stopped; }
  bool waits() const { return queue_until != core::MonoTime::min(); }
  bool has_room() const {
    const std::uint32_t ceiling = run.rollout ? run.rollout->plan.parallel_max : 0;
    return !closing() && !progress.paused && (ceiling == 0 || under_way < ceiling);
  }
};

inline bool is_under_way(TargetState state) {
  return state == TargetState::kSent || state == TargetState::kRunning;
}

/// Nothing is under way to it now (it may have been before, where it was restarted).
inline bool is_waiting(const Member& member) {
  return member.state == TargetState::kQueued || (member.intent && member.in_doubt == 0);
}

inline std::uint64_t instance_tag(std::string_view instance) {
  // 16 random bytes: half of them would do, both together take any.
  std::uint64_t half[2] = {0, 0};
  instance.copy(reinterpret_cast<char*>(half), sizeof half);
  const std::uint64_t tag = half[0] ^ (half[1] << 1 | half[1] >> 63);
  return tag == 0 ? 1 : tag;
}

inline core::MonoTime after(core::MonoTime now, core::Duration wait) {
  return wait > core::MonoTime::max() - now ? core::MonoTime::max() : now + wait;
}

}  // namespace muster::jobs::detail

namespace muster::jobs {

/// Moves out of `announce` what becomes of its target.
Target target_of(wire::Announce& announce);

class Ledger::Core {
 public:
  using Node = detail::Node;
  using Member = detail::Member;
  using OpenRun = detail::OpenRun;

  Core(Sink& sink_in, LedgerSettings settings_in) : sink(sink_in), settings(settings_in) {}

  // ledger_runs.cc
  void restore_run(StoredRun stored, Now now);
  core::Status create(Run run, std::span<const core::EndpointId> targets, std::string key,
                      std::string digest, Now now, Created created);
  core::Status cancel(core::RunId id, std::string by, std::string reason, Now now);
  void begin_target(OpenRun& run, std::uint32_t slot, NewRun::Row& row);
  void finish(OpenRun& run, std::uint32_t slot, Target target, Now now);
  void finish(OpenRun& run, std::uint32_t slot, TargetState state, std::string reason, Now now);
  void finish_waiting(OpenRun& run, std::uint32_t slot, TargetState state, std::string reason,
                      Now now);
  TargetRow& write_row(OpenRun& run, std::uint32_t slot);
  void set_state(OpenRun& run, Member& member, TargetState state);
  void reconsider(OpenRun& run, std::uint32_t slot, Now now);
  void set_deadline(OpenRun& run, Member& member, core::MonoTime deadline);
  void forget(OpenRun& run);
  OpenRun* find(core::RunId id);

  // ledger_rollout.cc
  core::Status pause(core::RunId id, std::string by, std::string reason, Now now);
  core::Status resume(core::RunId id, std::string by, Now now);
  void stop_all(Hold why, Now now);
  void note_final(OpenRun& run, std::uint32_t slot, TargetState state);
  void note_wave(OpenRun& run);
  void step(OpenRun& run, RunStep::What what, std::string by, std::string reason);
  void hold(OpenRun& run, RunStep::What what, std::string by, std::string reason, Now now);
  void need_pump(OpenRun& run);
  void pump(Now now);
  bool pump(OpenRun& run, Now now);
  void close_waiting(OpenRun& run, Now now);
  bool check_failures(OpenRun& run, Now now);
  void fill(OpenRun& run, Now now);
  bool begin_next_wave(OpenRun& run, Now now);
  void release(OpenRun& run, std::uint32_t slot, Now now);
  void go(OpenRun& run, std::uint32_t slot);
  void send_owed(OpenRun& run, Now now);
  void wait_at_home(OpenRun& run, std::uint32_t slot, Now now);
  bool has_much_gathered() const { return gathering->rows.size() >= detail::kRowsAtOnceMax; }

  // ledger_links.cc
  void endpoint_up(Node& node, std::span<const wire::HeldRun* const> held, Now now);
  void reconcile(OpenRun& run, std::uint32_t slot, wire::HeldState held, Now now);
  void agent_restarted(OpenRun& run, std::uint32_t slot, Now now);
  void endpoint_gone(Node& node, Now now);
  void endpoint_removed(Node& node, std::string_view reason, Now now);
  std::uint32_t node_of(const core::EndpointId& id);
  Node* find_node(std::string_view id_bytes);
  std::uint32_t gateway_number(std::string_view name);
  std::uint32_t find_gateway(std::string_view name) const;

  // ledger_reports.cc
  void report(std::uint32_t gateway, wire::Report& report, Now now);
  void started(OpenRun& run, std::uint32_t slot, Now now);
  void announced(Node& node, wire::Announce& announce, Now now);
  void not_sent(Node& node, std::uint32_t gateway, const wire::NotSent& not_sent, Now now);
  void protocol_error(const Node& node, std::string_view what);
  detail::Membership* membership(Node& node, std::uint64_t run);

  // ledger_output.cc
  void begin_assembly(OpenRun& run, std::uint32_t slot, wire::Announce& announce, Now now);
  void chunk(Node& node, const wire::Chunk& chunk, Now now);
  void add_bytes(OpenRun& run, std::uint32_t slot, detail::Assembly& assembly, wire::Stream stream,
                 std::string_view data);
  void end_block(OpenRun& run, std::uint32_t slot, detail::Assembly& assembly, wire::Stream stream);
  void drop_assembly(OpenRun& run, std::uint32_t slot);
  bool refuse_bytes(const Node& node, std::size_t bytes);
  /// Everything was said, and is on its way to the disk.
  bool is_landing(const OpenRun& run, std::uint32_t slot) const;
  void store_gathered();
  void stored(core::Status outcome, Now now);
  void landed(OpenRun& run, std::uint32_t slot, Now now);
  std::size_t storing_bytes() const;
  std::size_t pending_bytes() const;

  // ledger_commit.cc
  void flush(Now now);
  void persisted(core::Status outcome, Now now);
  void failed(core::Error error, Now now);
  void committed(const Batch& batch, Now now);
  void row_committed(OpenRun& run, std::uint32_t slot, const Target& target, Now now);
  void leave(OpenRun& run, std::uint32_t slot, Now now);
  void add_dispatch(OpenRun& run, std::uint32_t slot, Now now);
  void add_cancel(OpenRun& run, std::uint32_t slot);
  void add_cancel(const Node& node, core::RunId run, std::string_view reason);
  void add_ack(const Node& node, core::RunId run);
  void send_gathered();

  // ledger_tick.cc
  void tick(Now now);
  void overdue(OpenRun& run, std::uint32_t slot, Now now);

  Sink& sink;
  const LedgerSettings settings;
  LedgerStats stats;
  std::string storage_error;
  std::unordered_map<core::RunId, std::unique_ptr<OpenRun>> runs;
  std::unordered_set<std::string> creating;  ///< idempotency keys
  std::unordered_map<core::EndpointId, std::uint32_t> node_numbers;
  std::vector<Node> nodes;
  std::vector<std::string> gateways;

  std::unique_ptr<Batch> gathering = std::make_unique<Batch>();
  std::uint64_t gathering_serial = 1;
  std::shared_ptr<Batch> in_flight;  ///< given to the sink, or waiting to be tried again
  core::MonoTime retry_at = core::MonoTime::max();  ///< of in_flight
  std::unique_ptr<OutputBatch> gathering_output = std::make_unique<OutputBatch>();
  std::shared_ptr<const OutputBatch> storing;  ///< given to the sink, or waiting as in_flight does
  core::MonoTime store_again_at = core::MonoTime::max();
  std::string output_error;  ///< as storage_error, of `storing`
  std::uint64_t last_assembly = 0;
  std::size_t assembling_bytes = 0;
  std::vector<core::RunId> to_pump;  ///< at the next flush
  std::optional<Hold> stopped;       ///< everything

  /// What leaves at the end of the current call, by run and gateway.
  struct Outgoing {
    core::RunId run;
    std::uint32_t gateway;
    std::string targets;
    std::string reason;                ///< of a cancel
    std::string instances;             ///< of a dispatch
    std::vector<std::uint64_t> links;  ///< of a dispatch or an acknowledgement
  };
  std::vector<Outgoing> dispatches;
  std::vector<Outgoing> cancels;
  std::vector<Outgoing> acks;
};

}  // namespace muster::jobs
