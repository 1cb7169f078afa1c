# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# What a method in shell may use; any POSIX shell. Source it:  . "$PT__installdir/muster_sdk/files/muster.sh"
#
# Arguments are those of the environment (input method `environment`, or the usual `both`). Outside of
# Muster everything works too: progress goes nowhere, calls fail.

# muster_arg NAME [DEFAULT]: prints the argument; without one and without a default the method fails.
muster_arg() {
  case $1 in '' | *[!a-z0-9_]*) muster_fail "muster_arg: '$1' is no name of an argument" ;; esac
  if eval "[ -n \"\${PT_$1+set}\" ]"; then
    eval "printf '%s\n' \"\$PT_$1\""
  elif [ $# -ge 2 ]; then
    printf '%s\n' "$2"
  else
    muster_fail "the argument '$1' is missing"
  fi
}

# muster_json TEXT: prints it as a JSON string. Control characters become blanks.
muster_json() {
  printf '"%s"' "$(printf '%s' "$1" | tr '\001-\037\177' ' ' | sed 's/\\/\\\\/g; s/"/\\"/g')"
}

# A reader that is gone must not end the method.
_muster_say() {
  [ -n "${MUSTER_CHANNEL-}" ] || return 1
  (trap '' PIPE; printf '%s\n' "$1" >&"$MUSTER_CHANNEL") 2>/dev/null
}

# muster_progress PERCENT [TEXT]: how far it is; PERCENT may be empty.
muster_progress() {
  _muster_say "{\"type\":\"progress\"${1:+,\"percent\":$1}${2:+,\"text\":$(muster_json "$2")}}" || :
}

# muster_log LEVEL MESSAGE [FIELDS]: a line of the log, kept with the result. LEVEL: debug, info, warning or
# error. FIELDS: a JSON object.
muster_log() {
  printf '%s: %s%s\n' "$1" "$(printf '%s' "$2" | tr '\001-\037\177' ' ')" "${3:+ $3}" >&2
}

# muster_call NAME [JSON]: asks, waits, prints the answer (JSON). Status 1, and why on stderr, where there is none.
muster_call() {
  _muster_say "{\"type\":\"call\",\"id\":1,\"name\":$(muster_json "$1"),\"body\":${2:-null}}" || {
    muster_log error "$1: there is no channel to an agent"
    return 1
  }
  while IFS= read -r _muster_line <&"$MUSTER_CHANNEL"; do
    case $_muster_line in
      '{"type":"reply","id":1,"body":'*)
        _muster_line=${_muster_line#'{"type":"reply","id":1,"body":'}
        printf '%s\n' "${_muster_line%?}"
        return 0
        ;;
      '{"type":"reply","id":1,"error":'*)
        _muster_line=${_muster_line#'{"type":"reply","id":1,"error":'}
        muster_log error "$1: no answer" "${_muster_line%?}"
        return 1
        ;;
    esac
  done
  muster_log error "$1: the channel ended"
  return 1
}

# muster_fetch FILE: prints where FILE (module/files/name) of the method's own package lies now.
muster_fetch() {
  _muster_answer=$(muster_call content.fetch "{\"path\":$(muster_json "$1")}") || return 1
  _muster_answer=${_muster_answer#'{"path":"'}
  printf '%s\n' "${_muster_answer%'"}'}"
}

# muster_start REQUEST [KEY]: starts a run on other hosts and prints its id. REQUEST: what the API's RunRequest takes, as
# {"selector":"name=db1","method":{"name":"db::load"}}. Who starts the first run says what is allowed. KEY names this start
# among those of this process: asked for again, it starts nothing twice.
muster_start() {
  _muster_start=${1%'}'}
  _muster_starts=$((${_muster_starts:-0} + 1))
  _muster_key=$(muster_json "${2:-sh $$ $_muster_starts}")
  _muster_answer=$(muster_call_again run.start "$_muster_start,\"key\":$_muster_key}") || return 1
  _muster_answer=${_muster_answer#*'"run":"'}
  printf '%s\n' "${_muster_answer%%'"'*}"
}

# muster_wait RUN: waits until a run that muster_start began has ended. Status 1 unless all its hosts succeeded.
muster_wait() {
  while _muster_answer=$(muster_call_again run.wait "{\"run\":$(muster_json "$1")}"); do
    case $_muster_answer in
      *'"state":"finished"'*) break ;;
      *) sleep 0.2 ;;
    esac
  done
  _muster_all=${_muster_answer#*'"targets":'}
  _muster_all=${_muster_all%%[!0-9]*}
  case $_muster_answer in
    *'"state":"finished"'*"\"succeeded\":$_muster_all"[,'}']*) return 0 ;;
  esac
  return 1
}

# muster_result RUN: prints outcome and output of its hosts, JSON: {"state","results":[{"name","state","result",…}],"next"}.
muster_result() {
  muster_call_again run.result "{\"run\":$(muster_json "$1")}"
}

# muster_call_again NAME JSON: as muster_call, and again for up to a minute while the server is away.
muster_call_again() {
  _muster_tries=0
  while ! _muster_said=$(muster_call "$1" "$2" 2>&1); do
    _muster_tries=$((_muster_tries + 1))
    case $_muster_said in
      *'"code":"unavailable"'* | *'"code":"timeout"'*) [ "$_muster_tries" -lt 60 ] && sleep 1 && continue ;;
    esac
    printf '%s\n' "$_muster_said" >&2
    return 1
  done
  printf '%s\n' "$_muster_said"
}

# muster_result_file FILE: the file becomes the result, whatever its size; extensions.muster.output_bytes_max of
# the metadata must allow it. Nothing else may be written to stdout.
muster_result_file() {
  cat -- "$1"
}

# muster_fail MESSAGE [KIND]: the method has failed, and says why.
muster_fail() {
  printf '{"_error":{"msg":%s,"kind":%s,"details":{}}}\n' "$(muster_json "$1")" "$(muster_json "${2:-method/failed}")"
  exit 1
}
