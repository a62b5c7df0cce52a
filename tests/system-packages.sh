#!/usr/bin/env bash
# The Debian packages the tests need. Installs what is missing when run as root, else says which to install.
# Starts no service: the tests start servers of their own.
set -euo pipefail

packages=(
  chromium fonts-noto-cjk postgresql janus nginx openssl iproute2
  python3-gi gir1.2-gst-rtsp-server-1.0
  gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
)

# Cheaper to run than the whole browser; where a distribution has no such package the tests take that (tests/chromium.py).
shell=chromium-headless-shell
offered() { command -v apt-cache >/dev/null && apt-cache show "$shell" >/dev/null 2>&1; }
if offered; then
  packages+=("$shell")
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
if [[ " ${missing[*]} " == *" nginx "* ]] && command -v nginx >/dev/null; then
  missing=("${missing[@]/nginx/}")
  read -r -a missing <<<"${missing[*]}"
fi
((${#missing[@]})) || exit 0

how="apt-get install --no-install-recommends ${missing[*]}"
if ! command -v apt-get >/dev/null; then
  echo "测试需要这些软件，请自行安装 / the tests need these, please install them: ${missing[*]}" >&2
  exit 1
fi
if ((EUID != 0)); then
  echo "测试需要系统软件包，请执行 / the tests need system packages, please run: sudo $how" >&2
  exit 1
fi

# No package may start its service while it is installed (invoke-rc.d asks this file).
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
echo "安装 / installing: ${missing[*]}"
apt-get update --quiet --quiet
if [[ $how != *$shell* ]] && offered; then
  how+=" $shell"  # a machine that never asked for its lists of packages did not know before
fi
$how --yes --quiet --quiet >/dev/null
