// SPDX-License-Identifier: Apache-2.0
//
// Terminal is where a command reads and writes: standard output for answers,
// standard error for everything about them, and the person at the keyboard.
//
// Bytes from hosts are hostile on a terminal: write them by out_bytes() and
// err_bytes(), which keep them byte for byte in files and pipes and make escape
// sequences visible on a screen.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace muster::cli {

enum class Color { kNone, kBold, kDim, kRed, kGreen, kYellow, kCyan };

class Terminal {
 public:
  virtual ~Terminal() = default;

  /// To standard output, as it is.
  virtual void out(std::string_view text) = 0;
  /// To standard error, as it is. Clears the progress line first.
  virtual void err(std::string_view text) = 0;
  /// Replaces the line that is rewritten in place on standard error; empty clears
  /// it. Nothing happens where standard error is not a terminal.
  virtual void progress(std::string_view line) = 0;
  /// One line from the keyboard. kCancelled by Ctrl-C, kUnavailable where nobody
  /// is there to ask.
  virtual core::Result<std::string> ask(std::string_view question) = 0;
  /// The same, without showing what is typed.
  virtual core::Result<std::string> ask_secret(std::string_view question) = 0;
  /// Standard input to its end.
  virtual core::Result<std::string> read_all(std::size_t bytes_max) = 0;

  /// Foreign bytes: made printable on a screen, untouched elsewhere.
  void out_bytes(std::string_view bytes);
  void err_bytes(std::string_view bytes);
  /// A yes-or-no question; no unless answered with y or yes.
  core::Result<bool> confirm(std::string_view question);

  /// `text` in colour where standard output (`error`: standard error) shows colours.
  std::string paint(Color color, std::string_view text) const;
  std::string paint_error(Color color, std::string_view text) const;

  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool in_is_terminal = false;
  bool colors = false;  ///< Allowed at all: NO_COLOR is not set, TERM is not dumb.
  int width = 80;       ///< Columns of the screen.
};

/// The terminal of this process. A broken pipe ends the process as SIGPIPE would;
/// any other failure to write ends it with a message and kExitFailed.
class SystemTerminal final : public Terminal {
 public:
  SystemTerminal();
  ~SystemTerminal() override;
  void out(std::string_view text) override;
  void err(std::string_view text) override;
  void progress(std::string_view line) override;
  core::Result<std::string> ask(std::string_view question) override;
  core::Result<std::string> ask_secret(std::string_view question) override;
  core::Result<std::string> read_all(std::size_t bytes_max) override;

 private:
  bool progress_shown_ = false;
};

}  // namespace muster::cli
