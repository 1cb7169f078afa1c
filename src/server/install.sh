#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Makes this machine a host of a Muster region: fetches the agent from the server, verifies it,
# installs it, enrols, starts. Safe to run again. The server fills in what stands between @ signs;
# whoever got this script over a verified connection has the digests of the programs with it.
set -eu

server='@SERVER@'
version='@VERSION@'
agents() {  # machine type and SHA-256
  cat <<'END'
@AGENTS@
END
}
authority() {
  cat <<'END'
@CA@
END
}
unit() {
  cat <<'END'
@UNIT@
END
}

program=/usr/local/bin/muster-agent
unit_file=/etc/systemd/system/muster-agent.service
config=/etc/muster/agent.toml
state=/var/lib/muster-agent
token=
token_file=
gateway=
dry_run=
uninstall=
start=yes
work=

say() { printf '%s\n' "$*"; }
fail() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}
usage() {
  cat <<END
Installs the Muster agent of $server on this machine, enrols and starts it.

  --token TOKEN        a join token, made by: muster token create
  --token-file FILE    reads it from a file
  --server HOST:PORT   the server, where it is to be reached at another address than $server
  --gateway HOST:PORT  log in at this gateway, as long as it answers
  --no-start           install and enrol only
  --uninstall          remove agent, configuration and state
  --dry-run            say what would be done
END
}
# Does a step, or says it.
step() {
  if [ -n "$dry_run" ]; then say "would run: $*"; else "$@"; fi
}
# Writes standard input to a file that every program reads whole, or says so.
write() {  # MODE FILE
  if [ -n "$dry_run" ]; then
    cat >/dev/null
    say "would write: $2"
  else
    mkdir -p "$(dirname "$2")"
    cat >"$2.new"
    chmod "$1" "$2.new"
    mv -f "$2.new" "$2"
  fi
}
systemd() { [ -d /run/systemd/system ]; }

fetch() {  # URL FILE
  if command -v curl >/dev/null; then
    curl -fsS --connect-timeout 20 --max-time 600 --cacert "$work/ca.pem" -o "$2" "$1"
  elif command -v wget >/dev/null; then
    wget -q --timeout=60 --ca-certificate="$work/ca.pem" -O "$2" "$1"
  else
    fail "neither curl nor wget is here; install one of them"
  fi
}

options() {
  while [ $# -gt 0 ]; do
    case "$1" in
      --token | --token-file | --server | --gateway)
        if [ $# -lt 2 ] || [ -z "$2" ]; then fail "$1 needs a value"; fi
        case "$1" in
          --token) token=$2 ;;
          --token-file) token_file=$2 ;;
          --server) server=$2 ;;
          --gateway) gateway=$2 ;;
        esac
        shift
        ;;
      --no-start) start= ;;
      --uninstall) uninstall=yes ;;
      --dry-run) dry_run=yes ;;
      -h | --help)
        usage
        exit 0
        ;;
      *) fail "unknown option $1; --help tells which there are" ;;
    esac
    shift
  done
}

packaged() { command -v dpkg-query >/dev/null && dpkg-query -W -f '${db:Status-Status}' muster-agent 2>/dev/null | grep -q '^installed'; }

stop_agent() {
  if systemd; then
    step systemctl --quiet disable --now muster-agent.service 2>/dev/null || true
  else
    pid=$("$program" status --state "$state" --config /dev/null 2>/dev/null |
      sed -n 's/^agent  *runs as process \([0-9]*\)$/\1/p') || true
    [ -z "$pid" ] || step kill "$pid" || true
  fi
}

remove() {
  if packaged; then fail "the agent was installed as a package; remove it by: apt purge muster-agent"; fi
  if [ ! -e "$program" ] && [ ! -e "$state" ] && [ ! -e "$unit_file" ]; then
    say "There is no agent here"
    return
  fi
  stop_agent
  step rm -f "$program" "$unit_file" "$config"
  step rm -rf "$state"
  if [ -d /etc/muster ]; then rmdir /etc/muster 2>/dev/null || true; fi
  if systemd; then step systemctl daemon-reload; fi
  [ -n "$dry_run" ] || say "The agent is removed; 'muster hosts remove' forgets the host on the server"
}

# Puts the agent of this machine's type into place; sets $changed where it is another than before.
install_program() {
  changed=
  if packaged; then
    program=/usr/bin/muster-agent
    say "The package muster-agent is installed; its agent is used"
    return
  fi
  type=$(uname -m)
  digest=$(agents | sed -n "s/^$type //p")
  [ -n "$digest" ] || fail "the server has no agent for $type machines; it has: $(agents | cut -d' ' -f1 | tr '\n' ' ')"
  if [ -x "$program" ] && [ "$(sha256sum "$program" | cut -d' ' -f1)" = "$digest" ]; then
    say "The agent $version is installed already"
    return
  fi
  say "Fetching the agent for $type from $server"
  fetch "https://$server/download/muster-agent-$type" "$work/agent" || fail "the agent could not be fetched from $server"
  [ "$(sha256sum "$work/agent" | cut -d' ' -f1)" = "$digest" ] ||
    fail "what $server sent is not the agent that this script is for; fetch the script again"
  chmod 755 "$work/agent"
  if ! told=$("$work/agent" --version 2>&1); then
    fail "the agent does not run here ($told); it needs a C library as new as Debian 12's, or its package's dependencies"
  fi
  step mkdir -p "$(dirname "$program")"
  step cp "$work/agent" "$program.new"
  step mv -f "$program.new" "$program"
  changed=yes
}

install_service() {
  if ! packaged; then
    if [ ! -e "$config" ]; then
      printf '# Settings of muster-agent; man muster-agent.toml(5) tells all.\nstate = "%s"\n' "$state" | write 644 "$config"
    fi
    if systemd; then
      unit | sed "s|/usr/bin/muster-agent|$program|" >"$work/unit"
      if ! cmp -s "$work/unit" "$unit_file"; then
        write 644 "$unit_file" <"$work/unit"
        changed=yes
      fi
      step systemctl daemon-reload
    fi
  fi
}

enrol() {
  if [ -e "$state/agent/agent.pem" ]; then
    say "This machine is enrolled already"
    return
  fi
  if [ -n "$token_file" ]; then token=$(cat "$token_file"); fi
  [ -n "$token" ] || fail "this machine is not enrolled: give --token TOKEN (an administrator makes one: muster token create)"
  if [ -n "$dry_run" ]; then
    say "would enrol at $server"
    return
  fi
  set -- enrol --server "$server" --token-file -
  [ -z "$gateway" ] || set -- "$@" --gateway "$gateway"
  # By standard input: everybody can read a command line.
  printf '%s\n' "$token" | "$program" "$@" || fail "the machine could not be enrolled; the agent is installed"
}

running() { "$program" status 2>/dev/null | grep -q '^link  *open'; }

start_agent() {
  [ -n "$start" ] || return 0
  if systemd; then
    step systemctl --quiet enable muster-agent.service
    if [ -n "$changed" ]; then
      step systemctl restart muster-agent.service
    else
      step systemctl start muster-agent.service
    fi
  else
    if [ -n "$changed" ] && [ -z "$dry_run" ]; then stop_agent; fi
    if ! running; then
      if [ -n "$dry_run" ]; then
        say "would start: $program run"
      else
        setsid "$program" run </dev/null >>/var/log/muster-agent.log 2>&1 &
      fi
    fi
    say "There is no systemd here: have '$program run' started at boot"
  fi
  [ -z "$dry_run" ] || return 0
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
    if running; then
      say "The agent is logged in at $server"
      return
    fi
    sleep 1
  done
  fail "the agent does not log in; see: $program status"
}

main() {
  options "$@"
  [ "$(uname -s)" = Linux ] || fail "there are agents for Linux only"
  if [ -z "$dry_run" ] && [ "$(id -u)" -ne 0 ]; then fail "this has to be root's; or see what it would do: --dry-run"; fi
  command -v sha256sum >/dev/null || fail "there is no sha256sum here"
  if [ -n "$uninstall" ]; then
    remove
    return
  fi
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  authority >"$work/ca.pem"
  install_program
  install_service
  enrol
  start_agent
}

main "$@"
