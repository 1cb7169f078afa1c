// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "core/bytes.h"
#include "runtime/file.h"
#include "runtime/loop.h"
#include "runtime/signal.h"
#include "runtime/task_group.h"
#include "runtime/worker_pool.h"

namespace muster::runtime {
namespace {

using namespace std::chrono_literals;

TEST(TaskGroup, StopCancelsWhatWaits) {
  Loop loop;
  TaskGroup group(loop, "test"), control(loop, "control");
  bool slept_whole = true, stopped = false;
  group.spawn([](bool& whole) -> Task<void> { whole = co_await sleep_for(1h); }(slept_whole));
  control.spawn([](TaskGroup& g, bool& done) -> Task<void> {
    co_await g.stop();
    done = true;
  }(group, stopped));
  loop.run_until_idle();
  EXPECT_FALSE(slept_whole);
  EXPECT_TRUE(stopped);
  EXPECT_EQ(group.size(), 0U);
}

TEST(WorkerPool, RunsElsewhereAndReturnsHere) {
  Loop loop;
  WorkerPool pool(2);
  TaskGroup group(loop, "test");
  std::thread::id worked, resumed;
  group.spawn([](WorkerPool& p, std::thread::id& w, std::thread::id& r) -> Task<void> {
    w = co_await p.run([] { return std::this_thread::get_id(); });
    r = std::this_thread::get_id();
  }(pool, worked, resumed));
  const auto guard = boost::asio::make_work_guard(loop.context());
  while (group.size() > 0) loop.context().run_one();
  EXPECT_NE(worked, std::this_thread::get_id());
  EXPECT_EQ(resumed, std::this_thread::get_id());
}

TEST(Signal, WakesAllWaitersAndLosesNoChange) {
  Loop loop;
  Signal signal;
  TaskGroup group(loop, "test");
  int woken = 0, timed_out = 0;
  const auto waiter = [](Signal& s, std::uint64_t seen, core::Duration at_most, int& yes,
                         int& no) -> Task<void> { ++(co_await s.wait(seen, at_most) ? yes : no); };
  for (int i = 0; i < 3; ++i) group.spawn(waiter(signal, 0, 1h, woken, timed_out));
  loop.post([&] {
    signal.notify();
    group.spawn(waiter(signal, 0, 1h, woken, timed_out));   // the change is there already
    group.spawn(waiter(signal, 1, 1ms, woken, timed_out));  // nothing newer comes
  });
  loop.run_until_idle();
  EXPECT_EQ(woken, 4);
  EXPECT_EQ(timed_out, 1);
}

TEST(Timer, CancelledTimerStaysSilentEvenWhenItsCompletionIsQueued) {
  Loop loop;
  Timer early(loop), late(loop);
  bool fired = false;
  early.start(0ms, [&] { late.cancel(); });
  late.start(0ms, [&] { fired = true; });
  loop.run_until_idle();
  EXPECT_FALSE(fired);
}

TEST(File, ReplacesAtomicallyAndRefusesTooMuch) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("muster-" + core::to_hex(core::random_bytes(6)));
  ASSERT_TRUE(make_private_folder(folder));
  const auto path = folder / "file";
  EXPECT_EQ(read_file(path).error().code, core::Code::kNotFound);
  ASSERT_TRUE(write_file(path, "one"));
  ASSERT_TRUE(write_file(path, "two"));
  EXPECT_EQ(read_file(path).value(), "two");
  EXPECT_EQ(read_file(path, 2).error().code, core::Code::kLimit);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
  EXPECT_FALSE(make_private_folder(path));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace muster::runtime
