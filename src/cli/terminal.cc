// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "cli/exit_code.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

constexpr std::size_t kLineBytesMax = 64 * 1024;

const char* code_of(Color color) {
  switch (color) {
    case Color::kBold:
      return "1";
    case Color::kDim:
      return "2";
    case Color::kRed:
      return "31";
    case Color::kGreen:
      return "32";
    case Color::kYellow:
      return "33";
    case Color::kCyan:
      return "36";
    case Color::kNone:
      break;
  }
  return "";
}

std::string painted(bool colored, Color color, std::string_view text) {
  if (!colored || color == Color::kNone || text.empty()) return std::string(text);
  return std::string("\x1b[") + code_of(color) + "m" + std::string(text) + "\x1b[0m";
}

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
      continue;
    }
    if (errno == EINTR || errno == EAGAIN) continue;
    if (errno == EPIPE) {  // the reader has seen enough: end as every filter does
      std::signal(SIGPIPE, SIG_DFL);
      std::raise(SIGPIPE);
    }
    if (descriptor == STDOUT_FILENO) {
      const std::string why =
          std::string("muster: cannot write to standard output: ") + std::strerror(errno) + "\n";
      [[maybe_unused]] const auto ignored = ::write(STDERR_FILENO, why.data(), why.size());
      std::_Exit(kExitFailed);
    }
    return;  // nobody can be told
  }
}

/// The keyboard without echo; Ctrl-C arrives as a character, so that the echo is
/// always restored.
class Silence {
 public:
  Silence() {
    active_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
    if (!active_) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  ~Silence() {
    if (active_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  termios before_{};
  bool active_ = false;
};

core::Result<std::string> read_line() {
  std::string line;
  while (line.size() < kLineBytesMax) {
    char c = 0;
    const ssize_t count = ::read(STDIN_FILENO, &c, 1);
    if (count < 0 && errno == EINTR) return core::fail(core::Code::kCancelled, "interrupted");
    if (count <= 0) {
      if (!line.empty()) return line;
      return core::fail(core::Code::kInvalid, "standard input ended where an answer was expected");
    }
    if (c == '\x03') return core::fail(core::Code::kCancelled, "interrupted");
    if (c == '\n') return line;
    line += c;
  }
  return core::fail(core::Code::kLimit, "the line typed is too long");
}

}  // namespace

void Terminal::out_bytes(std::string_view bytes) {
  if (out_is_terminal) {
    out(for_screen(bytes));
  } else {
    out(bytes);
  }
}

void Terminal::err_bytes(std::string_view bytes) {
  if (err_is_terminal) {
    err(for_screen(bytes));
  } else {
    err(bytes);
  }
}

core::Result<bool> Terminal::confirm(std::string_view question) {
  MUSTER_ASSIGN(const std::string answer, ask(std::string(question) + " [y/N] "));
  return answer == "y" || answer == "Y" || answer == "yes" || answer == "Yes";
}

std::string Terminal::paint(Color color, std::string_view text) const {
  return painted(colors && out_is_terminal, color, text);
}

std::string Terminal::paint_error(Color color, std::string_view text) const {
  return painted(colors && err_is_terminal, color, text);
}

SystemTerminal::SystemTerminal() {
  std::signal(SIGPIPE, SIG_IGN);  // a lost connection is an error value; see write_all()
  out_is_terminal = ::isatty(STDOUT_FILENO) == 1;
  err_is_terminal = ::isatty(STDERR_FILENO) == 1;
  in_is_terminal = ::isatty(STDIN_FILENO) == 1;
  const char* term = std::getenv("TERM");
  const char* no_color = std::getenv("NO_COLOR");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  colors = (no_color == nullptr || *no_color == '\0') && !dumb;
  winsize size{};
  if (::ioctl(out_is_terminal ? STDOUT_FILENO : STDERR_FILENO, TIOCGWINSZ, &size) == 0 &&
      size.ws_col > 0) {
    width = size.ws_col;
  }
}

SystemTerminal::~SystemTerminal() {
  progress("");
}

void SystemTerminal::out(std::string_view text) {
  if (out_is_terminal) progress("");
  write_all(STDOUT_FILENO, text);
}

void SystemTerminal::err(std::string_view text) {
  progress("");
  write_all(STDERR_FILENO, text);
}

void SystemTerminal::progress(std::string_view line) {
  if (!err_is_terminal || (line.empty() && !progress_shown_)) return;
  const auto columns = static_cast<std::size_t>(width > 1 ? width - 1 : 1);
  write_all(STDERR_FILENO, "\r\x1b[K" + fit(line, columns));
  progress_shown_ = !line.empty();
}

core::Result<std::string> SystemTerminal::ask(std::string_view question) {
  if (!in_is_terminal) {
    return core::fail(core::Code::kInvalid,
                      "this asks a question and standard input is not a terminal (--yes answers "
                      "it beforehand)");
  }
  err(question);
  auto line = read_line();
  if (!line) write_all(STDERR_FILENO, "\n");
  return line;
}

core::Result<std::string> SystemTerminal::ask_secret(std::string_view question) {
  if (!in_is_terminal) {
    return core::fail(core::Code::kInvalid,
                      "a password is needed and standard input is not a terminal (pipe it in with "
                      "--password-stdin)");
  }
  err(question);
  const Silence silence;
  auto line = read_line();
  write_all(STDERR_FILENO, "\n");
  return line;
}

core::Result<std::string> SystemTerminal::read_all(std::size_t bytes_max) {
  std::string bytes;
  char part[16384];
  for (;;) {
    const ssize_t count = ::read(STDIN_FILENO, part, sizeof part);
    if (count == 0) return bytes;
    if (count < 0 && errno == EINTR) return core::fail(core::Code::kCancelled, "interrupted");
    if (count < 0) return core::fail_errno(errno, "reading standard input");
    bytes.append(part, static_cast<std::size_t>(count));
    if (bytes.size() > bytes_max) {
      return core::fail(core::Code::kLimit,
                        "standard input is larger than " + size_text(bytes_max));
    }
  }
}

}  // namespace muster::cli
