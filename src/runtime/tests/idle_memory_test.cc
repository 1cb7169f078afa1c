// SPDX-License-Identifier: Apache-2.0
#include "runtime/idle_memory.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

namespace muster::runtime {
namespace {

struct Base {
  virtual ~Base() = default;
  virtual int value() const = 0;
};
struct Derived final : Base {
  int value() const override { return 42; }
};

// Relocated, then made read-only: what must not be dropped.
constexpr std::array<const char*, 3> kWords{"one", "two", "three"};
int counter = 7;

/// Resident pages that belong to files.
long file_pages() {
  long size = 0, resident = 0, of_files = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  EXPECT_EQ(std::fscanf(file, "%ld %ld %ld", &size, &resident, &of_files), 3);
  std::fclose(file);
  return of_files;
}

TEST(IdleMemory, CodeAndConstantsComeBackAndDataStay) {
  const std::unique_ptr<Base> object = std::make_unique<Derived>();
  const std::string text(100'000, 'x');
  ++counter;
  const long before = file_pages();
  release_idle_memory();
  EXPECT_LT(file_pages(), before);
  EXPECT_EQ(object->value(), 42);
  EXPECT_EQ(counter, 8);
  EXPECT_EQ(std::string(kWords[0]) + kWords[1] + kWords[2], "onetwothree");
  EXPECT_EQ(text.find_first_not_of('x'), text.npos);
  EXPECT_THROW(throw std::runtime_error("unwinds"), std::runtime_error);
}

}  // namespace
}  // namespace muster::runtime
