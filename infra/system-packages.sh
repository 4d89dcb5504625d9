#!/bin/sh
# Chromium, Chinese fonts, exiftool, PostgreSQL and libfaketime for the tests that drive them. Where they cannot be installed
# (no root, no apt) those tests skip and say why; nothing else needs them.
need=""
command -v chromium >/dev/null 2>&1 || need="$need chromium"
command -v exiftool >/dev/null 2>&1 || need="$need libimage-exiftool-perl"
[ -e /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc ] || need="$need fonts-noto-cjk"
command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || need="$need postgresql"
ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1 || need="$need libfaketime"  # make chaos: hosts with wrong clocks
[ -z "$need" ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "Not installed, so some tests will be skipped:$need"
  exit 0
fi
echo "Installing:$need"
export DEBIAN_FRONTEND=noninteractive
{ apt-get update -qq && apt-get install -y -qq --no-install-recommends $need; } >/dev/null 2>&1 \
  || echo "Could not install$need; the tests that need them will be skipped"
