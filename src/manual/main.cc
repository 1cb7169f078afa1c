// SPDX-License-Identifier: Apache-2.0
//
// muster-manual FOLDER [DATE]: writes pages of the manual, default files and completions.
#include <cstdio>
#include <filesystem>

#include "core/clock.h"
#include "manual/pages.h"
#include "runtime/file.h"

int main(int count, char** words) {
  using namespace muster;
  if (count < 2 || count > 3) {
    std::fputs("usage: muster-manual FOLDER [DATE]\n", stderr);
    return 2;
  }
  const std::filesystem::path folder = words[1];
  const std::string date = count == 3 ? words[2] : core::to_rfc3339(core::wall_now()).substr(0, 10);
  for (const auto& [name, text] : manual::files(date)) {
    std::error_code failed;
    std::filesystem::create_directories((folder / name).parent_path(), failed);
    if (auto written = runtime::write_file(folder / name, text, 0644); !written) {
      std::fprintf(stderr, "muster-manual: %s\n", written.error().message.c_str());
      return 1;
    }
  }
  return 0;
}
