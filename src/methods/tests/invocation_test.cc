// SPDX-License-Identifier: Apache-2.0
#include "methods/invocation.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "methods/task_result.h"

namespace muster::methods {
namespace {

struct InvocationTest : ::testing::Test {
  Package package;
  InvocationInput input;

  InvocationTest() {
    package.name = {"m", "t"};
    package.files = {{"m/tasks/t.sh", true, 1, ""}};
    input.package = &package;
    input.install_folder = "/run/x";
    input.executable_prefix = "#!/bin/sh\n";
  }
  Invocation made(std::string_view arguments = "{}") {
    input.arguments = json::parse(arguments).get_object();
    auto result = make_invocation(input);
    EXPECT_TRUE(result) << result.error().message;
    return result ? *result : Invocation();
  }
};

using Strings = std::vector<std::string>;

TEST_F(InvocationTest, BothWaysUnlessSaidOtherwise) {
  const Invocation both =
      made(R"({"s": "a b", "n": 1, "f": 1.5, "l": [1, "2", 0.5], "o": {"x": null},
                                   "t": true, "nothing": null})");
  EXPECT_EQ(both.argv, Strings{"/run/x/m/tasks/t.sh"});
  EXPECT_EQ(both.stdin_bytes,
            R"({"s":"a b","n":1,"f":1.5,"l":[1,"2",0.5],"o":{"x":null},"t":true,"_task":"m::t"})");
  EXPECT_EQ(both.environment, (Strings{"PT_s=a b", "PT_n=1", "PT_f=1.5", "PT_l=[1,\"2\",0.5]",
                                       "PT_o={\"x\":null}", "PT_t=true", "PT__task=m::t"}));
  package.metadata.input_method = InputMethod::kStdin;
  EXPECT_TRUE(made().environment.empty());
  package.metadata.input_method = InputMethod::kEnvironment;
  EXPECT_EQ(made().stdin_bytes, "");
  EXPECT_EQ(made().environment, Strings{"PT__task=m::t"});
}

TEST_F(InvocationTest, AnImplementationHasItsOwnWay) {
  Implementation implementation;
  implementation.name = "t.sh";
  package.metadata.implementations = {implementation};
  package.metadata.input_method = InputMethod::kEnvironment;
  input.implementation = &package.metadata.implementations[0];
  EXPECT_EQ(made().stdin_bytes, "");
  package.metadata.implementations[0].input_method = InputMethod::kStdin;
  EXPECT_EQ(made().stdin_bytes, R"({"_task":"m::t"})");
  EXPECT_TRUE(made().environment.empty());
}

TEST_F(InvocationTest, InjectsNoopAndInstalldirOnlyWhereTheyBelong) {
  input.noop = true;
  EXPECT_EQ(make_invocation(input).error().code, core::Code::kInvalid);
  package.metadata.supports_noop = true;
  package.metadata.files = {"m/files/"};
  package.name.task = "init";
  package.files[0].path = "m/tasks/init.sh";
  const Invocation noop = made();
  EXPECT_EQ(noop.stdin_bytes, R"({"_task":"m","_noop":true,"_installdir":"/run/x"})");
  EXPECT_EQ(noop.environment, (Strings{"PT__task=m", "PT__noop=true", "PT__installdir=/run/x"}));
}

TEST_F(InvocationTest, WhatTheEnvironmentCannotHoldIsOnStdin) {
  const std::string large(kVariableBytesMax, 'x');
  input.arguments = {{"large", large}, {"zero", std::string("a\0b", 3)}, {"small", "s"}};
  const auto both = make_invocation(input);
  ASSERT_TRUE(both);
  EXPECT_EQ(both->only_on_stdin, (Strings{"large", "zero"}));
  EXPECT_EQ(both->environment, (Strings{"PT_small=s", "PT__task=m::t"}));
  EXPECT_NE(both->stdin_bytes.find("a\\u0000b"), std::string::npos);
  package.metadata.input_method = InputMethod::kEnvironment;
  EXPECT_FALSE(make_invocation(input));
}

TEST_F(InvocationTest, RefusesArgumentsThatAreNoNames) {
  for (const char* name : {"_task", "A", "a=b", "a\n", ""}) {
    input.arguments = {{name, 1}};
    EXPECT_FALSE(make_invocation(input)) << name;
  }
}

TEST_F(InvocationTest, FindsTheInterpreterAsAShellWould) {
  const auto argv = [&](std::string path, std::string prefix) {
    package.files[0].path = std::move(path);
    input.executable_prefix = std::move(prefix);
    return made().argv;
  };
  EXPECT_EQ(argv("m/tasks/t",
                 "\x7f"
                 "ELF\x02"),
            Strings{"/run/x/m/tasks/t"});
  EXPECT_EQ(argv("m/tasks/t.py", "#!/usr/bin/env python3"), Strings{"/run/x/m/tasks/t.py"});
  EXPECT_EQ(argv("m/tasks/t.py", "import os"), (Strings{"python3", "/run/x/m/tasks/t.py"}));
  EXPECT_EQ(argv("m/tasks/t.rb", "puts 1"), (Strings{"ruby", "/run/x/m/tasks/t.rb"}));
  EXPECT_EQ(argv("m/tasks/t.sh", "echo"), (Strings{"/bin/sh", "/run/x/m/tasks/t.sh"}));
  EXPECT_EQ(argv("m/tasks/t", ""), (Strings{"/bin/sh", "/run/x/m/tasks/t"}));
}

TEST_F(InvocationTest, PowershellGetsNamedArguments) {
  package.files[0].path = "m/tasks/t.ps1";
  input.executable_prefix = "param($s)";
  const Invocation power = made(R"({"s": "a b", "f": false, "n": 2})");
  EXPECT_EQ(power.argv, (Strings{"pwsh", "-NoLogo", "-NoProfile", "-NonInteractive", "-File",
                                 "/run/x/m/tasks/t.ps1", "-s", "a b", "-f:$false", "-n", "2",
                                 "-_task", "m::t"}));
  EXPECT_EQ(power.stdin_bytes, "");
  EXPECT_TRUE(power.environment.empty());
  package.metadata.input_method = InputMethod::kStdin;
  EXPECT_EQ(made().argv.back(), "/run/x/m/tasks/t.ps1");
  EXPECT_EQ(made().stdin_bytes, R"({"_task":"m::t"})");
}

struct TaskResultTest : ::testing::Test {
  static TaskResult result(std::string_view out, int status = 0, std::string_view err = "") {
    TaskOutput output;
    output.task = "m::t";
    output.stdout_bytes = out;
    output.stderr_bytes = err;
    output.exit_code = status;
    return parse_task_output(output);
  }
  static json::value at(const TaskResult& result, std::string_view pointer) {
    std::error_code failed;
    const json::value whole(result.value);
    const json::value* found = whole.find_pointer(pointer, failed);
    return found == nullptr ? json::value("absent") : *found;
  }
};

TEST_F(TaskResultTest, ObjectsAreResultsAndAllElseIsText) {
  const TaskResult object = result(" {\"a\": {\"b\": 1}, \"_output\": \"said\"}\n");
  EXPECT_TRUE(object.succeeded);
  EXPECT_TRUE(object.structured);
  EXPECT_EQ(at(object, "/a/b"), 1);
  for (const char* text : {"", "plain\n", "[1]", "1", "null", "{\"a\": 1,}", "{} {}",
                           "{\"a\": NaN}", "{\"a\": [1e400]}"}) {
    const TaskResult plain = result(text);
    EXPECT_TRUE(plain.succeeded) << text;
    EXPECT_FALSE(plain.structured) << text;
    EXPECT_EQ(at(plain, "/_output"), json::value(text));
  }
  std::string deep;
  for (std::size_t i = 0; i <= kResultDepthMax; ++i) deep += "{\"a\":";
  EXPECT_FALSE(result(deep + "1" + std::string(kResultDepthMax + 1, '}')).structured);
}

TEST_F(TaskResultTest, AStatusWithoutErrorGetsOne) {
  const TaskResult silent = result("", 12);
  EXPECT_FALSE(silent.succeeded);
  EXPECT_EQ(at(silent, "/_error/kind"), json::value(kTaskError));
  EXPECT_EQ(at(silent, "/_error/details/exit_code"), 12);
  EXPECT_EQ(silent.error_message(), "The task failed with exit code 12 and no output");
  EXPECT_EQ(at(silent, "/_output"), json::value(""));
  EXPECT_EQ(result("half", 4, "why").error_message(), "The task failed with exit code 4");
  EXPECT_EQ(result("", 1, "no such thing\n").error_message(),
            "The task failed with exit code 1 and no stdout, but stderr contained:\nno such "
            "thing\n");
  EXPECT_EQ(result("", 1, "caf\xe9").error_message().back(), '9');  // \xe9, spelt out
  EXPECT_EQ(at(result("{\"a\": 1, \"_error\": null}", 1), "/_error/details/exit_code"), 1);
  EXPECT_EQ(at(result("{\"a\": 1}", 1), "/a"), 1);
}

TEST_F(TaskResultTest, ItsOwnErrorIsKept) {
  const TaskResult own = result(R"({"_error": {"kind": "m/full", "msg": "full",
                                    "details": {"free": 0}}})",
                                2);
  EXPECT_EQ(own.error_message(), "full");
  EXPECT_EQ(at(own, "/_error/kind"), json::value("m/full"));
  EXPECT_EQ(at(own, "/_error/details/free"), 0);
  const TaskResult short_one = result(R"({"_error": {"msg": "x"}})");
  EXPECT_FALSE(short_one.succeeded);  // whatever its status
  EXPECT_EQ(at(short_one, "/_error/kind"), json::value(kTaskError));
  EXPECT_EQ(at(result(R"({"_error": {"msg": "x"}})", 7), "/_error/details/exit_code"), 7);
}

TEST_F(TaskResultTest, AnErrorOfTheWrongShapeIsWrapped) {
  for (const char* text :
       {R"({"_error": "just text"})", R"({"_error": {"kind": "x"}})", R"({"_error": 5})",
        R"({"_error": {"msg": 5}})", R"({"_error": null})"}) {
    const TaskResult wrapped = result(text);
    EXPECT_FALSE(wrapped.succeeded) << text;
    EXPECT_EQ(at(wrapped, "/_error/kind"), json::value(kInvalidTaskError)) << text;
    EXPECT_NE(at(wrapped, "/_error/details/original_error"), json::value("absent"));
    EXPECT_NE(wrapped.error_message().find("must be an object with a msg key"), std::string::npos);
  }
}

TEST_F(TaskResultTest, InvalidUtf8IsAnErrorUnlessTheLimitCutIt) {
  const TaskResult invalid = result("caf\xe9\n");
  EXPECT_FALSE(invalid.succeeded);
  EXPECT_EQ(at(invalid, "/_error/kind"), json::value(kOutputEncodingError));
  TaskOutput cut;
  cut.stdout_bytes = "{\"a\": \"caf\xc3";
  cut.stdout_cut = true;
  EXPECT_TRUE(parse_task_output(cut).succeeded);
  EXPECT_EQ(at(parse_task_output(cut), "/_output"), json::value("{\"a\": \"caf"));
  cut.stdout_bytes = "{}";  // whole by chance; the rest is not known
  EXPECT_FALSE(parse_task_output(cut).structured);
}

TEST_F(TaskResultTest, SignalsAndSecrets) {
  TaskOutput killed;
  killed.signal = 9;
  const TaskResult result_of_signal = parse_task_output(killed);
  EXPECT_EQ(at(result_of_signal, "/_error/details/exit_code"), 137);
  EXPECT_EQ(at(result_of_signal, "/_error/details/signal"), 9);
  const TaskResult secret = result(R"({"a": 1, "_sensitive": {"new": "x"}})");
  EXPECT_TRUE(secret.sensitive);
  EXPECT_EQ(at(secret, "/_sensitive/new"), json::value("x"));
  EXPECT_EQ(secret.shown().at("_sensitive"), json::value("[hidden]"));
  EXPECT_EQ(runner_error(kUnexecutableTask, "no").error_message(), "no");
  EXPECT_FALSE(runner_error(kUnexecutableTask, "no").succeeded);
}

}  // namespace
}  // namespace muster::methods
