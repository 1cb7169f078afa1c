// SPDX-License-Identifier: Apache-2.0
#include "muster_method.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

extern char** environ;

namespace muster_method {
namespace {

constexpr int kDepthMax = 100;

// A reader of JSON (RFC 8259); lenient about nothing but the size of numbers.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}
  Json all() {
    Json value = any(0);
    blanks();
    if (!rest_.empty()) wrong("something follows the value");
    return value;
  }

 private:
  [[noreturn]] static void wrong(const char* what) {
    throw std::invalid_argument(std::string("no JSON: ") + what);
  }
  void blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size())); }
  bool take(std::string_view word) {
    if (rest_.substr(0, word.size()) != word) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  Json any(int depth) {
    if (depth > kDepthMax) wrong("too deep");
    blanks();
    Json value;
    if (take("null")) return value;
    if (rest_.substr(0, 1) == "t" || rest_.substr(0, 1) == "f") {
      value.kind = Json::Kind::kBool;
      value.flag = take("true");
      if (!value.flag && !take("false")) wrong("an unknown word");
    } else if (take("\"")) {
      value.kind = Json::Kind::kString;
      value.text = string();
    } else if (take("[")) {
      value.kind = Json::Kind::kArray;
      list("]", [&] { value.items.push_back(any(depth + 1)); });
    } else if (take("{")) {
      value.kind = Json::Kind::kObject;
      list("}", [&] {
        if (!take("\"")) wrong("a member without a name");
        std::string name = string();
        blanks();
        if (!take(":")) wrong("a member without a value");
        value.members[std::move(name)] = any(depth + 1);
      });
    } else {
      value.kind = Json::Kind::kNumber;
      const std::size_t end = std::min(rest_.find_first_not_of("+-.0123456789eE"), rest_.size());
      value.text = rest_.substr(0, end);
      char* after = nullptr;
      (void)std::strtod(value.text.c_str(), &after);
      if (end == 0 || *after != '\0') wrong("an unknown value");
      rest_.remove_prefix(end);
    }
    return value;
  }
  void list(std::string_view closing, const std::function<void()>& item) {
    blanks();
    if (take(closing)) return;
    do {
      blanks();
      item();
      blanks();
    } while (take(","));
    if (!take(closing)) wrong("a list that does not end");
  }
  std::string string() {
    std::string text;
    while (!rest_.empty()) {
      const char next = rest_.front();
      rest_.remove_prefix(1);
      if (next == '"') return text;
      if (next == '\\')
        escape(text);
      else
        text += next;
    }
    wrong("a text that does not end");
  }
  void escape(std::string& text) {
    static constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    if (rest_.empty()) wrong("a text that does not end");
    const char kind = rest_.front();
    rest_.remove_prefix(1);
    if (kind == 'u') return utf8(text, unit());
    const std::size_t at = kFrom.find(kind);
    if (at == std::string_view::npos) wrong("an unknown escape");
    text += kTo[at];
  }
  unsigned unit() {
    const std::string digits(rest_.substr(0, 4));
    if (digits.size() < 4 || digits.find_first_not_of("0123456789abcdefABCDEF") != digits.npos)
      wrong("an unknown escape");
    rest_.remove_prefix(4);
    return static_cast<unsigned>(std::stoul(digits, nullptr, 16));
  }
  void utf8(std::string& text, unsigned code) {
    if (code >= 0xD800 && code < 0xDC00 && take("\\u"))
      code = 0x10000 + ((code - 0xD800) << 10) + (unit() - 0xDC00);
    const auto byte = [&](unsigned bits) { text += static_cast<char>(bits); };
    if (code < 0x80) return byte(code);
    if (code < 0x800) {
      byte(0xC0 | code >> 6);
    } else if (code < 0x10000) {
      byte(0xE0 | code >> 12), byte(0x80 | (code >> 6 & 63));
    } else {
      byte(0xF0 | (code >> 18 & 7)), byte(0x80 | (code >> 12 & 63)), byte(0x80 | (code >> 6 & 63));
    }
    byte(0x80 | (code & 63));
  }

  std::string_view rest_;
};

[[noreturn]] void wrong_type(const std::string& name, const char* type) {
  throw ArgumentError("the argument '" + name + "' must be " + type);
}

std::string printable_line(std::string_view text) {
  std::string line(text);
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return line;
}

}  // namespace

Json Json::parse(std::string_view text) {
  return Reader(text).all();
}

const Json* Json::find(const std::string& name) const {
  const auto found = members.find(name);
  return found == members.end() ? nullptr : &found->second;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) {
      out += c;
    } else {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      out += escaped;
    }
  }
  return out += '"';
}

Method::Method() {
  std::string text;
  if (isatty(0) == 0)
    text.assign(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
  if (text.find_first_not_of(" \t\r\n") != std::string::npos) {
    arguments_ = Json::parse(text).members;
  } else {
    are_texts_ = true;
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string_view variable = *entry;
      const std::size_t equals = variable.find('=');
      if (variable.substr(0, 3) != "PT_" || equals == std::string_view::npos) continue;
      Json value;
      value.kind = Json::Kind::kString;
      value.text = variable.substr(equals + 1);
      arguments_[std::string(variable.substr(3, equals - 3))] = std::move(value);
    }
  }
  if (const char* number = std::getenv("MUSTER_CHANNEL")) channel_ = std::atoi(number);
}

bool Method::has(const std::string& name) const {
  const auto found = arguments_.find(name);
  return found != arguments_.end() && found->second.kind != Json::Kind::kNull;
}

// As JSON, also where the environment brought it as text.
Json Method::argument(const std::string& name) const {
  if (!has(name)) throw ArgumentError("the argument '" + name + "' is missing");
  const Json& value = arguments_.at(name);
  if (!are_texts_) return value;
  try {
    return Json::parse(value.text);
  } catch (const std::invalid_argument&) {
    return value;
  }
}

template <>
Json Method::get(const std::string& name) const {
  return argument(name);
}

template <>
std::string Method::get(const std::string& name) const {
  if (!has(name)) throw ArgumentError("the argument '" + name + "' is missing");
  const Json& value = arguments_.at(name);
  if (value.kind != Json::Kind::kString) wrong_type(name, "a text");
  return value.text;
}

template <>
std::int64_t Method::get(const std::string& name) const {
  const Json value = argument(name);
  char* end = nullptr;
  errno = 0;
  const long long number = std::strtoll(value.text.c_str(), &end, 10);
  if (value.kind != Json::Kind::kNumber || *end != '\0' || errno != 0)
    wrong_type(name, "a whole number");
  return number;
}

template <>
double Method::get(const std::string& name) const {
  const Json value = argument(name);
  if (value.kind != Json::Kind::kNumber) wrong_type(name, "a number");
  return std::strtod(value.text.c_str(), nullptr);
}

template <>
bool Method::get(const std::string& name) const {
  const Json value = argument(name);
  if (value.kind != Json::Kind::kBool) wrong_type(name, "true or false");
  return value.flag;
}

template <>
std::vector<std::string> Method::get(const std::string& name) const {
  const Json value = argument(name);
  if (value.kind != Json::Kind::kArray) wrong_type(name, "a list of texts");
  std::vector<std::string> texts;
  for (const Json& item : value.items) {
    if (item.kind != Json::Kind::kString) wrong_type(name, "a list of texts");
    texts.push_back(item.text);
  }
  return texts;
}

bool Method::say(const std::string& line) {
  for (std::size_t done = 0; channel_ >= 0 && done < line.size();) {
    const ssize_t count = send(channel_, line.data() + done, line.size() - done, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) channel_ = -1;  // nobody listens any more
    if (count > 0) done += static_cast<std::size_t>(count);
  }
  return channel_ >= 0;
}

void Method::progress(std::optional<int> percent, std::string_view text) {
  std::string line = R"({"type":"progress")";
  if (percent) line += ",\"percent\":" + std::to_string(*percent);
  if (!text.empty()) line += ",\"text\":" + quoted(text.substr(0, 200));
  say(line + "}\n");
}

void Method::log(std::string_view level, std::string_view message, std::string_view fields) {
  std::string line = std::string(level) + ": " + printable_line(message);
  if (!fields.empty()) line.append(" ").append(fields);
  std::cerr << line << std::endl;
}

Json Method::call(std::string_view name, std::string_view body) {
  const std::string id = std::to_string(++calls_);
  if (!say(R"({"type":"call","id":)" + id + ",\"name\":" + quoted(name) +
           ",\"body\":" + std::string(body) + "}\n"))
    throw CallError("unavailable", "there is no channel to an agent");
  for (;;) {
    std::size_t end = 0;
    while ((end = heard_.find('\n')) == std::string::npos) {
      char buffer[16 * 1024];
      const ssize_t count = recv(channel_, buffer, sizeof buffer, 0);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) {
        channel_ = -1;
        throw CallError("unavailable", "the channel ended");
      }
      heard_.append(buffer, static_cast<std::size_t>(count));
    }
    const Json reply = Json::parse(std::string_view(heard_).substr(0, end));
    heard_.erase(0, end + 1);
    const Json* said = reply.find("id");
    if (!said || said->text != id) continue;
    if (const Json* error = reply.find("error")) {
      const Json *code = error->find("code"), *message = error->find("message");
      throw CallError(code ? code->text : "", message ? message->text : "");
    }
    const Json* answer = reply.find("body");
    return answer ? *answer : Json{};
  }
}

std::string Method::fetch(std::string_view path) {
  const Json answer = call("content.fetch", "{\"path\":" + quoted(path) + "}");
  const Json* where = answer.find("path");
  if (!where) throw CallError("corrupt", "the answer names no path");
  return where->text;
}

Json Method::call_again(std::string_view name, const std::string& body) {
  constexpr int kTriesMax = 60;
  for (int tries = 1;; ++tries) {
    try {
      return call(name, body);
    } catch (const CallError& error) {
      const bool passes = error.code == "unavailable" || error.code == "timeout";
      if (!passes || channel_ < 0 || tries == kTriesMax) throw;
      sleep(1);
    }
  }
}

std::string Method::start(std::string_view request, std::string_view key) {
  const std::size_t end = request.rfind('}');
  if (end == std::string_view::npos) throw CallError("invalid", "the request is no object");
  ++starts_;
  const std::string name = key.empty()
                               ? "c++ " + std::to_string(getpid()) + ' ' + std::to_string(starts_)
                               : std::string(key);
  const Json answer = call_again(
      "run.start", std::string(request.substr(0, end)) + ",\"key\":" + quoted(name) + "}");
  const Json* run = answer.find("run");
  if (!run) throw CallError("corrupt", "the answer names no run");
  return run->text;
}

Json Method::wait(std::string_view run) {
  for (;;) {
    Json answer = call_again("run.wait", "{\"run\":" + quoted(run) + "}");
    const Json* state = answer.find("state");
    if (state && state->text == "finished") return answer;
    usleep(200'000);
  }
}

Json Method::run_result(std::string_view run) {
  return call_again("run.result", "{\"run\":" + quoted(run) + "}");
}

void Method::result(std::string_view object) {
  write(object);
  write("\n");
  std::cout.flush();
}

void Method::write(std::string_view chunk) {
  std::cout.write(chunk.data(), static_cast<std::streamsize>(chunk.size()));
}

void Method::result_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path + ": " + std::strerror(errno));
  std::vector<char> buffer(1024 * 1024);
  while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), file.gcount() > 0)
    write({buffer.data(), static_cast<std::size_t>(file.gcount())});
  std::cout.flush();
}

int run(const std::function<void(Method&)>& method) {
  try {
    Method one;
    method(one);
    std::cout.flush();
    return std::cout ? 0 : 1;
  } catch (const std::exception& error) {
    std::cout << R"({"_error":{"kind":"method/failed","msg":)" << quoted(error.what())
              << ",\"details\":{}}}" << std::endl;
    return 1;
  }
}

}  // namespace muster_method
