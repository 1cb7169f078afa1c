// SPDX-License-Identifier: Apache-2.0
//
// What the library for C++ can do.
#include <unistd.h>

#include <fstream>

#include "muster_method.h"

using muster_method::Json;
using muster_method::Method;

int main() {
  return muster_method::run([](Method& method) {
    const auto count = method.get<std::int64_t>("count");
    const auto name = method.get<std::string>("name");
    const auto go = method.get<std::string>("go", "");
    method.progress(40, "waiting for \"go\"");
    while (!go.empty() && access(go.c_str(), F_OK) != 0) usleep(50'000);
    method.log("warning", "a line of the log", "{\"count\":1}");
    const Json run = method.call("run.describe");
    std::string note;
    std::getline(std::ifstream(method.fetch("sdk_cpp/files/note.txt")), note);
    try {
      method.call("certificate.renew");
      throw std::runtime_error("methods must not ask for certificates");
    } catch (const muster_method::CallError& error) {
      if (error.code != "not_found") throw;
    }
    method.result("{\"count\":" + std::to_string(count + 1) + ",\"name\":" +
                  muster_method::quoted(name) + ",\"note\":" + muster_method::quoted(note) +
                  ",\"run\":{\"method\":" + muster_method::quoted(run.find("method")->text) +
                  ",\"targets\":" + run.find("targets")->text + "}}");
  });
}
